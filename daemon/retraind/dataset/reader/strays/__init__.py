"""Rows that are not data: the header once more, rows of blanks, lines under the names."""
