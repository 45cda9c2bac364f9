"""How fast `scenegen view` is in headless Chromium with software GL, and what it takes of memory.

    python benchmarks/viewer.py DIR [--rows 100000]

Prints: seconds from the page's load until the first scene is on the screen with its photographs, in a browser that was
just started and in one that has shown WebGL before, and until WebGL draws it; milliseconds to the next scenes; frames
per second while a scene is turned; the server's memory before and after all scenes of DIR, and the browser's memory
with an overview of that many made-up scenes. Needs Debian's `chromium`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, Playwright, Route, sync_playwright

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
READY = "[data-ready='{} {}']"
STARTS = 5
WEBGL = (
    "<canvas id=c></canvas><script>const g = c.getContext('webgl2'); g.clearColor(1, 0, 0, 1); g.clear(16384)</script>"
)
FIRST = """
  window.seconds = {};
  const pictures = () => [...document.querySelectorAll('.tile img')].slice(0, 3).every((image) => image.complete);
  const watch = () => {
    if (!window.seconds.webgl && document.querySelector('.stage[data-painter=webgl]'))
      window.seconds.webgl = performance.now() / 1000;
    if (window.drawn || !document.querySelector('[data-ready] .stage[data-drawn]') || !pictures()) return;
    window.drawn = true; // on the screen with the frame after the one that follows
    requestAnimationFrame(() => requestAnimationFrame(() => { window.seconds.scene = performance.now() / 1000; }));
  };
  new MutationObserver(watch).observe(document, { subtree: true, childList: true, attributes: true });
  document.addEventListener('load', watch, true); // of images
"""
NEXT = """(ready) => new Promise((done) => {
  const start = performance.now();
  const observer = new MutationObserver(() => {
    if (!document.querySelector(ready)) return;
    observer.disconnect();
    const shown = () => done((performance.now() - start) / 1000);
    requestAnimationFrame(() => requestAnimationFrame(shown)); // drawn in the first, on the screen with the second
  });
  observer.observe(document, { subtree: true, childList: true, attributes: true });
  document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
})"""
TURN = """async () => {
  const screen = document.querySelector('.stage-screen');
  const at = (kind, x) => screen.dispatchEvent(new PointerEvent(kind,
    { clientX: 400 + x, clientY: 300, pointerId: 1, buttons: 1, bubbles: true }));
  screen.setPointerCapture = () => {};
  at('pointerdown', 0);
  const stage = document.querySelector('.stage');
  const start = performance.now();
  const first = Number(stage.dataset.drawn);
  while (performance.now() - start < 4000) {
    at('pointermove', (performance.now() - start) / 10);
    await new Promise(requestAnimationFrame);
  }
  at('pointerup', 0);
  return (Number(stage.dataset.drawn) - first) / (performance.now() - start) * 1000;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    command = [sys.executable, "-m", "scenegen.cli.main", "view", str(options.dataset), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        assert server.stdout is not None
        address = server.stdout.readline().split("open ")[1].split()[0]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        rows = wait_for_rows(address)
        volume = "box" if json.loads(get(f"{address}api/dataset"))["grid"] else "0"
        for warm in (False, True):
            measure_first(playwright, address, warm)
        measure_scenes(browser, address, volume)
        process = psutil.Process(server.pid)
        before = process.memory_info().rss
        for index in rows["index"]:
            for kind in ("thumb", "image/0", "masks" if volume == "box" else "frustum/0"):
                get(f"{address}api/scenes/{index}/{kind}")
        after = process.memory_info().rss
        print(f"server: {before / 1e6:.0f} MB, after {len(rows['index'])} scenes {after / 1e6:.0f} MB")
        measure_overview(browser, address, rows, options.rows)
        browser.close()
        server.terminate()


def measure_first(playwright: Playwright, address: str, warm: bool) -> None:
    found: list[dict[str, float]] = []
    for _ in range(STARTS):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        if warm:
            before = browser.new_page()
            before.set_content(WEBGL)
            before.wait_for_timeout(1500)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script(FIRST)
        page.goto(f"{address}#/scene/0")
        page.wait_for_function("() => window.seconds.scene && window.seconds.webgl")
        found.append(page.evaluate("window.seconds"))
        browser.close()
    scene, webgl = (statistics.median(each[key] for each in found) for key in ("scene", "webgl"))
    kind = "that has shown WebGL" if warm else "just started"
    print(f"first scene, browser {kind}: {scene:.2f} s from the page's load, drawn with WebGL after {webgl:.2f} s")


def measure_scenes(browser: Browser, address: str, volume: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{address}#/scene/0")
    page.wait_for_selector(READY.format(0, f"{volume} class"))
    page.wait_for_selector(".stage[data-painter=webgl]")
    page.wait_for_timeout(1500)  # a person looks at it; the next ones are read meanwhile
    seconds = []
    for index in range(1, 9):
        seconds.append(page.evaluate(NEXT, READY.format(index, f"{volume} class")))
        page.wait_for_timeout(1500)
    print(
        f"next scene: on the screen {1000 * statistics.median(seconds):.0f} ms after the key (median of {len(seconds)})"
    )
    faces = page.locator(".stage").first.get_attribute("data-faces")
    print(f"turning: {page.evaluate(TURN):.1f} frames per second, {faces} rectangles")
    page.close()


def measure_overview(browser: Browser, address: str, rows: dict[str, Any], count: int) -> None:
    """An overview of `count` scenes: the rows of the data set, again and again."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.route("**/api/rows/*", lambda route: made_up(route, rows, count))
    before = browser_memory()
    page.goto(address)
    page.wait_for_function(
        f"() => document.querySelector('.summary')?.textContent.startsWith('{count:,} scenes')", timeout=180_000
    )
    frames = scroll(page)
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    more = browser_memory() - before
    print(f"overview of {count:,} scenes: {heap / 1e6:.0f} MB of objects, {more / 1e6:.0f} MB more in the browser")
    print(f"scrolling: {frames:.1f} frames per second")


def made_up(route: Route, rows: dict[str, Any], count: int) -> None:
    start, known = int(route.request.url.rpartition("/")[2]), len(rows["index"])
    chosen = range(start, min(start + 4000, count))
    classes = len(rows["objects"]) // known
    body = {
        **rows,
        "start": start,
        "known": count,
        "complete": True,
        "index": list(chosen),
        "objects": [n for i in chosen for n in rows["objects"][i % known * classes : (i % known + 1) * classes]],
        **{
            key: [rows[key][i % known] for i in chosen] for key in ("models", "licences", "seen", "occupied", "seconds")
        },
    }
    route.fulfill(json=body)


def scroll(page: Page) -> float:
    script = """async () => {
      const scroller = document.querySelector('.scroller');
      let frames = 0;
      const start = performance.now();
      while (performance.now() - start < 4000) {
        scroller.scrollTop += 60;
        await new Promise(requestAnimationFrame);
        frames++;
      }
      return frames / (performance.now() - start) * 1000;
    }"""
    return float(page.evaluate(script))


def browser_memory() -> int:
    """Memory of all of Chromium's processes that this one started, shared pages counted once."""
    children = psutil.Process().children(recursive=True)
    return sum(child.memory_full_info().uss for child in children if "chrom" in child.name())


def wait_for_rows(address: str) -> dict[str, Any]:
    while True:
        rows: dict[str, Any] = json.loads(get(f"{address}api/rows/0"))
        if rows["complete"]:
            return rows
        time.sleep(0.2)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url) as reply:
        content: bytes = reply.read()
    return content


if __name__ == "__main__":
    main()
