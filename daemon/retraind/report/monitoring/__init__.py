"""What other programs are told: whether retraind works, its metrics, its heartbeat."""
