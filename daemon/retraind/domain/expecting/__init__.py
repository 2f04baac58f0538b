"""When a model's next delivery is due, by a rule or by what has come so far, and whether it is late."""
