"""Numbers that docs quote are those of the committed records, which say what made them."""

import re
from pathlib import Path

import pytest

from benchmarks import chips, generator_steps, learning_curves, lost_and_found, peers, presence_auc, shipped_weights, winner_and_peers
from benchmarks.record import RESULTS
from tracking.files.records import read_record

DOCS = Path(__file__).parents[1] / "docs"
SHOWN = {
    "learning_curves": ("results.md", learning_curves.show),
    "presence_auc": ("results.md", presence_auc.show),
    "lost_and_found": ("results.md", lost_and_found.show),
    "peers": ("results.md", peers.show),
    "winner_and_peers": ("results.md", winner_and_peers.show),
    "generator_steps": ("results.md", generator_steps.show),
    "chips": ("results.md", chips.show),
    "shipped_weights": ("weights.md", shipped_weights.show),
}
"""By name of a record, the page that quotes it and what draws its tables."""


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_quotes_a_record_in_full_or_says_that_there_is_none(name):
    page, show = SHOWN[name]
    text, path = (DOCS / page).read_text(encoding="utf-8"), RESULTS / f"{name}.json"
    missing = f"*Not measured yet: there is no `docs/results/{name}.json`.*"
    if not path.is_file():
        assert missing in text
        return
    record = read_record(path)
    assert missing not in text and record["script"] == f"benchmarks/{name}.py" and record["script"] in text
    for part in show(record["rows"]).split("\n\n"):
        assert part in text, f"docs/{page} must quote what `python -m benchmarks.{name}` prints"
    assert f"{record['machine']}, {record['minutes']:g} minutes" in text


def test_every_record_and_script_that_a_page_names_exists():
    for page in ("results.md", "weights.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        for name in re.findall(r"`benchmarks/(\w+)\.py`", text):
            assert (DOCS.parent / "benchmarks" / f"{name}.py").is_file(), name
        for name in re.findall(r"\(results/([\w.-]+)\)", text):
            assert (RESULTS / name).is_file(), name
