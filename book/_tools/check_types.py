"""Check the types of rnnlib's public functions: ``make types``.

The functions are shown on the pages with the formulas' letters alone; their types stand in stubs beside them (``rnnlib/*.pyi``).
Two checks: the stubs and a program that uses them are right under ``mypy --strict``;
and every stub says what its module is: the same names, arguments and defaults (``stubtest``).
"""

from __future__ import annotations

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


def main() -> int:
    found = [mypy(*stubs(), ROOT / "tests/typed/user.py"), stubtest()]
    print("".join(one.stdout + one.stderr for one in found), end="")
    return int(any(one.returncode for one in found))


if __name__ == "__main__":
    sys.exit(main())
