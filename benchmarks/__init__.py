"""How fast retraind is, beside other ways to do the same: `make bench`.

docs/performance.md has the figures.

`make bench`. What was found stands in docs/performance.md.
"""
