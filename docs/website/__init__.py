"""Makes the documents a site: `make site`. Pages come from docs/, from the code, and from nowhere else."""
