"""What other programs can monitor: whether retraind works, its metrics, its heartbeat."""
