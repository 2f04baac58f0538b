"""The process, and how systemd runs it."""
