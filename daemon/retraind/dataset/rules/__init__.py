"""The service's rules about data, as functions from a reading to findings."""
