"""Reads CSV and TSV in one pass."""
