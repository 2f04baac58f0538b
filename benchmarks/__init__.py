"""How fast retraind is, beside other ways to do the same: `make bench`. What was found stands in docs/performance.md."""
