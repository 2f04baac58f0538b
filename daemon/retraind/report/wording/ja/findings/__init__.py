"""Findings: a module for each group of rules."""
