"""The workflows: pinned actions, least permissions, commands and files that exist. (``make lint-workflows`` reads their syntax.)"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text("utf8")) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf8"), re.M))
ON = True  # what YAML makes of the key "on"


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands(name: str) -> str:
    return "\n".join(step["run"] for step in steps(WORKFLOWS[name]) if "run" in step)


def targets(script: str) -> set[str]:
    """The targets of its calls of make."""
    return {target for line in re.findall(r"^\s*make (.+)$", script, re.M) for target in line.split()}


def expanded(text: str) -> list[str]:
    """Paths with braces, as bash reads them."""
    found = []
    for before, inside, after in re.findall(r"(tests/\w*)\{([\w,]+)\}(\S*)", text):
        found += [f"{before}{one}{after}" for one in inside.split(",")]
    return found


def test_there_is_one_for_each_purpose():
    assert set(WORKFLOWS) == {"book", "full", "lint", "links", "tests"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside(name):
    text = (ROOT / f".github/workflows/{name}.yml").read_text("utf8")
    used = re.findall(r"uses: (.*)", text)
    assert used and all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in used), used


def test_an_action_is_pinned_to_the_same_commit_everywhere():
    text = "".join(path.read_text("utf8") for path in (ROOT / ".github/workflows").glob("*.yml"))
    pins = set(re.findall(r"uses: (actions/[a-z-]+)@([0-9a-f]{40})", text))
    assert len(pins) == len({action for action, _ in pins})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_it_may_read_and_no_more_but_for_the_deployment(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    more = {job: part["permissions"] for job, part in workflow["jobs"].items() if "permissions" in part}
    assert more == ({"deploy": {"pages": "write", "id-token": "write"}} if name == "book" else {})
    kept = [step.get("with", {}).get("persist-credentials") for step in steps(workflow) if "checkout" in step.get("uses", "")]
    assert kept and all(credentials is False for credentials in kept)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_it_ends_and_runs_once_at_a_time(name):
    workflow = WORKFLOWS[name]
    assert workflow["concurrency"]["group"].startswith(name)
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_its_make_targets_exist(name):
    assert set() < targets(commands(name)) <= TARGETS


def test_every_kind_of_test_runs_somewhere_and_all_that_a_commit_must_pass_runs_on_each_push():
    pushed = {name for name, workflow in WORKFLOWS.items() if "push" in workflow[ON]}
    often, ever = (set().union(*(targets(commands(name)) for name in names)) for names in (pushed, WORKFLOWS))
    assert targets((ROOT / ".ci/run").read_text("utf8")) - {"setup"} <= often
    assert {target for target in TARGETS if target.startswith("test")} | {"mutants"} <= ever


def test_only_main_is_deployed_and_only_when_the_book_was_built_and_opened():
    jobs = WORKFLOWS["book"]["jobs"]
    main = "github.event_name == 'push' && github.ref == 'refs/heads/main'"
    assert jobs["deploy"]["needs"] == "build" and jobs["deploy"]["if"] == main
    order = [step.get("run") or step["uses"].partition("@")[0] for step in jobs["build"]["steps"]]
    assert order[-4:] == ["make book", "make pdf", "make test-site", "actions/upload-pages-artifact"]
    assert jobs["build"]["steps"][-1]["if"] == main


def test_the_matrix_has_every_python_and_numpy_that_the_package_names():
    declared = (ROOT / "pyproject.toml").read_text("utf8")
    rows = WORKFLOWS["tests"]["jobs"]["rnnlib"]["strategy"]["matrix"]["include"]
    pythons = set(re.findall(r"Python :: (3\.\d+)", declared))
    oldest = re.search(r'"numpy>=([\d.]+)"', declared)[1]
    assert {row["python"] for row in rows if row["numpy"] == "numpy" and row["os"].startswith("ubuntu")} == pythons
    assert {row["python"] for row in rows if row["numpy"] != "numpy"} == {"3.11", "3.12"}  # NumPy 1.26 has no wheel for a later one
    assert {row["numpy"] for row in rows} == {"numpy", f"numpy=={oldest}.*"}
    assert {row["os"].partition("-")[0] for row in rows} == {"ubuntu", "macos", "windows"}


def test_the_matrix_tests_every_module_of_the_package_as_it_is_installed():
    modules = {path.stem for path in (ROOT / "rnnlib").glob("[a-z]*.py")}
    named = {Path(name).stem.removeprefix("test_") for name in expanded(commands("tests"))}
    assert modules - named == set()
    assert WORKFLOWS["tests"]["jobs"]["rnnlib"]["env"]["PYTHONSAFEPATH"] == "1" and "-e ." not in commands("tests")


@pytest.mark.parametrize("name", ["book", "tests"])
def test_what_needs_pytorch_takes_the_small_build(name):
    made = (ROOT / "Makefile").read_text("utf8")
    assert WORKFLOWS[name]["env"]["TORCH_BACKEND"] == "cpu"
    assert "--torch-backend $(TORCH_BACKEND)" in made and "TORCH_BACKEND=cpu" in (ROOT / "README.md").read_text("utf8")


def test_the_tests_that_it_names_exist():
    named = expanded(commands("tests"))
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("name", ["full", "links"])
def test_it_runs_once_a_week(name):
    (when,) = WORKFLOWS[name][ON]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", when["cron"])


def test_the_citation_is_of_this_version():
    import rnnlib

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    project = (ROOT / "pyproject.toml").read_text("utf8")
    assert citation["version"] == rnnlib.__version__ == re.search(r'^version = "(.*)"', project, re.M)[1]
