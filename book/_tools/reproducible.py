"""Build the book twice from the same commit, in two folders, and compare: ``make reproducible``, or with pages' names only these.

Both builds start from a fresh clone and run every cell, so this takes as long as two first builds.
Every file must be the same, byte for byte.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import page

ROOT = Path(__file__).resolve().parents[2]


def files(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in sorted(site.rglob("*")) if path.is_file()}


def differences(one: Path, other: Path) -> list[str]:
    """What is in one site and not in the other, or not the same in both."""
    a, b = files(one), files(other)
    if not a or not b:
        raise SystemExit(f"{one if not a else other} holds no files: there is nothing to compare")
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def last_commit() -> str:
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit("The last commit is built, and git is not here") from None
    if asked.returncode:
        raise SystemExit(f"The last commit is built, and git names none in {ROOT}: {asked.stderr.strip()}")
    return asked.stdout.strip()


def built(folder: Path, commit: str, pages: list[str]) -> Path:
    """The site of a fresh clone, at this commit."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", commit], cwd=folder, check=True)
    command = ["page.py", *pages] if pages else ["build.py", "-W", "-n", "--keep-going"]
    command[0] = str(folder / "book/_tools" / command[0])
    subprocess.run([sys.executable, *command], cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)}, check=True)
    return folder / (f"_build/{page.folder_of(pages)}/_build/html" if pages else "_build/html")


def main(pages: list[str]) -> int:
    commit = last_commit()  # there may be a newer one when the second build begins
    with tempfile.TemporaryDirectory() as home:
        one, other = (built(Path(home) / name, commit, pages) for name in ("one", "in/another/folder"))
        different, count = differences(one, other), len(files(one))
    for name in different:
        print(f"DIFFERS: {name}")
    print(f"==> {count} files, {len(different)} of them differ" if different else f"==> {count} files, the same in both")
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
