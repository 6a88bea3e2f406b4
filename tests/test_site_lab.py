"""``make lab``: JupyterLab serves each page as a notebook, and opens it as one at a double click."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.xdist_group("lab")  # what its fixture makes is made once

PLUGIN = "@jupyterlab/docmanager-extension:plugin"


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory):
    """The server that ``make lab`` starts, without a browser: its address, with what is under it read as JSON."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [Path(sys.executable).parent / "jupyter-lab", "book", "--no-browser", f"--port={port}", "--ip=127.0.0.1"]
    command += ["--IdentityProvider.token=test", "--ServerApp.port_retries=0", *(["--allow-root"] if os.getuid() == 0 else [])]
    home = str(tmp_path_factory.mktemp("home"))
    log = tmp_path_factory.mktemp("log") / "lab.log"
    with open(log, "w") as out:
        server = subprocess.Popen(command, cwd=root, env=os.environ | {"HOME": home}, stdout=out, stderr=out)

    def get(path: str) -> dict:
        with urlopen(f"http://127.0.0.1:{port}/{path}{'&' if '?' in path else '?'}token=test", timeout=60) as answer:
            return json.load(answer)

    try:
        for _ in range(1500):  # five minutes: a slow machine takes its time
            try:
                get("api/status")
                break
            except URLError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.2)
        yield get
    finally:
        server.terminate()
        server.wait(20)


def test_pages_open_as_notebooks(lab, root):
    names = [path.name for path in sorted((root / "book").glob("*.md")) if "{code-cell}" in path.read_text("utf8")]
    assert names
    for name in names:
        page = lab(f"api/contents/{name}?type=notebook")
        assert page["type"] == "notebook" and any(cell["cell_type"] == "code" for cell in page["content"]["cells"])


def test_a_double_click_opens_the_notebook(lab):
    overrides = lab(f"lab/api/settings/{PLUGIN}")
    assert overrides["settings"].get("defaultViewers", {}).get("markdown") == "Jupytext Notebook" or (
        overrides["schema"]["properties"]["defaultViewers"]["default"].get("markdown") == "Jupytext Notebook"
    )
