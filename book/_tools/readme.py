"""Write the README's formula map anew from ``book/formula_map.yml``: ``make readme``."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "book/_ext"))


def expected(root: Path = ROOT) -> str:
    """The README's text as it should be."""
    from formula_map import MAP, labels_in, load, markdown, with_table

    table = markdown(load(root / MAP), labels_in(root / "book"))
    return with_table((root / "README.md").read_text("utf8"), table)


if __name__ == "__main__":
    (ROOT / "README.md").write_text(expected(), "utf8")
    print("==> README.md has the formula map of book/formula_map.yml")
