"""The configuration: its file, its keys and their types."""
