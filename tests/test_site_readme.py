"""What the README says is so."""

from __future__ import annotations

import re
import tomllib

import readme


def test_formula_map_is_that_of_the_yml_file(root):
    text = (root / "README.md").read_text("utf8")
    assert readme.expected() == text, "the README's formula map is old; run: make readme"


def test_picture_is_the_books_figure(root):
    text = (root / "README.md").read_text("utf8")
    assert f"]({readme.PICTURE})" in text, "the README shows its picture"
    without_numbers = [re.sub(r"-?[0-9.]+", "", svg) for svg in ((root / readme.PICTURE).read_text("utf8"), readme.picture())]
    assert without_numbers[0] == without_numbers[1], "the README's picture is old; run: make readme"


def test_the_examples_run_as_printed(root, capsys):
    first, second = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text("utf8"), re.S)
    names = {}
    exec(compile(first, "README.md", "exec"), names)
    assert capsys.readouterr().out == "(5, 5)\n"
    exec(compile(second, "README.md", "exec"), names)
    assert "dW-transposed" in names["rnnlib"].diagnose(names["mine"]).names
    assert len(capsys.readouterr().out) > 100


def test_what_it_installs_without_make_is_what_make_installs(root):
    text, made = (root / "README.md").read_text("utf8"), (root / "Makefile").read_text("utf8")
    for part in ("--no-deps --require-hashes -r requirements/main.txt", "--no-deps --no-build-isolation -e .", "-r requirements/torch.txt"):
        assert part in text and part in made


def test_files_and_extras_that_it_names_exist(root):
    text = (root / "README.md").read_text("utf8")
    project = tomllib.loads((root / "pyproject.toml").read_text("utf8"))["project"]
    named = re.findall(r"`([A-Z]\w+(?:\.\w+)?|LICENSE-text)`", text.partition("<!-- end of formula map -->")[2])
    assert len(named) > 3 and [name for name in named if not (root / name).exists()] == []
    assert set(re.findall(r'"\.\[(\w+)\]"', text)) <= set(project["optional-dependencies"])
    oldest = re.search(r"NumPy alone, from ([\d.]+) on, and Python ([\d.]+) or newer", text)
    assert project["dependencies"] == [f"numpy>={oldest[1]}"] and project["requires-python"] == f">={oldest[2]}"


def test_the_make_targets_it_names_exist(root):
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text("utf8"), re.M))
    named = set(re.findall(r"`?make ([a-z-]+)", (root / "README.md").read_text("utf8")))
    assert named - {"alone"} <= targets
