"""Build only some pages of the book: ``python book/_tools/page.py gradient_w totals``.

The result is in ``_build/page-gradient_w-totals/html``, apart from the whole book's and from other people's.
All extensions are on. References to pages that are not built are listed as warnings and are no error;
everything else that is printed is one in the whole book.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import build
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROOT_PAGE, COMPANION = "bibliography", "glossary"  # always there, so that links to them and previews of them work


def folder_of(names: list[str]) -> str:
    """The name of the folder that they are built in; many names are shortened, since a file's name has an end."""
    whole = "page-" + "-".join(names)
    return whole if len(whole) <= 100 else f"page-{names[0]}-and-{len(names) - 1}-more-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def make_toc(names: list[str]) -> dict:
    """The table of contents of a book that has these pages only, as numbered chapters."""
    chapters = [{"file": f"book/{name}"} for name in names if name not in (ROOT_PAGE, COMPANION)]
    parts = [{"caption": "Pages", "numbered": True, "chapters": chapters}] if chapters else []
    if (ROOT / f"book/{COMPANION}.md").is_file():
        parts.append({"caption": "Back matter", "chapters": [{"file": f"book/{COMPANION}"}]})
    return {"format": "jb-book", "root": f"book/{ROOT_PAGE}"} | ({"parts": parts} if parts else {})


def make_config() -> dict:
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    sphinx = config["sphinx"]
    sphinx["local_extensions"] = {name: str(ROOT / path) for name, path in sphinx["local_extensions"].items()}
    sphinx["config"]["partial_book"] = True
    return config


def main(names: list[str]) -> int:
    names = [Path(name).stem for name in names]
    missing = [name for name in names if not (ROOT / f"book/{name}.md").is_file()]
    if missing or not names:
        wrong = f"There is no page book/{missing[0]}.md" if missing else "No page is named"
        print(f"{wrong}; use: make page PAGE=gradient_w", file=sys.stderr)
        return 2
    out = ROOT / "_build" / folder_of(names)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"{error}; the build writes there", file=sys.stderr)
        return 2
    (out / "_toc.yml").write_text(yaml.safe_dump(make_toc(names), sort_keys=False), "utf8")
    (out / "_config.yml").write_text(yaml.safe_dump(make_config(), sort_keys=False), "utf8")
    print(f"==> Building {', '.join(names)} alone", flush=True)
    failed = build.run("--path-output", str(out), "--config", str(out / "_config.yml"), "--toc", str(out / "_toc.yml"), "--quiet")
    if not failed:
        print(f"==> Page: {(out / '_build/html/book' / names[0]).relative_to(ROOT)}.html")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
