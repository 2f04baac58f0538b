"""Commands around the configuration: whether it works, and what systemd has to know of it."""
