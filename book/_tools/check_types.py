"""Check the types of rnnlib's public functions: ``make types``.

The functions are shown on the pages with the formulas' letters alone; their types stand in stubs beside them (``rnnlib/*.pyi``).
Two checks: the stubs and a program that uses them are right under ``mypy --strict``;
and every stub says what its module is: the same names, arguments and defaults (``stubtest``).
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A NamedTuple's stub cannot hold it: mypy takes every name in the class for a field.
ALLOWED = r"rnnlib\.lstm\.State\.__array_ufunc__"


def stubs(root: Path = ROOT) -> list[Path]:
    return sorted((root / "rnnlib").rglob("*.pyi"))


def mypy(*files: Path | str, root: Path = ROOT) -> subprocess.CompletedProcess:
    """What mypy says of some files, with the settings of pyproject.toml."""
    command = [sys.executable, "-m", "mypy", "--cache-dir", root / "_build/.mypy_cache", "--no-error-summary", *files]
    return subprocess.run([*map(str, command)], cwd=root, capture_output=True, text=True)


def stubtest(root: Path = ROOT) -> subprocess.CompletedProcess:
    """What mypy's stubtest says of the stubs beside the running modules."""
    modules = [".".join(path.relative_to(root).with_suffix("").parts) for path in stubs(root) if path.stem != "__init__"]
    with tempfile.TemporaryDirectory() as folder:
        (allowed := Path(folder) / "allowed").write_text(ALLOWED)
        command = [sys.executable, "-m", "mypy.stubtest", "--mypy-config-file", "pyproject.toml", "--allowlist", str(allowed)]
        return subprocess.run([*command, "--concise", *modules], cwd=root, capture_output=True, text=True)


def unstated(root: Path = ROOT) -> list[str]:
    """What ``rnnlib`` offers and its stub does not name, or the other way round; modules without a stub."""
    offered, stated = (set(all_of(root / f"rnnlib/__init__{kind}")) for kind in (".py", ".pyi"))
    modules = [name for name in offered if (root / f"rnnlib/{name}.py").is_file()]
    return sorted(offered ^ stated) + [f"{name}.pyi" for name in sorted(modules) if not (root / f"rnnlib/{name}.pyi").is_file()]


def all_of(path: Path) -> list[str]:
    """The names in the ``__all__`` of a file."""
    assigned = (node for node in ast.parse(path.read_text("utf8")).body if isinstance(node, ast.Assign))
    found = [node for node in assigned if getattr(node.targets[0], "id", "") == "__all__"]
    return ast.literal_eval(found[0].value)


def main() -> int:
    missing = unstated()
    found = [mypy(*stubs(), ROOT / "tests/typed/user.py"), stubtest()]
    print("".join(one.stdout + one.stderr for one in found), end="")
    for name in missing:
        print(f"rnnlib/__init__.pyi or a stub beside it lacks: {name}; write it as those of the other modules")
    return int(bool(missing) or any(one.returncode for one in found))


if __name__ == "__main__":
    sys.exit(main())
