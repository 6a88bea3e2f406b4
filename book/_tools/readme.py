"""Write the README's formula map and its picture anew: ``make readme``."""

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


PICTURE = Path("book/_static/unrolled.svg")


def picture() -> str:
    """The README's picture, a figure of the book that follows the reader's light or dark theme by itself."""
    from rnnlib import figures

    return figures.path_of_W(3).svg


if __name__ == "__main__":
    (ROOT / "README.md").write_text(expected(), "utf8")
    (ROOT / PICTURE).write_text(picture(), "utf8")
    print(f"==> README.md has the formula map of book/formula_map.yml, and {PICTURE} the picture")
