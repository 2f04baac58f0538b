"""What names in a drop folder stand for: pieces of a table, and what proves that files are complete."""
