"""A page is light, arrives in few pieces, and keeps its Content-Security-Policy."""

from __future__ import annotations

import threading
import time
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import serve

LIMIT = 400_000  # bytes on the wire, compressed, with everything that the page loads
MOVED = """
window.moved = [];
new PerformanceObserver((list) => {
  const text = ({ node }) => node?.textContent?.slice(0, 40) ?? "";
  for (const shift of list.getEntries()) window.moved.push([shift.value, ...shift.sources.map(text)]);
}).observe({ type: "layout-shift", buffered: true });
"""


def test_a_page_is_light_and_keeps_its_policy(chromium, address, path):
    context = chromium.new_context(viewport={"width": 1300, "height": 900})
    page, answers, said = context.new_page(), [], []
    page.on("response", lambda answer: answers.append(answer))
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.goto(f"{address}/{path}", wait_until="networkidle")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.mouse.wheel(0, height)
    page.wait_for_load_state("networkidle")
    sizes = {answer.url.removeprefix(address): int(answer.headers["content-length"]) for answer in answers}
    policy = page.evaluate("document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
    context.close()
    assert all(answer.url.startswith(address) for answer in answers)
    assert sum(sizes.values()) < LIMIT, sorted(sizes.items(), key=lambda item: -item[1])
    assert sum(".css" in url for url in sizes) == 1, sizes
    assert "default-src 'none'" in policy and "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert said == []


def test_nothing_moves_while_a_page_comes(chromium, address, path):
    """The fonts of formulas are there before the first line is laid out, and what comes later has kept its place."""
    for width, height in ((1350, 940), (390, 844)):
        context = chromium.new_context(viewport={"width": width, "height": height})
        context.add_init_script(MOVED)
        page = context.new_page()
        page.goto(f"{address}/{path}", wait_until="networkidle")
        moved = page.evaluate("moved")
        context.close()
        assert sum(value for value, *_ in moved) < 0.002, (width, moved)


class Halting(serve.Compressing):
    """A server whose pages halt in the middle of their first displayed formula, as on a bad line."""

    halt = 0.6  # seconds

    def do_GET(self) -> None:
        if not self.path.endswith(".html"):
            super().do_GET()
            return
        page = Path(self.translate_path(self.path)).read_bytes()
        half = page.index(b"katex-html", page.index(b"katex-display")) + 600
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page[:half])
        self.wfile.flush()
        time.sleep(self.halt)
        self.wfile.write(page[half:])


def test_the_first_formula_is_painted_with_the_first_words(chromium, site):
    """Not half of it, and in its own font: nothing is painted before the first screen is there."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Halting, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = chromium.new_page()
        page.add_init_script(MOVED)
        page.goto(f"http://127.0.0.1:{server.server_port}/book/gradient_w.html", wait_until="networkidle")
        painted = page.evaluate("performance.getEntriesByName('first-paint')[0].startTime")
        moved = page.evaluate("moved")
        page.context.close()
        server.shutdown()
    assert painted > 1000 * Halting.halt and moved == []


def test_a_script_in_the_page_does_not_run(open_page, pages):
    page = open_page(pages[0])
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = true'}))")
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in fault for fault in page.faults)


def test_a_page_says_what_it_is(open_page, path):
    page = open_page(path)
    said = page.evaluate(
        """() => ({lang: document.documentElement.lang, title: document.title, headings: document.querySelectorAll("article h1").length,
        description: document.querySelector("meta[name=description]")?.content ?? "",
        viewport: document.querySelectorAll("meta[name=viewport]").length,
        ways: [...document.querySelectorAll(".prev-next-area a")].map((a) => a.className)})"""
    )
    assert said["lang"] == "en" and said["title"].endswith("— Unrolled") and said["headings"] == 1 and said["viewport"] == 1
    assert 40 <= len(said["description"]) <= 250, said["description"]
    assert said["ways"], "neither a page before nor one after"
