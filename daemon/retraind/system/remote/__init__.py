"""Helper processes that touch remote and FUSE file systems, so that none of our threads ever hangs in one."""
