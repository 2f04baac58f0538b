"""Moves jobs on: what is due, the drop folders under watch, and the upkeep of keys and old jobs."""
