import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from latency_tables.measuring import networks
from search.fidelity.alone import trainings
from search.fidelity.page import draw
from search.fidelity.record import Fidelity, Measured, Setting, load, save
from search.fidelity.reference import check_complete, read
from search.fidelity.statistics import figures
from search.fidelity.zero_cost import synflow
from search.verbs.fidelity import ComparisonOptions, fidelity
from supernet.checkpoints import load_supernet, load_tracker, save_supernet
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from supernet.training.options import TrainingOptions
from supernet.training.paths.sizes import largest, smallest
from tests.commands import run
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence

ROOT = Path(__file__).parents[1]
NANO = FAMILIES["nano"]
FEW = ComparisonOptions(architectures=3, seeds=2, judged_pairs=32)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A few frames: to draw the generated world of every seed would take a second each."""
    folder = tmp_path_factory.mktemp("data")
    for i in range(3):
        save_sequence(synthetic_sequence(i, frames=4), folder / f"{i}")
    return f"folder:{folder}"


@pytest.fixture(scope="module")
def short(data):
    return TrainingOptions(data=data, steps=2, batch=2, loaders=0)


@pytest.fixture(scope="module")
def supernet(tmp_path_factory):
    path = tmp_path_factory.mktemp("supernet") / "s.safetensors"
    made = NANO.supernet()
    initialise(made, 0)
    save_supernet(path, made, {"paths": "sandwich", "recipe": {"steps": 7}})
    return path


@pytest.fixture(scope="module")
def whole(supernet, short, tmp_path_factory):
    """A fidelity run that nothing interrupts, and its answer."""
    out = tmp_path_factory.mktemp("fidelity") / "run"
    return out, fidelity(supernet=supernet, out=out, comparison=FEW, training=short)


def rows(inherited, alone, macs=None) -> list[Measured]:
    macs = macs or range(1, len(inherited) + 1)
    return [Measured(f"a{i}", f"{i}", m, m, float(m), x, y) for i, (x, y, m) in enumerate(zip(inherited, alone, macs, strict=True))]


@pytest.mark.parametrize(
    "inherited, tau",
    [
        ([1, 2, 3, 4], 1.0),
        ([1, 2, 4, 3], 4 / 6),  # one of six pairs is in the wrong order
        ([4, 3, 2, 1], -1.0),
        ([2, 2, 2, 2], 0.0),  # says nothing
    ],
)
def test_tau_counts_pairs(inherited, tau):
    found = figures(rows(inherited, [(1.0,), (2.0,), (3.0,), (4.0,)]))
    assert found.kendall.value == pytest.approx(tau)
    assert found.macs_kendall.value == 1  # the larger, the better
    assert found.above_macs.value == pytest.approx(tau - 1)
    assert found.ceiling is None and found.architectures == 4


def test_scores_alone_are_averaged_and_their_seeds_agree_as_far_as_they_do():
    found = figures(rows([1, 2, 3], [(1.0, 2.0), (2.0, 1.0), (3.0, 4.0)]))
    # means 1.5, 1.5, 3.5: two pairs in order, one tie; seeds agree on two of three pairs
    assert found.kendall.value == pytest.approx(2 / (2 * 3) ** 0.5)
    assert found.ceiling == pytest.approx((2 - 1) / 3)


def test_figures_are_those_of_scipy(rng):
    from scipy.stats import kendalltau, spearmanr

    alone, inherited = rng.integers(0, 9, 20).astype(float), rng.integers(0, 9, 20).astype(float)  # with ties
    found = figures(rows(inherited.tolist(), [(x,) for x in alone]))
    assert found.kendall.value == pytest.approx(kendalltau(inherited, alone).statistic)
    assert found.spearman.value == pytest.approx(spearmanr(inherited, alone).statistic)


def test_the_best_quarter_is_looked_for():
    alone = [(float(i),) for i in range(8)]
    assert figures(rows([0, 9, 2, 3, 4, 5, 6, 7], alone)).top_overlap == 0.5
    assert figures(rows([1, 0, 2, 3, 4, 5, 6, 7], alone)).top_overlap == 1.0
    assert figures(rows([1, 0, 2, 3, 4, 5, 6, 7], alone)).top == 2


def test_intervals_shrink_with_the_number_of_architectures(rng):
    def width(count):
        alone = np.arange(float(count))
        found = figures(rows((alone + rng.normal(0, count / 6, count)).tolist(), [(x,) for x in alone])).kendall
        assert found.low <= found.value <= found.high
        return found.high - found.low

    assert width(64) < 0.6 * width(8)


def test_too_few_architectures_have_no_ranking():
    with pytest.raises(ValueError, match="at least 3 architectures, got 2"):
        figures(rows([1, 2], [(1.0,), (2.0,)]))


def test_synflow_by_hand():
    """A network whose score is the sum of |weight * gradient| of a chain: 2 layers with weights 3 and 4 on one number each."""

    class Chain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)

        def forward(self, template, search):
            return (self.b(self.a(search[:, :1, :1, :1])),)

    class OfOne:
        def network(self, arch):
            return Chain()

        def settings_of(self, arch):
            return NANO.settings

    arch = NANO.space.sample(np.random.default_rng(0))
    with torch.no_grad():
        made = Chain()
        initialise(made, 0)
        product = abs(made.a.weight * made.b.weight).item()
    assert synflow(OfOne(), arch) == pytest.approx(np.log(2 * product), rel=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["nano", "elastic"])
def test_synflow_rises_with_width(name):
    family = FAMILIES[name]
    assert synflow(family, smallest(family)) < synflow(family, largest(family))


def test_a_run_compares_what_it_trained(whole, supernet):
    out, answer = whole
    assert {"kendall", "spearman", "low", "high", "macs_kendall", "params_kendall", "ceiling", "architectures"} < set(answer)
    found = load(out / "fidelity.json")
    assert found.setting.paths == "sandwich" and found.setting.supernet_steps == 7 and found.setting.steps == 2
    assert [row.key for row in found.rows] == [arch.key for arch in networks.draw(NANO, 3, 0)]
    assert figures(found.rows).kendall.value == answer["kendall"]
    names = sorted(path.name for path in (out / "alone").iterdir())
    checkpoints = [f"{row.key}-{seed}.safetensors" for row in found.rows for seed in (1, 2)]
    assert names == sorted([*checkpoints, *(f"{name}.part.jsonl" for name in checkpoints)])
    with (out / "fidelity.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["alone_2"]) for row in table] == [row.alone[1] for row in found.rows]
    assert all(np.isfinite(row.inherited) and len(set(row.alone)) == 2 for row in found.rows)


def test_networks_are_judged_by_their_score_on_the_same_pairs(whole, supernet, data, tmp_path):
    """Inherited scores are those of the supernet's subnets: computed anew, as the family's loss says."""
    from search.fidelity.judging import PairScore
    from search.judging.validation import SEARCH_SEED, Validation
    from supernet.training.batches import tensors
    from supernet.training.calibrate import calibrate

    row = load(whole[0] / "fidelity.json").rows[1]
    arch = networks.draw(NANO, 3, 0)[1]
    network = load_supernet(supernet).extract(arch)
    validation, judge = Validation(data, 2), PairScore(NANO, data, 32, "fit", "cpu", tmp_path)
    judge._judge._in_16_bits = False
    judged = judge(load_supernet(supernet).extract(arch), arch)
    calibrate(network, *tensors(validation.pairs(NANO.settings, 0))[:2])
    with torch.no_grad():
        loss = sum(NANO.loss()(network, tensors(validation.group(NANO, SEARCH_SEED, 0, 0, 32))).values())
    assert judged == pytest.approx(float(torch.exp(-loss)), rel=1e-4)
    assert row.inherited == pytest.approx(judged, rel=0.1)  # a CPU may judge in 16 bits


def test_other_supernets_are_judged_by_the_same_networks_alone(whole, tmp_path):
    out, _ = whole
    other = tmp_path / "o.safetensors"
    made = NANO.supernet()
    initialise(made, 1)
    save_supernet(other, made)
    fidelity(supernet=other, out=tmp_path / "run", alone=out, comparison=FEW)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["fidelity.csv", "fidelity.html", "fidelity.json", "pairs"]
    before, after = (load(path / "fidelity.json") for path in (out, tmp_path / "run"))
    assert [row.alone for row in before.rows] == [row.alone for row in after.rows]
    assert [row.inherited for row in before.rows] != [row.inherited for row in after.rows]
    assert after.setting.paths == "" and after.setting.steps == 2

    broken = tmp_path / "broken"
    shutil.copytree(out, broken)
    next(iter((broken / "alone").glob("*-2.safetensors"))).unlink()
    with pytest.raises(FileNotFoundError, match="lacks 1, the first is .*-2.safetensors; finish that fidelity run with --resume"):
        fidelity(supernet=other, out=tmp_path / "again", alone=broken, comparison=FEW)


def test_a_run_is_never_mixed_with_another(whole, supernet, short):
    out, _ = whole
    with pytest.raises(FileExistsError, match="add --resume"):
        fidelity(supernet=supernet, out=out, comparison=FEW, training=short)
    again = replace(short, resume=True)
    with pytest.raises(ValueError, match="steps was 2, is 3"):
        fidelity(supernet=supernet, out=out, comparison=FEW, training=replace(again, steps=3))
    with pytest.raises(ValueError, match="seeds was 2, is 1"):
        fidelity(supernet=supernet, out=out, comparison=replace(FEW, seeds=1), training=again)
    with pytest.raises(ValueError, match="the architectures are others"):
        fidelity(supernet=supernet, out=out, comparison=replace(FEW, drawn=5), training=again)
    before = (out / "fidelity.json").read_bytes()
    times = {path: path.stat().st_mtime_ns for path in (out / "alone").iterdir()}
    fidelity(supernet=supernet, out=out, comparison=FEW, training=again)
    assert (out / "fidelity.json").read_bytes() == before
    assert times == {path: path.stat().st_mtime_ns for path in (out / "alone").iterdir()}


SCRIPT = """
import sys
from pathlib import Path
import supernet.training.fit
from search.verbs.fidelity import ComparisonOptions, fidelity
from supernet.training.options import TrainingOptions
if __name__ == "__main__":
    few = ComparisonOptions(architectures=3, seeds=2, judged_pairs=32, workers=int(sys.argv[3]))
    fidelity(supernet=Path(sys.argv[1]), out=Path(sys.argv[2]), comparison=few, training=TrainingOptions(sys.argv[4], steps=2, batch=2, loaders=0))
"""


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_and_resume_give_the_same_figures(whole, supernet, short, tmp_path, workers):
    out, script = tmp_path / "run", tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    words = [sys.executable, str(script), str(supernet), str(out), str(workers), short.data]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 240
    while not list((out / "alone").glob("*.safetensors")):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended or hung before it trained anything"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while alive(process.pid):  # its own processes notice, and end by themselves
        assert time.monotonic() < deadline, "a process outlives the command"
        time.sleep(0.05)
    assert not (out / "fidelity.json").exists()
    done = {path: path.stat().st_mtime_ns for path in (out / "alone").glob("*.safetensors")}
    fidelity(supernet=supernet, out=out, comparison=replace(FEW, workers=workers), training=replace(short, resume=True))
    assert all(path.stat().st_mtime_ns == before for path, before in done.items())
    first, second = (load(path / "fidelity.json") for path in (whole[0], out))
    assert first == second


def test_errors_of_a_training_reach_the_caller(supernet, short, tmp_path):
    (tmp_path / "run/alone").mkdir(parents=True)
    for training in trainings(tmp_path / "run/alone", networks.draw(NANO, 3, 0), 2):
        training.out.with_name(training.out.name + ".part").write_bytes(b"no state")
    with pytest.raises(ValueError, match="the state of a training must be whole"):
        fidelity(supernet=supernet, out=tmp_path / "run", comparison=replace(FEW, workers=2), training=short)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda r: r.update(format="x"), "format"),
        (lambda r: r["rows"][0].update(alone=[1.0]), "2 scores alone"),
        (lambda r: r["rows"][0].update(alone=[1.0, "2"]), "2 scores alone"),
        (lambda r: r["rows"][0].update(macs=0), "macs and params"),
        (lambda r: r["rows"][0].update(macs="9"), "macs must be of type int"),
        (lambda r: r["rows"][0].update(more=1), "unknown: .*more"),
        (lambda r: r.update(rows=[]), "no rows"),
        (lambda r: r["setting"].pop("steps"), "missing: .*steps"),
    ],
)
def test_records_are_read_strictly(whole, tmp_path, change, message):
    record = json.loads((whole[0] / "fidelity.json").read_text())
    change(record)
    (tmp_path / "f.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=f"as `chiptrack fidelity` writes it, .*{message}"):
        load(tmp_path / "f.json")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda r: r.update(architectures=["nano:nothing"]), "as `chiptrack fidelity` writes it"),
        (lambda r: r.update(architectures=3), "list of names"),
        (lambda r: r.update(seeds=0), "at least 1 seed"),
        (lambda r: r.update(family="elastic"), "of its family"),
        (lambda r: r.update(seeds=3), "lacks 3"),
    ],
)
def test_references_are_read_strictly(whole, tmp_path, change, message):
    shutil.copytree(whole[0], tmp_path / "run")
    record = json.loads((tmp_path / "run/reference.json").read_text())
    change(record)
    (tmp_path / "run/reference.json").write_text(json.dumps(record))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        check_complete(read(tmp_path / "run"))


def test_a_network_of_another_architecture_is_refused(whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "run")
    reference = read(tmp_path / "run")
    first, second = reference.trainings[0].out, reference.trainings[1].out
    shutil.copy(second, first)
    assert load_tracker(first).architecture == reference.architectures[1]
    with pytest.raises(ValueError, match="remove it"):
        list(reference.networks(reference.architectures[0]))


class Texts(HTMLParser):
    """Collects tags and texts of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.texts, self._skipped = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._skipped = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._skipped = False

    def handle_data(self, data):
        if not self._skipped:
            self.texts.append(data)


def test_the_page_is_self_contained_and_escapes_names(tmp_path):
    evil = "</script><img src=x onerror=alert(1)>"
    measured = [replace(row, name=evil, key="<b>") for row in rows([1, 2, 3], [(1.0, 1.1), (2.0, 2.1), (3.0, 3.1)])]
    setting = Setting("<i>nano", "<u>s.safetensors", "fair", 7, 2, 2, "<s>data", 64, "<b>fit")
    found = Fidelity(setting, tuple(measured))
    page = draw(found, figures(found.rows))
    seen = Texts(page)
    assert not {"img", "i", "u", "b", "s"} & {tag for tag, _ in seen.tags}
    assert not [attrs for _, attrs in seen.tags if attrs.get("src") or attrs.get("href", "data:").startswith("http")]
    text = " ".join(seen.texts)
    assert evil in text and "<u>s.safetensors" in text and "sampling rule fair for 7 steps" in text
    save(tmp_path, found, figures(found.rows).to_json())
    assert load(tmp_path / "fidelity.json") == found and asdict(load(tmp_path / "fidelity.json").setting) == asdict(setting)


def test_the_page_shows_the_figures(whole):
    out, answer = whole
    text = " ".join(Texts((out / "fidelity.html").read_text()).texts)
    assert f"{answer['kendall']:.2f}" in text and f"{answer['ceiling']:.2f}" in text and "bootstrap" in text
    assert all(row.key in text for row in load(out / "fidelity.json").rows)


def test_the_command_prints_what_the_contract_says(whole, supernet, tmp_path, capsys):
    words = ("fidelity", "--supernet", supernet, "--alone", whole[0], "--judged-pairs", 32, "--out", tmp_path / "run", "--json")
    status, out, _ = run(capsys, *words)
    assert status == 0
    answer = json.loads(out)
    assert answer["architectures"] == 3 and answer["kendall"] == whole[1]["kendall"]
    status, _, err = run(capsys, *words[:-1], "--architectures", "2")
    assert status == 2 and "architectures must be at least 3, got 2" in err
