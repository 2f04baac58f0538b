"""What outlives a restart: the journal, the copies of its jobs beside their files, and recovery."""
