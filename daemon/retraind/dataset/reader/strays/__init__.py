"""Rows that are no data: the header once more, rows of blanks, lines under the names."""
