"""What the README says is so."""

from __future__ import annotations

import re

import readme


def test_formula_map_is_that_of_the_yml_file(root):
    text = (root / "README.md").read_text("utf8")
    assert readme.expected() == text, "the README's formula map is old; run: make readme"


def test_picture_is_the_books_figure(root):
    text = (root / "README.md").read_text("utf8")
    assert f"]({readme.PICTURE})" in text, "the README shows its picture"
    without_numbers = [re.sub(r"-?[0-9.]+", "", svg) for svg in ((root / readme.PICTURE).read_text("utf8"), readme.picture())]
    assert without_numbers[0] == without_numbers[1], "the README's picture is old; run: make readme"


def test_the_example_runs_as_printed(root, capsys):
    example = re.search(r"```python\n(.*?)```", (root / "README.md").read_text("utf8"), re.S)[1]
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out == "(5, 5)\n"


def test_the_make_targets_it_names_exist(root):
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text("utf8"), re.M))
    named = set(re.findall(r"`?make ([a-z-]+)", (root / "README.md").read_text("utf8")))
    assert named - {"alone"} <= targets
