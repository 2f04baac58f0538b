"""The service's terms: what a model predicts, and the status of a training that has finished."""

from enum import StrEnum

FINISHED = "job_finished"
"""The one documented status: Retrain Status Check."""


class PredictionType(StrEnum):
    """The kinds of models that the service trains."""

    BINARY = "binary"
    """One of two classes."""
    MULTICLASS = "multiclass"
    """One of up to 200 classes."""
    REGRESSION = "regression"
    """A number."""
