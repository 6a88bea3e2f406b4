"""Measure pages of the built site with Lighthouse: ``python book/_tools/lighthouse.py _build/html [page ...]``.

Desktop must have 100 in all four categories; a phone 90 in performance and 100 in the others.
A page that is too slow at first is measured twice more, and the median counts: another program may have had the processor.
Lighthouse slows the processor four times to act as a phone, which fits a fast and idle machine; on a slow or busy one
it is slowed less: ``benchmarkIndex`` / 440, between 1 and 4, since 1750 is what Lighthouse expects and 440 is such a phone.
The index stands beside the scores. Ends with 1 if a page is below, and says what it misses; the reports are left in ``_build/lighthouse``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import serve

ROOT = Path(__file__).resolve().parents[2]
LIGHTHOUSE = ROOT / ".venv/node/node_modules/lighthouse/cli/index.js"
REPORTS = ROOT / "_build/lighthouse"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
GOALS = {"desktop": (100, 100, 100, 100), "mobile": (90, 100, 100, 100)}
EXPECTED, PHONE = 1750, 440  # benchmarkIndex of the machine that a slowdown of 4 is made for, and of a phone


@contextmanager
def browser() -> Iterator[int]:
    """The port of one Chromium, with a profile of its own, for all pages."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [path, *FLAGS.split(), "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield port(Path(profile) / "DevToolsActivePort", process)
        finally:
            process.terminate()
            process.wait(30)


def port(said: Path, process: subprocess.Popen) -> int:
    """The port that Chromium chose: it writes it into its profile once it listens."""
    for _ in range(600):
        if said.is_file() and (lines := said.read_text("utf8").splitlines()):
            return int(lines[0])
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("Chromium did not start")


def measure(url: str, kind: str, out: Path, slowdown: float, at: int) -> dict:
    """One report."""
    options = ["--preset=desktop"] if kind == "desktop" else [f"--throttling.cpuSlowdownMultiplier={slowdown:.2f}"]
    command = ["node", str(LIGHTHOUSE), url, *options, "--quiet", f"--port={at}", "--output=json", f"--output-path={out}"]
    try:
        subprocess.run(command, timeout=300, stderr=subprocess.PIPE, text=True, check=True)
    except subprocess.SubprocessError as error:
        raise RuntimeError(f"Lighthouse failed: {(error.stderr or 'it took more than five minutes').strip()[-300:]}") from error
    return json.loads(out.read_text("utf8"))


def scores(report: dict) -> tuple[int, ...]:
    return tuple(round(100 * (report["categories"][name]["score"] or 0)) for name in CATEGORIES)


def misses(report: dict, kind: str) -> list[str]:
    """Each category below its goal, with the audits that cost something there."""
    said = []
    for name, score, goal in zip(CATEGORIES, scores(report), GOALS[kind], strict=True):
        if score < goal:
            asked = [report["audits"][ref["id"]] for ref in report["categories"][name]["auditRefs"] if ref["weight"]]
            faults = [f"{a['id']} {a.get('displayValue', '')}".strip() for a in asked if a["score"] is not None and a["score"] < 0.99]
            said.append(f"{name} {score}, not {goal}: {', '.join(faults) or 'no audit'}")
    return said


def settled(url: str, kind: str, out: Path, slowdown: float, at: int) -> dict:
    """The first report; if it is too slow, the one of three whose speed is the median."""
    reports = [measure(url, kind, out, slowdown, at)]
    if scores(reports[0])[0] < GOALS[kind][0]:
        reports += [measure(url, kind, out, slowdown, at) for _ in range(2)]
        reports.sort(key=lambda report: report["categories"]["performance"]["score"] or 0)
        out.write_text(json.dumps(reports[1]), "utf8")
    return reports[len(reports) // 2]


def slowdown_for(indices: list[float]) -> float:
    """How much to slow this machine down so that it is a phone."""
    return min(4.0, max(1.0, median(indices or [EXPECTED]) / PHONE))


def needed() -> str:
    """What is missing on this machine, or nothing."""
    if shutil.which("node") is None:
        return "Node.js"
    if not any(map(shutil.which, BROWSERS)):
        return "Chromium"
    return "" if LIGHTHOUSE.is_file() else "Lighthouse (npm)"


def main(folder: str, *names: str) -> int:
    if needed():
        print(f"==> LIGHTHOUSE NOT RUN: {needed()} is not on this machine", file=sys.stderr)
        return 2
    site = Path(folder).resolve()
    pages = {path.stem: path for path in sorted(site.glob("book/*.html")) if not names or path.stem in names}
    if not pages or set(names) - set(pages):
        print(f"==> LIGHTHOUSE NOT RUN: no page {', '.join(sorted(set(names) - set(pages)))} in {site}/book", file=sys.stderr)
        return 2
    REPORTS.mkdir(parents=True, exist_ok=True)
    below, indices = [], []
    print(f"    {'performance, accessibility, best practices, SEO':17}\n    {'page':16} {'desktop':17} {'mobile':17} benchmarkIndex")
    with browser() as at, serve.compressed(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, path in pages.items():
            row = []
            for kind in GOALS:
                url = f"http://127.0.0.1:{server.server_port}/{path.relative_to(site).as_posix()}"
                try:
                    report = settled(url, kind, REPORTS / f"{name}-{kind}.json", slowdown_for(indices[-5:]), at)
                except RuntimeError as error:
                    below.append(f"{name}, {kind}: {error}")
                    row.append("  - " * 4)
                    continue
                indices.append(report["environment"]["benchmarkIndex"])
                below += [f"{name}, {kind}: {miss}" for miss in misses(report, kind)]
                row.append(" ".join(f"{score:3}" for score in scores(report)))
            print(f"    {name:16} {row[0]:17} {row[1]:17} {' '.join(f'{index:.0f}' for index in indices[-2:])}", flush=True)
        server.shutdown()
    if indices:
        span = f"{min(indices):.0f} to {max(indices):.0f}"
        print(f"==> benchmarkIndex of this machine: {median(indices):.0f} ({span}; {EXPECTED} is expected)")
    print(f"==> {len(below)} below the goal" if below else f"==> {len(pages)} pages reach the goal")
    for miss in below:
        print(f"    {miss}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
