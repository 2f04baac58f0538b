"""Jobs, turns and failures: plain data and pure functions."""
