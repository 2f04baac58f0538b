"""What a model predicts, in the service's terms."""

from enum import StrEnum


class PredictionType(StrEnum):
    """The kinds of models that the service trains."""

    BINARY = "binary"
    """One of two classes."""
    MULTICLASS = "multiclass"
    """One of up to 200 classes."""
    REGRESSION = "regression"
    """A number."""
