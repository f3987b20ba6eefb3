"""The tables that come with chiptrack are whole, measured, and good enough to predict from."""

import numpy as np
import pytest

from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from supernet.families import FAMILIES

TABLES = sorted(SHIPPED.glob("*.csv"))


def test_there_are_tables_of_several_runtimes():
    assert {LatencyTable.load(path).profile.runtime for path in TABLES} >= {"onnxruntime", "openvino", "ncnn", "mnn", "litert"}


@pytest.mark.parametrize("path", TABLES, ids=[path.stem for path in TABLES])
def test_a_shipped_table_is_whole_and_measured(path):
    table = LatencyTable.load(path)
    profile = table.profile
    assert path.stem == f"{profile.family}-{profile.runtime}-{profile.precision}"
    assert set(table.operators) == {op.key for op in FAMILIES[profile.family].all_operators}
    assert len(table.network_ms("search")) == len(table.network_ms("template")) >= 30
    assert not any("simulated" in m.flag or "imported" in m.flag for m in table.operators.values())
    assert table.about["date"] and table.about["governor"] and table.about["settings"]["rounds"] > 1


@pytest.mark.parametrize("path", TABLES, ids=[path.stem for path in TABLES])
def test_a_predictor_of_a_shipped_table_ranks_its_networks(path):
    table = LatencyTable.load(path)
    predictor, by_ms = fit(table), table.network_ms("search")
    architectures = [FAMILIES[table.profile.family].parse(name) for name in by_ms]
    predicted, measured = predictor.predict(architectures).value, np.array(list(by_ms.values()))
    assert np.corrcoef(predicted, measured)[0, 1] > 0.95
    assert np.median(np.abs(predicted / measured - 1)) < 0.05
