"""Reads CSV and TSV in one pass, from the bytes of a file to the facts that the rules judge.

From the outside in: `stream` reads a file once for all who need its bytes; `table` finds out what the file
is, and gathers what is found in it; `rows` takes its text. `prover` proves many records good at once
(`automaton`); those that it cannot prove, `records` reads the exact way (`windows`, `unfinished`). What the
rows show goes to `columns/`; what a table should not have, to `oddities`; the characters, to `encoding`.
"""
