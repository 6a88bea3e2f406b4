"""The search index keeps what it knows of pages that a build leaves as they are."""

from __future__ import annotations

import io
from types import SimpleNamespace

import search_index
from sphinx.search import IndexBuilder, js_index

NAMES = ("titles", "filenames", "mapping", "title_mapping", "all_titles", "index_entries", "objtypes", "objnames")


def builder(kind):
    env = SimpleNamespace(version="1", domains={}, **{f"_search_index_{name}": {} for name in NAMES})
    return kind(env, "en", {}, "")


def first_build(kind):
    """An index of two pages that knows their index entries."""
    index = builder(kind)
    for name, entry in (("book/a", "gradient of W"), ("book/b", "clipping")):
        index._titles[name], index._filenames[name] = name, f"{name}.md"
        index._all_titles[name], index._index_entries[name] = [(name, "top")], [(entry, "index-0", "main")]
    written = io.StringIO()
    index.dump(written, js_index)
    return index.freeze(), io.StringIO(written.getvalue())


def test_a_second_build_knows_the_index_entries_of_the_first():
    frozen, written = first_build(search_index.Index)
    again = builder(search_index.Index)
    again.load(written, js_index)
    again.prune(["book/a", "book/b"])
    assert again.freeze()["indexentries"] == frozen["indexentries"] == {
        "gradient of w": [(0, "index-0", True)], "clipping": [(1, "index-0", True)],
    }  # fmt: skip


def test_a_page_that_is_gone_leaves_no_entry():
    _, written = first_build(search_index.Index)
    again = builder(search_index.Index)
    again.load(written, js_index)
    again.prune(["book/b"])
    assert again.freeze()["indexentries"] == {"clipping": [(0, "index-0", True)]}


def test_sphinx_alone_forgets_them():
    """When this fails, Sphinx does it itself and the extension can go."""
    _, written = first_build(IndexBuilder)
    again = builder(IndexBuilder)
    again.load(written, js_index)
    assert again.freeze()["indexentries"] == {}
