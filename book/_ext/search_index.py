"""Keep the index entries of all pages in the search index.

Sphinx feeds the search with the pages that it writes anew. What it knew of the others it reads from the old index, all but their
index entries: after a second build "gradient of W" would no longer find the page that says so in its index directive.
"""

from __future__ import annotations

from types import SimpleNamespace

from sphinx import search

DOCUMENT, TARGET, MAIN = range(3)


def entries(frozen: dict) -> dict[str, list[tuple[str, str, str]]]:
    """The index entries of each page, from the index that was written."""
    found = {name: [] for name in frozen["docnames"]}
    for entry, places in frozen["indexentries"].items():
        for place in places:
            found[frozen["docnames"][place[DOCUMENT]]].append((entry, place[TARGET], "main" if place[MAIN] else ""))
    return found


class Index(search.IndexBuilder):
    def load(self, stream, format) -> None:
        frozen = format.load(stream)
        super().load(stream, SimpleNamespace(load=lambda _: frozen))
        self._index_entries = entries(frozen)

    def prune(self, docnames) -> None:
        super().prune(docnames)
        self._index_entries = {name: found for name, found in self._index_entries.items() if name in self._titles}


def setup(app):
    search.IndexBuilder = Index
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
