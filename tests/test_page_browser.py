"""The page of a search in a real browser: Chromium without a window, driven over its DevTools protocol."""

import csv
import dataclasses
import hashlib
import io
import json
import shlex
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from latency_tables.tables.shipped import SHIPPED  # noqa: E402
from latency_tables.tables.table import LatencyTable  # noqa: E402
from predictors.interval import Interval  # noqa: E402
from predictors.latency import LatencyPredictor  # noqa: E402
from predictors.models.lookup import Line, TableSum  # noqa: E402
from search.front.pareto import non_dominated  # noqa: E402
from search.metrics.accuracy import AO, AUC  # noqa: E402
from search.metrics.counted import MACS  # noqa: E402
from search.page.columns import columns  # noqa: E402
from search.page.data import assemble  # noqa: E402
from search.page.document import draw  # noqa: E402
from supernet.families import FAMILIES  # noqa: E402
from tests.made_up_search import Blocks, made_up_candidates, made_up_settings, made_up_summary  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on PATH; .ci/install-browser installs it")
NANO = FAMILIES["nano"]
CHIPS = ("phone", "camera")
ATTACK = "</script><script>alert(1)</script><b>'\"&amp;%{x}"
FLAGS = (
    "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync "
    "--use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader"
).split()
TABLE = LatencyTable.load(SHIPPED / "nano-mnn-fp32.csv")
LOOKUP = TABLE.operator_ms()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=False)
        yield browser
        browser.close()


class Window:
    """A window of the browser, and what went wrong in it. It is kept for many pages, since a new one reads all scripts anew."""

    def __init__(self, browser, width: int):
        self.context = browser.new_context(viewport={"width": width, "height": 1000}, has_touch=width < 500)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.problems = []
        self.page.on("console", lambda message: message.type == "error" and self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.problems.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self._local(request.url) or self.problems.append(f"request to {request.url}"))

    def show(self, path: Path) -> "Window":
        self.page.mouse.move(0, 0)
        self.page.goto(path.as_uri())
        return self

    def close(self) -> None:
        self.context.close()

    @staticmethod
    def _local(url: str) -> bool:
        return url.startswith(("file:", "blob:", "data:"))

    def traces(self) -> dict:
        """The plot's traces by name: type, and the candidates with their coordinates."""
        return self.page.evaluate(
            "Object.fromEntries(document.getElementById('trade-off').data.map("
            "({name, type, customdata, x, y, z}) => [name, {type, of: customdata, x, y, z}]))"
        )

    def place(self, trace: str, i: int = 0) -> tuple[float, float]:
        """Where on the screen a dot of the plot is."""
        return self.page.evaluate(
            """([name, i]) => {
                const plot = document.getElementById("trade-off"), box = plot.getBoundingClientRect();
                const { x, y } = plot.data.find((trace) => trace.name === name), { xaxis, yaxis } = plot._fullLayout;
                return [box.left + xaxis._offset + xaxis.d2p(x[i]), box.top + yaxis._offset + yaxis.d2p(y[i])];
            }""",
            [trace, i],
        )

    def choose(self, select: str, label: str) -> None:
        self.page.select_option(f"#{select}", label=label)

    @property
    def panel(self) -> str:
        return self.page.inner_text("#candidate")


def data_of(folder: Path, count: int = 60, chips=CHIPS, name=lambda text: text):
    """A made-up search whose predictors still lie where they were; `name` changes every text from outside."""
    settings = made_up_settings(NANO, tuple(map(name, chips)))
    for i, record in enumerate(settings["predictors"]):
        path = folder / f"{i}.json"
        times = {key: ms * (1 + i) for key, ms in LOOKUP.items()}
        LatencyPredictor(TABLE.profile, 1.0, times, "table", TableSum(), Line(), Interval(1, 1, 0.9), {"fit": {}}).save(path)
        record |= {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    candidates = [
        dataclasses.replace(c, architecture=dataclasses.replace(c.architecture, name=name(c.architecture.name)), strategy=name(c.strategy))
        for c in made_up_candidates(NANO, count, tuple(map(name, chips)))
    ]
    return assemble(Path(name("whole job/it's a run")), settings, made_up_summary() | {"noise": {"tie_within": 0.02}}, {}, candidates)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return data_of(tmp_path_factory.mktemp("predictors"))


@pytest.fixture(scope="module")
def file(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(draw(data), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def windows(browser):
    found = {width: Window(browser, width) for width in (1280, 390)}
    yield found
    for window in found.values():
        window.close()


@pytest.fixture
def window(windows):
    windows[1280].problems.clear()
    yield windows[1280]
    assert windows[1280].problems == []


@pytest.fixture
def opened(window, file):
    return window.show(file)


def test_it_loads_and_draws_every_figure(opened):
    for place in ("convergence", "importance", "peers"):
        opened.page.locator(f"#{place}").scroll_into_view_if_needed()
        opened.page.wait_for_selector(f"#{place} .main-svg")
    assert "recommended" in opened.panel
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_pointing_at_a_dot_shows_its_architecture(opened, data):
    i = opened.traces()["feasible"]["of"][3]
    candidate = data.candidates[i]
    opened.page.mouse.move(*opened.place("feasible", 3))
    opened.page.wait_for_function(f"document.querySelector('#candidate h3').textContent.startsWith('#{candidate.number}')")
    assert candidate.architecture.name in opened.panel
    assert f"{candidate.value(AO):.4f}".rstrip("0") in opened.panel
    assert opened.page.locator(".hovertext").count() == 1


def test_a_click_keeps_a_candidate_until_it_is_let_go(opened, data):
    kept, other = (opened.traces()["feasible"]["of"][j] for j in (0, 9))
    opened.page.mouse.click(*opened.place("feasible", 0))
    opened.page.wait_for_selector("[data-release]")
    opened.page.mouse.move(*opened.place("feasible", 9))
    opened.page.wait_for_timeout(100)
    assert opened.panel.startswith(f"#{data.candidates[kept].number}")
    opened.page.click("[data-release]")
    opened.page.mouse.move(*opened.place("feasible", 9))
    opened.page.wait_for_function(f"document.querySelector('#candidate h3').textContent.startsWith('#{data.candidates[other].number}')")


def test_operators_are_listed_in_order_with_their_times(opened, data):
    for i in (0, 17, 40):
        opened.page.evaluate(
            "i => { const b = document.createElement('button'); b.dataset.show = i; document.body.append(b); b.click(); }", i
        )
        rows = opened.page.locator(".operators tr")
        times = [float(rows.nth(j).locator("td").nth(2).inner_text().split()[0]) for j in range(rows.count())]
        operators = [op for op in NANO.operators(data.candidates[i].architecture) if op.branch == "search"]
        assert times == pytest.approx([LOOKUP[op.key] for op in operators], abs=6e-4)
        shapes = [rows.nth(j).locator("td").nth(0).inner_text().split("→ ")[1] for j in range(rows.count())]
        assert shapes == ["×".join(map(str, op.out_shape)) for op in operators]
        drawn = opened.page.locator("#candidate svg rect:has(title)")
        assert drawn.count() == len(operators)


def test_axes_switch(opened, data):
    opened.choose("axis-x", "multiply-adds")
    opened.choose("axis-y", "AUC")
    every = {i: (x, y) for t in opened.traces().values() for i, x, y in zip(t["of"], t["x"], t["y"], strict=True)}
    assert every == {i: (c.value(MACS), pytest.approx(c.value(AUC))) for i, c in enumerate(data.candidates)}
    titles = opened.page.evaluate("['xaxis', 'yaxis'].map((axis) => document.getElementById('trade-off').layout[axis].title.text)")
    assert titles == ["multiply-adds", "AUC"]


def test_feasible_and_infeasible_are_told_apart(opened, data):
    traces = opened.traces()
    assert traces["over a limit"]["of"] == [i for i, c in enumerate(data.candidates) if not c.feasible]
    assert all(data.candidates[i].feasible for name in traces if name != "over a limit" for i in traces[name]["of"])


def test_the_line_joins_the_front_of_the_figures_shown(opened, data):
    figures = columns(data)["figures"]
    for x, y in combinations(range(len(figures)), 2):
        opened.choose("axis-x", figures[x]["title"])
        opened.choose("axis-y", figures[y]["title"])
        assert sorted(opened.traces()["front of these figures"]["of"]) == front(data, figures, (x, y))


def front(data, figures, axes):
    points = np.array(
        [[figures[a]["sign"] * value for a in axes for value in [figures[a]["values"][i]]] for i in range(len(data.candidates))]
    )
    feasible = np.flatnonzero([c.feasible for c in data.candidates])
    return sorted(feasible[non_dominated(points[feasible])].tolist())


def test_the_chip_switches_axis_and_times(opened):
    before = opened.page.inner_text(".operators tr:first-child td:nth-child(3)")
    opened.choose("chip", "camera")
    assert opened.page.evaluate("document.getElementById('trade-off').layout.xaxis.title.text") == "ms per frame, camera"
    after = opened.page.inner_text(".operators tr:first-child td:nth-child(3)")
    assert float(after.split()[0]) == pytest.approx(2 * float(before.split()[0]), abs=2e-3)


def test_three_figures(opened, data):
    if opened.page.is_disabled("#space"):
        pytest.skip("this browser has no WebGL")
    opened.page.check("#space")
    opened.choose("axis-z", "parameters")
    traces = opened.traces()
    assert {trace["type"] for trace in traces.values()} == {"scatter3d"}
    figures = columns(data)["figures"]
    axes = [next(j for j, each in enumerate(figures) if each["name"] == name) for name in ("latency_ms:phone", "ao", "params")]
    assert sorted(traces["front of these figures"]["of"]) == front(data, figures, axes)
    opened.page.uncheck("#space")
    assert opened.traces()["recommended"]["type"] == "scatter"
    opened.page.mouse.move(*opened.place("feasible", 5))
    number = data.candidates[opened.traces()["feasible"]["of"][5]].number
    opened.page.wait_for_function(f"document.querySelector('#candidate h3').textContent.startsWith('#{number}')")


def test_commands_are_copied(opened, data):
    opened.page.click("text=copy retrain")
    opened.page.wait_for_selector("text=copied")
    words = shlex.split(opened.page.evaluate("navigator.clipboard.readText()"))
    rank = 1 + [c.number for c in data.front].index(data.recommendation.winner.number)
    assert words[:3] == ["chiptrack", "retrain", f"whole job/it's a run/front/{rank:02}.json"]
    assert words[3:] == ["--supernet", "supernet.safetensors", "--out", f"tracker-{rank:02}.safetensors"]
    assert words == shlex.split(opened.page.get_attribute(f"tbody tr:nth-child({rank}) [data-command]", "data-command"))


def test_commands_of_others_name_the_architecture(opened, data):
    i = opened.traces()["feasible"]["of"][2]
    opened.page.mouse.move(*opened.place("feasible", 2))
    opened.page.wait_for_function(f"document.querySelector('#candidate h3').textContent.startsWith('#{data.candidates[i].number}')")
    opened.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    opened.page.evaluate("document.addEventListener('copy', () => { window.taken = document.activeElement.value; })")
    opened.page.click("text=copy retrain")
    words = shlex.split(opened.page.wait_for_function("window.taken").json_value())
    assert words[2] == data.candidates[i].architecture.name
    assert words[-1] == f"tracker-candidate-{data.candidates[i].number}.safetensors"


def downloaded(opened, name: str) -> str:
    with opened.page.expect_download() as download:
        opened.page.click(f"[data-download='{name}']")
    assert download.value.suggested_filename == name
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_downloads_hold_everything(opened, data):
    table = list(csv.DictReader(io.StringIO(downloaded(opened, "candidates.csv"))))
    records = json.loads(downloaded(opened, "candidates.json"))
    assert len(table) == len(records) == len(data.candidates)
    ranks = {member.number: rank for rank, member in enumerate(data.front, 1)}
    for candidate, row, record in zip(data.candidates, table, records, strict=True):
        assert record["choices"] == dict(candidate.architecture.choices)
        assert (record["number"], record["rank"], record["strategy"]) == (candidate.number, ranks.get(candidate.number), candidate.strategy)
        assert (record["key"], record["name"]) == (candidate.architecture.key, candidate.architecture.name)
        for name, figure in ((metric.name, figure) for metric, figure in candidate.figures.items()):
            assert record[name] == pytest.approx(figure.value, rel=1e-8) == float(row[name])
            assert record[f"{name}_source"] == figure.source == row[f"{name}_source"]
            assert record[f"{name}_noise"] == figure.noise
        assert row["feasible"] == str(candidate.feasible).lower() and row["name"] == candidate.architecture.name


def test_a_family_of_other_places_is_drawn_too(window, tmp_path, monkeypatch):
    family = Blocks()
    monkeypatch.setitem(FAMILIES, family.name, family)
    path = tmp_path / "report.html"
    candidates = made_up_candidates(family, 12)
    data = assemble(tmp_path, made_up_settings(family, ("phone",)), made_up_summary(), {}, candidates)
    path.write_text(draw(data), encoding="utf-8")
    opened = window.show(path)
    for i, candidate in enumerate(candidates):
        opened.page.evaluate(
            "i => { const b = document.createElement('button'); b.dataset.show = i; document.body.append(b); b.click(); }", i
        )
        arch = candidate.architecture
        neck = ["norm → 16×8"] if arch["norm"] == "yes" else []
        drawn = opened.page.locator("#candidate svg rect title").all_text_contents()
        assert drawn == [f"attention h{arch['heads']} → 16×8"] * arch["depth"] + neck
        assert opened.page.locator("#candidate svg text").all_text_contents() == ["encoder.layers", *["neck" for _ in neck]]
    assert "Up: channels; dark: the largest heads." in opened.panel


def test_text_from_outside_is_text(window, tmp_path):
    data = data_of(tmp_path, 40, name=lambda text: f"{ATTACK},\n{text}")
    path = tmp_path / "report.html"
    path.write_text(draw(data), encoding="utf-8")
    opened = window.show(path)
    for place in ("convergence", "importance", "peers"):
        opened.page.locator(f"#{place}").scroll_into_view_if_needed()
        opened.page.wait_for_selector(f"#{place} .main-svg")
    opened.page.locator("#trade-off").scroll_into_view_if_needed()
    opened.page.mouse.move(*opened.place("feasible", 1))
    opened.page.wait_for_selector(".hovertext")
    shown = [
        opened.panel,
        *opened.page.locator("#trade-off .hovertext, #trade-off .xtitle, #convergence .legendtext, h1").all_text_contents(),
    ]
    assert all("<script>alert(1)</script>" in " ".join(text.split()) for text in shown), shown
    if not opened.page.is_disabled("#space"):
        opened.page.check("#space")
    rows = list(csv.DictReader(io.StringIO(downloaded(opened, "candidates.csv"), newline="")))
    assert [row["name"] for row in rows] == [c.architecture.name for c in data.candidates]
    assert json.loads(downloaded(opened, "candidates.json"))[0]["strategy"] == data.candidates[0].strategy
    assert opened.page.locator("script").count() == 3 and opened.page.locator("main b").count() == 0


def test_many_candidates_are_drawn_by_the_graphics_card(window, tmp_path):
    data = data_of(tmp_path, 1700)
    path = tmp_path / "report.html"
    path.write_text(draw(data), encoding="utf-8")
    opened = window.show(path)
    if opened.page.is_disabled("#space"):
        pytest.skip("this browser has no WebGL")
    traces = opened.traces()
    assert traces["feasible"]["type"] == "scattergl" and len(traces["feasible"]["of"]) > 1000
    opened.page.mouse.move(*opened.place("over a limit", 7))
    number = data.candidates[traces["over a limit"]["of"][7]].number
    opened.page.wait_for_function(f"document.querySelector('#candidate h3').textContent.startsWith('#{number}')")


def test_a_narrow_screen_needs_no_sideways_scrolling_and_takes_taps(windows, file, data):
    opened = windows[390].show(file)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    opened.page.locator("#trade-off").scroll_into_view_if_needed()
    i = opened.traces()["feasible"]["of"][4]
    opened.page.touchscreen.tap(*opened.place("feasible", 4))
    opened.page.wait_for_function(f"document.querySelector('#candidate h3').textContent.startsWith('#{data.candidates[i].number}')")
    assert windows[390].problems == []
