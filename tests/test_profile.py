import dataclasses

import pytest

from latency_tables.tables.profile import Profile

PROFILE = Profile("nano", "local", "onnxruntime", "1", 1, "fp32", "", "cpu", "chip", "os")


def test_json_and_back():
    assert Profile.from_json(PROFILE.to_json()) == PROFILE


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Profile)])
def test_every_field_changes_the_fingerprint(field):
    assert dataclasses.replace(PROFILE, **{field: 2 if field == "threads" else "other"}).fingerprint != PROFILE.fingerprint


@pytest.mark.parametrize("change, words", [({"chip": "another"}, "fingerprint"), ({"chip": None}, "fingerprint")])
def test_a_changed_record_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        Profile.from_json({**PROFILE.to_json(), **change})


def test_a_missing_field_is_named():
    record = PROFILE.to_json()
    del record["chip"]
    with pytest.raises(ValueError, match="needs the fields chip"):
        Profile.from_json(record)
