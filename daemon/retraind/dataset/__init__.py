"""What is in the data files: one reader, and the rules of the service."""
