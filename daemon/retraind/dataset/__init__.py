"""What is in the data files: the reader, and the service's rules for data."""
