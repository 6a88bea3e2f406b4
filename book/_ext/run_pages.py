r"""Run the pages that need it, as many at a time as there are processors, before Sphinx reads them.

Sphinx reads, and so runs, one page after the other; here the outputs are already in the notebook cache when it comes to a page.
The cache takes a page for unchanged when its code cells are, yet a check reads its equation from the page's text.
So a page is run again, too, when one of its labelled equations changed, or one of a page that its cells name.
When cells fail, the build stops with the page, the cell and the error of each.

A build may be killed at any moment. Outputs count only if they are whole: the cache's record holds a digest of the file with them,
and what does not agree with it is thrown away and run again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.db import NbCacheRecord, OrmBase
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from nbformat import NO_CONVERT, writes
from sphinx.errors import SphinxError
from sphinx.util import logging

logger = logging.getLogger(__name__)

EQUATION = re.compile(r"\$\$(?:(?!\$\$).)+\$\$[ \t]*\(eq-[\w-]+\)", re.S)
QUOTED = re.compile(r"""["']([\w*./-]+)["']""")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
QUIET = ["--IPKernelApp.log_level=40"]  # no greeting from every kernel


class CellError(SphinxError):
    category = "A page does not run"


def pages_read(path: Path, notebook) -> list[Path]:
    """The pages whose equations a page's checks may read: itself, and every page that its cells name ("*.md": all)."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    names = {path.stem, *QUOTED.findall(code)}
    return [other for other in sorted(path.parent.glob("*.md")) if other.stem in names or "*.md" in names]


def equations_digest(paths: list[Path]) -> str:
    equations = [equation for path in paths for equation in EQUATION.findall(path.read_text("utf8"))]
    return hashlib.sha256("\n".join(equations).encode()).hexdigest()[:16]


def outdated(app, env, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The pages whose cells name a page that changed."""
    known = getattr(env, "pages_read", {})
    return [name for name, read in known.items() if read & (added | changed | removed)]


def opened(path):
    """The notebook cache, with all its tables: who made it may have been stopped in between."""
    cache = get_cache(path)
    OrmBase.metadata.create_all(cache.db)
    return cache


def file_of(cache, hashkey: str) -> Path:
    return cache.path / "executed" / hashkey / "base.ipynb"


def trusted(cache, record, equations: str) -> bool:
    """Whether the outputs are of these equations, and the file with them is the one that was written."""
    file = file_of(cache, record.hashkey)
    text = file.read_text("utf8", errors="replace") if file.is_file() else ""
    return record.data.get("file") == digest_of(text) and record.data.get("equations") == equations


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def forget(cache, hashkey: str) -> None:
    """Remove what the cache has of a notebook, or what is left of it."""
    shutil.rmtree(file_of(cache, hashkey).parent, ignore_errors=True)
    try:
        NbCacheRecord.remove_record(NbCacheRecord.record_from_hashkey(hashkey, cache.db).pk, cache.db)
    except KeyError:
        pass


def to_run(app, env, docnames: list[str], cache) -> dict[str, tuple]:
    """docname -> (path, notebook, digest) of each page that has cells and no outputs that we can trust."""
    found = {}
    for docname in docnames:
        path = Path(env.doc2path(docname))
        text = path.read_text("utf8")
        reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text) if path.suffix == ".md" else None
        notebook = reader.read(text) if reader else None
        if notebook is None or not any(cell.cell_type == "code" for cell in notebook.cells):
            continue
        read = pages_read(path, notebook)
        env.pages_read = getattr(env, "pages_read", {}) | {docname: {env.path2doc(str(other)) for other in read}}
        digest, (_, hashkey) = equations_digest(read), cache.create_hashed_notebook(notebook)
        try:
            record = NbCacheRecord.record_from_hashkey(hashkey, cache.db)
        except KeyError:
            record = None
        if record is None or not trusted(cache, record, digest):
            forget(cache, hashkey)
            found[docname] = path, notebook, digest
    return found


def run_pages(app, env, docnames: list[str]) -> None:
    if app.config.nb_execution_mode != "cache":
        return
    cache = opened(app.config.nb_execution_cache_path)
    pages, failed = to_run(app, env, docnames, cache), []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {pool.submit(run, path, notebook, app.config.nb_execution_timeout): name for name, (path, notebook, _) in pages.items()}
        for done, job in enumerate(as_completed(jobs), 1):
            name = jobs[job]
            failed += finish(cache, name, *pages[name], job)
            logger.info("running pages... [%d/%d] %s", done, len(jobs), name)
    if failed:
        raise CellError("\n\n".join(failed))


def run(path: Path, notebook, timeout: int):
    """Run a notebook in its own kernel, in the page's folder; the notebook gets its outputs."""
    result = single_nb_execution(notebook, cwd=str(path.parent), timeout=timeout, allow_errors=False, extra_arguments=QUIET)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = merged(cell.outputs)
    return result


def merged(outputs: list) -> list:
    """Join what was printed in one go: the kernel cuts it at any place, and MyST-NB would put a line break there."""
    joined = []
    for output in outputs:
        before = joined[-1] if joined else {}
        if output.output_type == "stream" == before.get("output_type") and output.name == before.name:
            before.text += output.text
        else:
            joined.append(output)
    return joined


def finish(cache, name: str, path: Path, notebook, digest: str, job: Future) -> list[str]:
    """Keep what a page put out, or say why it failed."""
    result = job.result()
    if result.err is not None:
        return [f"{name}: {COLOUR.sub('', str(result.err)).strip()}"]
    text = writes(cache.create_hashed_notebook(notebook)[0], NO_CONVERT)  # as the cache will write it
    data = {"execution_seconds": result.time, "equations": digest, "file": digest_of(text)}
    cache.cache_notebook_bundle(CacheBundleIn(notebook, str(path), data=data), check_validity=False, overwrite=True)
    return []


def setup(app):
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as in the Makefile, which says why; also, the last digits of a sum depend on it
    os.environ.pop("PYTHONOPTIMIZE", None)  # without its assertions a page shows what it has not checked
    app.connect("env-get-outdated", outdated)
    app.connect("env-before-read-docs", run_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
