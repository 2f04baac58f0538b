"""The steps of a job's life, its folders and the owner's gate."""
