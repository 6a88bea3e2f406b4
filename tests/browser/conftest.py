"""The built site, served as a server would, and a real browser with its network closed; for all files of this folder.

Needs ``make book`` first and a Chromium on the machine; ``make test-site`` does the one and asks for the other.
UNROLLED_SITE may name another built site, one of ``make page`` for instance.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("UNROLLED_SITE", ROOT / "_build/html")).resolve()
PAGES = [path.relative_to(SITE).as_posix() for path in sorted(SITE.glob("book/*.html"))]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
WHOLE = """
document.addEventListener("DOMContentLoaded", () => {
  const style = document.createElement("style");
  style.textContent = "* { content-visibility: visible !important; transition: none !important; }";
  document.head.append(style);
});
"""

sys.path.append(str(ROOT / "book/_tools"))

import serve  # noqa: E402


def pytest_generate_tests(metafunc) -> None:
    """A test that asks for ``path`` runs on every page."""
    if "path" in metafunc.fixturenames:
        metafunc.parametrize("path", PAGES)


@pytest.fixture(scope="session")
def site() -> Path:
    assert PAGES, f"no page in {SITE}; run: make book"
    return SITE


@pytest.fixture(scope="session")
def pages(site) -> list[str]:
    return PAGES


@pytest.fixture(scope="session")
def address(site) -> str:
    """Where the site is served while the tests run."""
    with serve.compressed(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, f"no browser found (looked for {', '.join(BROWSERS)}); install Chromium, on Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, address):
    """Open a page; what goes wrong there collects in ``page.faults``."""
    contexts = []

    def open_it(path: str, width: int = 1300, scheme: str = "light", height: int = 900, whole: bool = False):
        """``whole``: what is far below is laid out at once, which a page leaves for later; a change of colours too is done at once."""
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        if whole:
            context.add_init_script(WHOLE)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("console", lambda message: page.faults.append(message.text) if is_fault(message) else None)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("requestfailed", lambda request: page.faults.append(f"failed: {request.url}"))
        page.on("response", lambda r: page.faults.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        context.route("**/*", lambda route: close_network(route, address, page))
        page.goto(f"{address}/{path}", wait_until="load")
        return page

    yield open_it
    for context in contexts:
        context.close()


def turn(page, scheme: str) -> None:
    """Let the machine say light or dark, and wait until the page has followed."""
    page.emulate_media(color_scheme=scheme)
    page.locator(f"html[data-theme={scheme}]").wait_for(state="attached", timeout=5000)


def is_fault(message) -> bool:
    """Errors and warnings; but Sphinx's search warns of anchors with a dot, which it cannot quote, and shows the page all the same."""
    return message.type in ("error", "warning") and not message.text.startswith("Anchored content block not found")


def close_network(route, address: str, page) -> None:
    if route.request.url.startswith((address, "data:", "blob:")):
        route.continue_()
    else:
        page.faults.append(f"a request leaves the site: {route.request.url}")
        route.abort()
