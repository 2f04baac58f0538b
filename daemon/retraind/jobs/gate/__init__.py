"""The owner's gate: the command, what it is shown, and what follows from its verdict."""
