"""The list of what Jupyter Book 2 cannot do with the pages, as far as it can be checked without Jupyter Book 2 (``make test-forward``)."""

from __future__ import annotations

import re

import forward
import pytest
import yaml

LISTED = forward.listed()


def test_each_kind_has_a_reason():
    assert len(LISTED) > 10 and all(len(reason.split()) > 2 for reason in LISTED.values())


@pytest.mark.parametrize("kind", LISTED)
def test_what_is_listed_is_in_the_sources(root, kind):
    """What no page uses any more is to go from the list."""
    pages = "\n".join(path.read_text("utf8") for path in (root / "book").glob("*.md"))
    if key := re.fullmatch(r"_config\.yml: (\w+)", kind):
        assert key[1] in yaml.safe_load((root / "_config.yml").read_text("utf8"))
    elif role := re.fullmatch(r"unknown role: (\S+)", kind):
        assert f"{{{role[1]}}}`" in pages
    elif directive := re.fullmatch(r"unknown directive: (\S+)", kind):
        assert f"```{{{directive[1]}}}" in pages
    elif option := re.fullmatch(r'(?:unexpected|value is not a string for) option "(\w+)".*\(in ([\w-]+)\)', kind):
        assert option[2] in pages and re.search(rf"^:?{option[1]}:", pages, re.M)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("⛔️ book/index.md:166 unknown directive: formula-map", "unknown directive: formula-map"),
        ('⚠️  book/index.md:19 unexpected option "mystnb" provided (in code-cell)', 'unexpected option "mystnb" provided (in code-cell)'),
        ("⚠️  book/gru.md 'frontmatter' extra key ignored: myst (at book/gru.md)", "'frontmatter' extra key ignored: myst"),
        ("⚠️  book/a.md:283:160 Usage of the {doc} role is not recommended, use a link.", "Usage of the {doc} role is not recommended"),
        ("⚠️  book/a.md Cross reference target was not found: fig-flow-eta", "Cross reference target was not found: fig-…"),
        ("   For {doc}`model` use [](model)", None),
        ("📚 Built 32 pages for project in 34 s.", None),
    ],
)
def test_a_complaint_is_known_by_its_kind(line, kind):
    assert forward.kind(line) == kind


def test_complaints_are_counted_by_kind():
    output = "⛔️  book/a.md:1 unknown role: py:obj\n   more\n⛔️  book/b.md:2 unknown role: py:obj\n⚠️  book/b.md:3 something new\n"
    assert forward.kinds(output) == {"unknown role: py:obj": 2, "something new": 1}
