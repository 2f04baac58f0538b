"""Causes: why a file is not a table as it should be. A cause replaces the findings that follow from it."""
