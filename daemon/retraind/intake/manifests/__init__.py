"""Manifests and lists of checksums, and their comparison with the files in a drop folder."""
