"""The small parts of the site's own code, each alone."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from types import SimpleNamespace

import api
import build
import bundle
import cachekey
import jupytext
import katex_build
import lighthouse
import pytest
import run_pages
import tidy_html
from docutils import nodes
from sphinx.errors import SphinxError

pytestmark = pytest.mark.xdist_group("extensions")  # what its fixture makes is made once

MACROS = {r"\R": r"\mathbb{R}"}


@pytest.fixture(scope="module")
def katex():
    engine = katex_build.Katex()
    yield engine
    engine.close()


LETTERS = {"U x_t": "U", "W^{(t)}": "W", r"V^\top": "V", r"\delta_t": "grad", r"\lambda_t": "grad", r"\varepsilon_t": "grad"}


@pytest.mark.parametrize(("tex", "css"), [(tex, f"sym-{name}") for tex, name in LETTERS.items()])
def test_a_letter_wears_its_class_once_and_in_the_html_only(katex, tex, css):
    html = katex.typeset(tex, False, MACROS)
    mathml, _, visible = html.partition('<span class="katex-html"')
    assert visible.count(css) == html.count("sym-") == 1
    assert "sym-" not in mathml


@pytest.mark.parametrize("tex", ["u x_t", r"\mathcal{U}", r"\text{UVW}", r"\Delta", "J_t"])
def test_other_letters_stay_plain(katex, tex):
    assert "sym-" not in katex.typeset(tex, True, MACROS)


def test_macros_are_known_and_the_result_is_remembered(katex):
    once = katex.typeset(r"\R^h", False, MACROS)
    assert 'mathvariant="double-struck">R<' in once
    assert katex.typeset(r"\R^h", False, MACROS) is once


def test_a_closing_mark_stays_with_its_formula(katex):
    formula, text = (lambda tex: nodes.math(tex, tex)), nodes.Text
    said = nodes.paragraph(
        "", "", formula("s_t"), text(". So "), formula("a = b"), text(", or "), formula("h"), text(" "), formula(r"\nonsense"), text(".")
    )
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), katex=katex, config=SimpleNamespace(katex_macros=MACROS))
    katex_build.tie_closing_marks(app, said, "page")
    assert [part.astext() for part in said] == ["s_t.", " So ", "a = b,", " or ", "h", " ", r"\nonsense.", ""]
    assert [part["classes"] for part in said.findall(nodes.inline)] == [["tied"]] * 3


def test_a_formula_with_a_closing_mark_breaks_between_its_parts_and_nowhere_else(katex):
    written = []
    for classes in ([], ["tied"]):
        formula = nodes.math("a = b", "a = b")
        nodes.inline("", "", formula, nodes.Text(","), classes=classes)
        app = SimpleNamespace(katex=katex, config=SimpleNamespace(katex_macros=MACROS))
        translator = SimpleNamespace(builder=SimpleNamespace(app=app), body=written, starttag=lambda node, tag, *_, **__: f"<{tag}>")
        with pytest.raises(nodes.SkipNode):
            katex_build.visit_math(translator, formula)
    alone, tied = written
    assert tied.count("<wbr>") == 1 == alone.count('class="base"') - 1
    assert tied.replace("<wbr>", "") == alone


def test_the_bounds_of_an_ordered_product_stand_below_and_above_it(katex):
    product = r"\overleftarrow{\prod}_{j=i+1}^{t} J_j"
    assert "<munderover>" in katex.typeset(product, True, MACROS)
    assert "<munderover>" not in katex.typeset(product, False, MACROS)


def test_a_tex_error_is_an_error(katex):
    with pytest.raises(Exception, match="KaTeX parse error"):
        katex.typeset(r"\frac{1}", True, MACROS)


@pytest.fixture
def keyed(tmp_path, monkeypatch):
    """What the cache is keyed on, for a library in a folder of its own."""
    library = tmp_path / "rnnlib"
    (library / "proof").mkdir(parents=True)
    (library / "rnn.py").write_text("a = 1\n")
    (tmp_path / "book").mkdir()
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.setattr(cachekey, "library", lambda: library)
    app, config = SimpleNamespace(outdir=tmp_path / "_build/html", srcdir=tmp_path), SimpleNamespace()

    def key() -> str:
        cachekey.set_keys(app, config)
        return config.nb_execution_cache_path

    return library, key


@pytest.mark.parametrize(
    ("file", "text"),
    [("rnn.py", "a = 2\n"), ("proof/tex.py", ""), ("new.py", "a = 1\n"), ("../book/run.py", ""), ("../benchmarks/record.json", "{}")],
)
def test_any_change_in_the_library_is_a_new_cache(keyed, file, text):
    library, key = keyed
    before = key()
    assert key() == before
    (library / file).write_text(text)
    assert key() != before


def test_another_version_is_a_new_cache_and_the_old_one_goes(keyed, monkeypatch):
    library, key = keyed
    before = key()
    old = library.parent / "_build/.jupyter_cache" / before.rpartition("/")[2]
    old.mkdir(parents=True)
    monkeypatch.setattr(cachekey, "version", lambda name: "0")
    assert key() != before
    assert not old.exists()


def test_without_an_optional_package_there_is_a_key_too(keyed, monkeypatch):
    _, key = keyed
    before = key()
    monkeypatch.setattr(cachekey, "PACKAGES", (*cachekey.PACKAGES, "a-package-that-nobody-has"))
    assert key() != before


THEMES_PAGE = """
<!DOCTYPE html>
<html lang="en" data-theme="auto">
<head><meta charset="utf-8" /><meta name="viewport" content="a"/>x<meta name="viewport" content="b"/><script>old()</script>
<script src="../_static/vendor/fontawesome/6/js/all.min.js"></script><script src="../_static/book.js"></script>
<link href="../_static/styles/theme.css?digest=1" rel="stylesheet" /><link rel="stylesheet" href="../_static/book.css" />
</head><body data-bs-spy="scroll"><script>document.write(`<button onclick="window.print()">Print</button>`);</script>
<article class="bd-article"><script>kernelName = 'python3'</script><pre>a\n\n\nb</pre>
<section class="lemma-content" id="proof-content"></section><div class="wide-table docutils container"></div>
<div class="solution dropdown admonition" id="sol"><p class="admonition-title">S</p></div>
<svg id="a"><use href="#g"/><path id="g" fill="url(#g)"/></svg><svg id="a"><use href="#g"/><path id="g" fill="url(#g)"/></svg>
</article><script defer src="../_static/scripts/bootstrap.js?digest=1"></script></body></html>
"""


def test_tidying_twice_changes_nothing_more():
    once = tidy_html.tidy(THEMES_PAGE)
    assert tidy_html.tidy(once) == once
    assert once.startswith("<!DOCTYPE html>")
    for gone in ("fontawesome", "proof-content", "bootstrap", "onclick", "document.write", "old()", "kernelName", "data-bs"):
        assert gone not in once, gone
    assert once.count("viewport") == 1 and '<script defer src="../_static/book.js">' in once
    assert '<div class="wide-table docutils container" tabindex="0"' in once
    assert '<button data-does="print">Print</button>' in once and "<pre>a\n\n\nb</pre>" in once
    assert '<div class="solution dropdown admonition toggle toggle-hidden" id="sol">' in once


def test_the_search_page_has_one_end_that_its_first_paint_waits_for():
    once = tidy_html.tidy("<!DOCTYPE html><html><head></head><body><main><p>Search</p></main></body></html>")
    assert once.count('id="screen"') == 1 and tidy_html.tidy(once) == once


def test_a_figure_shown_twice_has_ids_of_its_own():
    once = tidy_html.tidy(THEMES_PAGE)
    assert '<svg id="a"><use href="#g"/><path id="g" fill="url(#g)"/></svg>' in once
    assert '<svg id="a-2"><use href="#g-2"/><path id="g-2" fill="url(#g-2)"/></svg>' in once


def test_the_policy_allows_the_one_script_that_stands_in_a_page():
    once = tidy_html.tidy(THEMES_PAGE)
    script = re.search(r"<script>(.*?)</script>", once)[1]
    assert once.count("<script>") == 1
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in once


def test_the_script_before_the_first_paint_finds_the_fonts_of_the_one_sheet():
    page = bundle.link(tidy_html.tidy(THEMES_PAGE), "12ab")
    assert 0 < page.index("unrolled.css") < page.index("document.fonts") < page.index("</head>")
    assert tidy_html.tidy(page) == page


def test_the_first_paint_waits_for_what_ends_the_first_screen_and_not_for_more():
    words = "<p>" + "word " * 200 + "</p>\n"
    article = "<article>" + 20 * words + "</article>"
    marked = tidy_html.with_screen(article)
    before = marked.index('<p id="screen">')
    assert tidy_html.height(marked[:before]) > tidy_html.SCREEN >= tidy_html.height(marked[: before - len(words)])
    assert marked.replace(' id="screen"', "") == article and tidy_html.with_screen(marked) == marked
    assert "href:'#screen',blocking:'render'" in tidy_html.tidy(THEMES_PAGE)


@pytest.mark.parametrize("shown", [True, False])
def test_only_a_page_with_a_figure_to_move_loads_what_moves_it(shown):
    explore = '<script src="../_static/explore.js"></script>'
    figure = '<div class="explorable" data-explore="clip">' if shown else "<p>data-explore="
    page = THEMES_PAGE.replace("</head>", f"{explore}</head>").replace("<pre>", f"{figure}<pre>")
    assert ("explore.js" in tidy_html.tidy(page)) == shown


def test_the_first_page_leads_on():
    page = tidy_html.tidy('<meta http-equiv="Refresh" content="0; url=book/index.html" />\n')
    assert page.startswith("<!DOCTYPE html>") and '<a href="book/index.html">' in page
    assert tidy_html.tidy(page) == page


def test_one_style_sheet_takes_the_place_of_all():
    page = bundle.link(tidy_html.tidy(THEMES_PAGE), "12ab")
    assert re.findall(r'href="([^"]*css[^"]*)"', page) == ["../_static/unrolled.css?v=12ab"]
    assert bundle.link(page, "34cd") == page.replace("12ab", "34cd")


def test_a_style_sheet_that_nobody_knows_is_an_error():
    with pytest.raises(SphinxError, match=r"stranger\.css; add it to SHEETS"):
        bundle.link('<link rel="stylesheet" href="../_static/stranger.css"/>', "0")


@pytest.mark.parametrize(
    "css, kept",
    [
        (".here, .gone {color: red}", ".here{color: red}"),
        (".here .gone {color: red}", ""),
        (".here:not(.gone, .lost) > p {color: red}", ".here:not(.gone, .lost) > p{color: red}"),
        ("#here[data-x='}'] {content: '}'}", "#here[data-x='}']{content: '}'}"),
        ("@media print { .gone {a: b} p {c: d} }", "@media print{p{c: d}}"),
        ("@media print { .gone {a: b} }", ""),
        ("@font-face {src: url(a.woff2)}", "@font-face{src: url(a.woff2)}"),
        ("@import 'x.css'; p {a: url(data:x;y,{z})}", "p{a: url(data:x;y,{z})}"),
    ],
)
def test_rules_that_cannot_apply_are_left_out(css, kept):
    assert bundle.keep_used(css, {"here"}) == kept


def test_custom_properties_that_nothing_reads_are_left_out():
    css = ":root{--a:1;--b:var(--c);--c:2;--d:3}p{x:var(--a)}"
    assert bundle.drop_unread(css, "var(--d)") == ":root{--a:1;--d:3}p{x:var(--a)}"


def test_a_failed_build_shows_the_cells_error_and_no_traceback_of_the_tools():
    lines = [
        "reading sources... [100%] book/step\n", "book/step.md: WARNING: Executing notebook failed\n",
        "Traceback (most recent call last):\n", '  File "nbclient/client.py", line 1\n',
        "nbclient.exceptions.CellExecutionError: An error occurred while executing the following cell:\n", "page.check('eq-a')\n",
        "CheckFailed: eq-a\n", "The above exception was the direct cause of the following exception:\n",
        "Traceback (most recent call last):\n", '  File "jupyter_book/cli/main.py", line 317\n', "RuntimeError:\n",
    ]  # fmt: skip
    said = "".join(build.readable(lines))
    assert "Executing notebook failed" in said and "page.check('eq-a')\nCheckFailed: eq-a\n" in said
    assert not any(word in said for word in ("Traceback", "jupyter_book", "client.py", "RuntimeError"))


def test_an_error_in_an_extension_is_shown():
    lines = ["Exception occurred:\n", '  File "book/_ext/api.py", line 1, in run\n', "    return x\n", "ValueError: no x\n"]
    lines += ["The full traceback has been saved in x.log\n", "Traceback (most recent call last):\n", "ValueError: no x\n"]
    assert list(build.readable(lines)) == ["ValueError: no x\n"]


def test_an_error_that_only_a_traceback_tells_is_shown():
    lines = ["Running Sphinx\n", "Traceback (most recent call last):\n", '  File "sphinx/application.py", line 1\n']
    lines += ["toc.MalformedError: a file twice @ '/'\n", "The above exception was the direct cause of the following exception:\n"]
    lines += ["Traceback (most recent call last):\n", "RuntimeError: \n", "There was an error in building your book. Look above.\n"]
    assert list(build.readable(lines)) == ["Running Sphinx\n", "toc.MalformedError: a file twice @ '/'\n"]


def documented(x, *, size: int = 3):
    """First words (eq-a-b), then ``x`` and *more*.

    As in::

        a = b

    Parameters
    ----------
    x : one
        line more.
    size : another (eq-c, eq-d).

    Examples
    --------
    >>> documented(1)
    """


def test_docstrings_become_paragraphs_lists_and_links():
    directive = SimpleNamespace(env=SimpleNamespace(docname="api"), config=SimpleNamespace(partial_book=False))
    directive.inline = lambda match: api.Api.inline(directive, match)
    directive.paragraph = lambda text: api.Api.paragraph(directive, text)
    directive.block = lambda text: api.Api.block(directive, text)
    parts = dict(api.sections(documented.__doc__.replace("\n    ", "\n")))
    assert list(parts) == ["", "Parameters", "Examples"]
    first, lead, block = api.Api.section(directive, "", parts[""])
    assert lead.astext() == "As in:"
    assert isinstance(block, nodes.literal_block) and block.astext() == "a = b"
    assert first.astext() == "First words eq-a-b, then x and more."
    assert [link["reftarget"] for link in first.findall(api.addnodes.pending_xref)] == ["eq-a-b"]
    (items,) = api.Api.section(directive, "Parameters", parts["Parameters"])
    assert [item.astext() for item in items] == ["x : one line more.", "size : another eq-c, eq-d."]
    (items,) = api.Api.section(directive, "Returns", "A pair. What it has\nis no third thing.")
    assert [item.astext() for item in items] == ["A pair. What it has is no third thing."]
    (items,) = api.Api.section(directive, "Returns", "a, b : two\nof them.\nc : one.")
    assert [item.astext() for item in items] == ["a, b : two of them.", "c : one."]
    (example,) = api.Api.section(directive, "Examples", parts["Examples"])
    assert isinstance(example, nodes.doctest_block)
    (errors,) = api.Api.section(directive, "Raises", "ValueError\n    If x is\n    negative.\nTypeError\n    If not.")
    assert [item.astext() for item in errors] == ["ValueError: If x is negative.", "TypeError: If not."]
    words, typed = api.Api.section(directive, "", "A `name` in prose.\n\n>>> documented(1)\n1")
    assert [name.astext() for name in words.findall(nodes.literal)] == ["name"]
    assert isinstance(typed, nodes.doctest_block)
    told = "``one``  the first;\n``other`` the other;\n          two lines.\n\n- A: b\n  c.\n- D.\n\n``one`` and\n``other`` are prose."
    columns, dashes, prose = api.Api.section(directive, "", told)
    assert [item.astext() for item in columns] == ["one: the first;", "other: the other; two lines."]
    assert [item.astext() for item in dashes] == ["A: b c.", "D."]
    assert isinstance(prose, nodes.paragraph) and prose.astext() == "one and other are prose."


def test_signatures_are_those_of_the_source():
    assert api.signature_text(documented) == "(x, *, size=3)"


# ---- Lighthouse: what is done with its reports ---------------------------------------------------------------------


def report(performance: float, contrast: float = 1.0) -> dict:
    """A report of two audits; accessibility is the second's score."""
    audits = {"speed": (performance, "2 s"), "contrast": (contrast, ""), "unweighted": (0, "")}
    refs = {name: [] for name in lighthouse.CATEGORIES} | {"performance": ["speed"], "accessibility": ["contrast"]}
    score = {name: 1.0 for name in lighthouse.CATEGORIES} | {"performance": performance, "accessibility": contrast}
    return {
        "audits": {name: {"id": name, "score": value, "displayValue": shown} for name, (value, shown) in audits.items()},
        "categories": {
            name: {
                "score": score[name],
                "auditRefs": [*({"id": ref, "weight": 1} for ref in refs[name]), {"id": "unweighted", "weight": 0}],
            }
            for name in lighthouse.CATEGORIES
        },
    }


@pytest.mark.parametrize(
    ("kind", "performance", "contrast", "said"),
    [
        ("desktop", 1.0, 1.0, []),
        ("desktop", 0.99, 1.0, ["performance 99, not 100: no audit"]),
        ("mobile", 0.9, 1.0, []),
        ("mobile", 0.89, 1.0, ["performance 89, not 90: speed 2 s"]),
        ("mobile", 0.9, 0.96, ["accessibility 96, not 100: contrast"]),
    ],
)
def test_a_score_below_its_goal_is_said_with_what_costs_it(kind, performance, contrast, said):
    assert lighthouse.misses(report(performance, contrast), kind) == said


@pytest.mark.parametrize(
    ("found", "counts", "runs"), [([0.95], 0.95, 1), ([0.5, 0.97, 0.92], 0.92, 3), ([0.7, 0.6, 0.99], 0.7, 3), ([None, 0.2, 0.95], 0.2, 3)]
)
def test_a_page_that_is_slow_at_first_is_measured_three_times_and_the_median_counts(monkeypatch, tmp_path, found, counts, runs):
    left = [report(performance) for performance in found]
    monkeypatch.setattr(lighthouse, "measure", lambda *_: left.pop(0))
    chosen = lighthouse.settled("", "mobile", tmp_path / "a.json", 1.0, 0)
    assert chosen["categories"]["performance"]["score"] == counts and len(left) == len(found) - runs


def test_a_slow_machine_is_slowed_less():
    found = [[], [1760.0], [880.0, 3000.0, 660.0], [300.0], [4000.0]]
    assert [lighthouse.slowdown_for(indices) for indices in found] == [1750 / 440, 4, 2, 1, 4]


@pytest.mark.parametrize(
    ("program", "said"),
    [("node", "Node.js is not on this machine"), ("chromium", "Chromium is not on this machine"), ("", "no page nowhere in")],
)
def test_lighthouse_that_cannot_run_says_why(monkeypatch, tmp_path, capsys, program, said):
    gone = {"node": ("node",), "chromium": lighthouse.BROWSERS, "": ()}[program]
    monkeypatch.setattr(lighthouse.shutil, "which", lambda name: None if name in gone else f"/{name}")
    monkeypatch.setattr(lighthouse, "LIGHTHOUSE", tmp_path / "index.js")
    (tmp_path / "index.js").touch()
    assert lighthouse.main(str(tmp_path), "nowhere") == 2
    assert said in capsys.readouterr().err


def test_a_pages_kernel_is_asked_not_to_greet(tmp_path):
    notebook = jupytext.reads("```{code-cell} ipython3\nimport sys\nprint(sys.orig_argv)\n```\n", "md:myst")
    assert run_pages.run(tmp_path / "page.md", notebook, 60).err is None
    (cell,) = (cell for cell in notebook.cells if cell.cell_type == "code")
    assert str(run_pages.QUIET).strip("[]") in cell.outputs[0].text


def test_a_build_without_make_computes_in_one_thread_too(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    run_pages.setup(SimpleNamespace(connect=lambda *_: None))
    assert os.environ["OMP_NUM_THREADS"] == "3"  # who asks for more gets it
    monkeypatch.delenv("OMP_NUM_THREADS")
    run_pages.setup(SimpleNamespace(connect=lambda *_: None))
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_the_assertions_of_a_page_always_run(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    page = "```{code-cell} ipython3\nassert False\n```\n"
    assert run_pages.run(tmp_path / "page.md", jupytext.reads(page, "md:myst"), 60).err is None  # what is to be prevented
    run_pages.setup(SimpleNamespace(connect=lambda *_: None))
    assert "AssertionError" in str(run_pages.run(tmp_path / "page.md", jupytext.reads(page, "md:myst"), 60).err)
