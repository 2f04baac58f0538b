"""The ground: files, mounts, clock, log, processes. Nothing here knows of jobs."""
