import json
import os
import re
import signal
import threading
import urllib.error
import urllib.request

import pytest

from search.metrics.counted import MACS
from search.metrics.predicted import LATENCY
from search.study.study import read_candidates
from search.verbs.dashboard import dashboard
from tests.test_study import open_study, run


@pytest.mark.parametrize("kept", ["journal", "postgres"])
def test_a_study_is_shown_and_not_changed(tmp_path, capfd, request, kept):
    study = open_study(tmp_path / "study", None if kept == "journal" else request.getfixturevalue("postgres").url)
    run(study, 5)
    told = study.candidates()
    found = {}

    def visit() -> None:
        try:
            said = ""
            while not (address := re.search(r"(http://127.0.0.1:\d+) shows", said)):
                said += capfd.readouterr().err
            (summary,) = _ask(f"{address[1]}/api/studies")[1]["study_summaries"]
            found["before"] = _ask(f"{address[1]}/api/studies/{summary['study_id']}")[1]
            trial = found["before"]["trials"][0]["trial_id"]
            found["refused"] = [
                _ask(f"{address[1]}/api/studies/{summary['study_id']}", "DELETE")[0],
                _ask(f"{address[1]}/api/trials/{trial}/user-attrs", "POST")[0],
                _ask(f"{address[1]}/api/studies/{summary['study_id']}/{trial}/note", "PUT")[0],
            ]
            run(study, 1)  # the search goes on meanwhile
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    visitor = threading.Thread(target=visit)
    visitor.start()
    with pytest.raises(KeyboardInterrupt):
        dashboard(tmp_path, port=0)
    visitor.join()
    study.close()
    assert found["refused"] == [403, 403, 403]
    assert read_candidates(tmp_path / "study")[:5] == told
    assert [trial["state"] for trial in found["before"]["trials"]] == ["Complete"] * 5
    assert found["before"]["objective_names"] == ["ao", "latency_ms", "auc"]
    for candidate, trial in zip(told, found["before"]["trials"], strict=True):
        limits = [candidate.value(MACS) / 20e6 - 1, candidate.value(LATENCY) / 100 - 1]
        assert trial["constraints"] == pytest.approx(limits)


def _ask(address: str, method: str = "GET") -> tuple[int, dict]:
    body = None if method == "GET" else b"{}"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, {}


def test_no_study_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="journal.log"):
        dashboard(tmp_path)
