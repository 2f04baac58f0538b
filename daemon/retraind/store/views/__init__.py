"""The journal as pages read it, in a process that may not write: opened read-only, in few queries."""
