"""The loop: a queue of models, reconcile(model), sources of hints, upkeep of keys, retention of jobs."""
