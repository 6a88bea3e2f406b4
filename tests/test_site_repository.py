"""The one setting with the repository's address: without it no button leads out of the site, with it they lead where they should."""

from __future__ import annotations

import re

import pytest
import yaml
from test_site_gates import PROVED, build, write_book

pytestmark = pytest.mark.xdist_group("gates")  # builds, too


def built(folder, root, address):
    write_book(folder, root, PROVED)
    config = yaml.safe_load((folder / "_config.yml").read_text("utf8"))
    assert config["sphinx"]["config"]["repository"] == ""  # as the project has it
    config["sphinx"]["config"]["repository"] = address
    (folder / "_config.yml").write_text(yaml.safe_dump(config), "utf8")
    return build(folder)


def test_with_an_address_a_page_leads_to_its_source_to_an_issue_and_to_binder(tmp_path, root):
    done = built(tmp_path, root, "https://github.com/owner/unrolled")
    assert done.returncode == 0, done.stdout + done.stderr
    html = (tmp_path / "_build/html/book/step.html").read_text("utf8")
    links = set(re.findall(r'href="(https://[^"]+)"', html))
    assert "https://mybinder.org/v2/gh/owner/unrolled/main?urlpath=lab/tree/book/step.md" in links
    assert "https://github.com/owner/unrolled/blob/main/book/step.md?plain=1" in links
    assert any(link.startswith("https://github.com/owner/unrolled/issues/new") for link in links)


def test_another_kind_of_address_stops_the_build(tmp_path, root):
    done = built(tmp_path, root, "example.org")
    assert done.returncode != 0
    assert "repository is 'example.org'; it must be like https://github.com/OWNER/NAME" in done.stdout + done.stderr


def test_binder_installs_what_the_book_pins(root):
    assert (root / ".binder/requirements.txt").read_text("utf8") == "-r ../requirements/main.txt\n"
    assert (root / ".binder/postBuild").stat().st_mode & 0o111
    assert "pip install --no-deps --no-build-isolation -e ." in (root / ".binder/postBuild").read_text("utf8")
