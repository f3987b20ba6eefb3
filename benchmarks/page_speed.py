"""How fast a page of many candidates is in a real browser: loading, pointing at dots, switching figures, and showing three figures.

    python -m benchmarks.page_speed

Needs Chromium (`.ci/install-browser`) and playwright. Times depend on the machine; the graphics card is simulated in software.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from playwright.sync_api import sync_playwright

from search.page.data import assemble
from search.page.document import draw
from supernet.families import FAMILIES
from tests.made_up_search import made_up_candidates, made_up_settings, made_up_summary

_CHIPS = ("phone", "camera")
_FLAGS = ["--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
_HOVER = """() => {
  const plot = document.getElementById("trade-off"), shown = plot.data[0].customdata;
  return Array.from({ length: 100 }, (_, k) => {
    const begun = performance.now();
    plot.emit("plotly_hover", { points: [{ customdata: shown[(k * 7919) % shown.length] }] });
    document.getElementById("candidate").offsetHeight;
    return performance.now() - begun;
  }).sort((a, b) => a - b);
}"""
_SWITCH = """([id, value]) => new Promise((resolve) => {
  const control = document.getElementById(id), begun = performance.now();
  if (value === null) control.click();
  else { control.value = value; control.dispatchEvent(new Event("change")); }
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - begun)));
})"""
_SWITCHES = {"other figure": ("axis-x", "2"), "back": ("axis-x", "4"), "other chip": ("chip", "1"), "three figures": ("space", None)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=5000)
    args = parser.parse_args()
    family = FAMILIES["nano"]
    candidates = made_up_candidates(family, args.candidates, _CHIPS)
    data = assemble(Path("run"), made_up_settings(family, _CHIPS), made_up_summary(), {}, candidates)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "report.html"
        path.write_text(draw(data), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS, chromium_sandbox=False)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(path.as_uri())
        print(f"{args.candidates} candidates, a page of {path.stat().st_size / 1e6:.1f} MB")
        print(f"loaded and drawn      {page.evaluate(_LOADED):6.0f} ms")
        page.wait_for_timeout(1000)
        times = page.evaluate(_HOVER)
        print(f"pointing at a dot     {times[50]:6.1f} ms, 95 % within {times[95]:.1f} ms")
        for name, control in _SWITCHES.items():
            print(f"{name:21} {page.evaluate(_SWITCH, list(control)):6.0f} ms")
            page.wait_for_timeout(1000)
        browser.close()


if __name__ == "__main__":
    main()
