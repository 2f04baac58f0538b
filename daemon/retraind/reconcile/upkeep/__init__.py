"""Upkeep beside the loop: keys, permissions, job folders, overdue and hanging work, retention."""
