"""Texts for people and programs next to the files: notes, report.json, STATUS.txt."""
