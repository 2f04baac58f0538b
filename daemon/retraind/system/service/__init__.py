"""The process, and what systemd makes of it."""
