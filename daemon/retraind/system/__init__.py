"""The ground: files, mounts, clocks, logs. Knows nothing of jobs."""
