"""retraind delivers new data to a machine-learning service and switches the retrained model."""

__version__ = "0.2.0"
