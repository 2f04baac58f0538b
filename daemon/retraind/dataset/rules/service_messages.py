"""The service's own messages for data that it rejects, as its manual lists them."""

FORMAT = "not in a supported file format"
ENCODING = "character encoding is not supported"
SAME_NAME = "multiple variables with the same name"
ONE_COLUMN = "only one variable"
MANY_COLUMNS = "too many variables"
RAGGED = "rows with a different number of variables"
FEW_ROWS = "insufficient data"
NOT_EQUAL = "the variables in the training data and evaluation data must match exactly"
TARGET = "unavailable prediction type"
DATES = "date and time not within the supported period"

DATA_MESSAGES = frozenset(
    {FORMAT, ENCODING, SAME_NAME, ONE_COLUMN, MANY_COLUMNS, RAGGED, FEW_ROWS, NOT_EQUAL, TARGET, DATES}
)
"""The messages of a training that failed because of its data."""
