"""The models that predict latency, by the names that files and scores use."""

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
"""Models from the simplest to the most complex; the last, `macs_line`, is the baseline that a table has to beat."""
