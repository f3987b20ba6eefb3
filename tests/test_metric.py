import dataclasses
import json
import pickle

import pytest

from search.metrics import Metric

PHONE = Metric("latency", "ms", source="predicted", device="phone")


@pytest.mark.parametrize(
    "metric, name, limit",
    [
        (Metric("macs", "multiply-adds"), "macs", "max_macs"),
        (PHONE, "latency_ms:phone", "max_latency:phone"),
        (Metric("memory", "MB"), "memory_mb", "max_memory"),
        (Metric("energy", "mJ", device="my phone"), "energy_mj:my phone", "max_energy:my phone"),
        (Metric("ao", direction="maximize", again=True), "ao_rescored", "max_ao"),
        (Metric("ao@FPS", direction="maximize", fps=30, device="phone", again=True), "ao@30_rescored:phone", "max_ao@FPS:phone"),
        (Metric("latency_ms", "", device="a:b"), "latency_ms:a:b", "max_latency_ms:a:b"),  # nothing is read from a name
    ],
)
def test_names(metric, name, limit):
    assert (metric.name, metric.limit_name) == (name, limit)


def test_small_is_good_with_the_sign():
    assert (Metric("ao", direction="maximize").sign, Metric("macs").sign) == (-1, 1)


def test_a_record_holds_every_field():
    assert Metric.from_json(json.loads(json.dumps(PHONE.to_json()))) == PHONE
    behind = Metric("ao@FPS", direction="maximize", fps=29.97, device="phone")
    assert Metric.from_json(json.loads(json.dumps(behind.to_json()))) == behind
    assert "fps" not in PHONE.to_json()  # as records were before there were cameras
    with pytest.raises(KeyError):
        Metric.from_json({"name": "latency_ms:phone"})


def test_found_again_is_another_metric_of_the_same_kind():
    again = PHONE.found_again
    assert again != PHONE and again.found_again == again
    assert dataclasses.replace(again, again=False) == PHONE


@pytest.mark.parametrize(
    "field, value", [("kind", "template"), ("unit", "s"), ("direction", "maximize"), ("device", "pi"), ("again", True), ("fps", 30.0)]
)
def test_equal_metrics_are_one_key(field, value):
    assert {PHONE: 1}[dataclasses.replace(PHONE)] == 1
    assert dataclasses.replace(PHONE, **{field: value}) not in {PHONE: 1}


def test_a_hash_stays_in_its_process():
    fresh, asked = dataclasses.replace(PHONE), dataclasses.replace(PHONE)
    assert hash(asked) == hash(fresh)
    assert pickle.dumps(asked) == pickle.dumps(dataclasses.replace(PHONE))
    assert pickle.loads(pickle.dumps(asked)) == PHONE
