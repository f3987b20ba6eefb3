"""Ways to predict milliseconds, by the name that files and scores bear."""

from predictors.models.boosting import BoostedTable
from predictors.models.counts import MacsLine
from predictors.models.lookup import TableLine, TableSum
from predictors.models.model import Model
from predictors.models.ridge import TableRidge

MODELS: dict[str, type[Model]] = {
    "table": TableSum,
    "table_line": TableLine,
    "table_ridge": TableRidge,
    "table_line_xgboost": BoostedTable,
    "macs_line": MacsLine,
}
"""From the simplest up; `macs_line` is the baseline that a table has to beat."""
