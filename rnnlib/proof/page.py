"""What a page of the book calls: check a labelled equation as it is typeset on that very page, and show the evidence.

    page = Page("gradient_w")
    page.check("eq-gradient-w-outer")

The equation's text is read from the page's own source, so nothing is typed twice. A check that fails raises, and so stops the build.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rnnlib.proof import bounds, tex
from rnnlib.proof import statement as st
from rnnlib.proof.induction import Theorem
from rnnlib.proof.networks import NETWORKS

KINDS = ("identity", "definition", "theorem", "bound", "refuted")
_DISPLAY = re.compile(r"\$\$(.+?)\$\$(?:[ \t]*\(([\w:.-]+)\))?", re.S)
_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1`*\s*$", re.S | re.M)
REFUTED_AT_LEAST = 1e-2  # a wrong formula must be wrong by at least a percent at the generic point


class CheckFailed(AssertionError):
    """An equation that does not hold, or a wrong one that does."""


@dataclass(frozen=True)
class Evidence:
    """What was found out about one labelled equation; shown by notebooks and collected into the ledger."""

    page: str
    label: str
    kind: str
    tex: str
    evidence: tuple[str, ...]
    function: str = ""
    errors: dict = field(default_factory=dict, compare=False)

    def _repr_html_(self):
        record = asdict(self)
        record.pop("errors")
        mark, word = ("✗", "refuted") if self.kind == "refuted" else ("✓", self.kind)
        code = f'<code class="evidence-function">{html.escape(self.function)}</code>' if self.function else ""
        rows = "".join(f"<li>{html.escape(row)}</li>" for row in self.evidence)
        return (
            f'<div class="evidence evidence-{self.kind}" data-check="{html.escape(json.dumps(record, ensure_ascii=False))}">'
            f'<span class="evidence-mark" aria-hidden="true">{mark}</span> '
            f'<span class="evidence-kind">{word}</span> <span class="evidence-label">{html.escape(self.label)}</span> {code}'
            f"<ul>{rows}</ul></div>"
        )

    def __repr__(self):
        return f"{self.label}: {self.kind}\n" + "\n".join(f"  {row}" for row in self.evidence)


class Page:
    """The checks of one page.

    Parameters
    ----------
    name : the page's stem, for example "gradient_w". Its source, ``gradient_w.md`` or ``gradient_w.ipynb``, is looked for in the
        working directory and in ``book/`` below it.
    source : the source itself, for pages that are not files.
    network : the network that the page's equations are about, unless a check says another.

    Raises
    ------
    FileNotFoundError
        If there is no such page.
    """

    def __init__(self, name: str, source: str | None = None, network: str = "rnn"):
        self.name, self.network = name, network
        self.records: list[Evidence] = []
        self.equations = labelled_equations(_read(name) if source is None else source)

    def check(self, label, *, kind="identity", every_T: Theorem | None = None, letters=None, function="", **where) -> Evidence:
        """Check a labelled equation wherever it has a meaning, and return the evidence.

        Parameters
        ----------
        label : the label behind the equation, for example "eq-gradient-w-outer".
        kind : "identity" or "definition"; an equation with ``every_T`` is a "theorem".
        every_T : a theorem of ``rnnlib.proof.induction`` that proves it for every T. The equation must be the theorem's claim,
            read with ``letters``, and each line of the theorem's derivation is executed as well.
        letters : what the theorem's placeholder letters stand for, ``{"D": r"\\frac{..s_{#}}{..}"}`` with # for the index.
        function : the dotted name of the rnnlib function that the equation describes, for the ledger; found by itself for the
            gradients. What is compared is always the network's own gradient, and the evidence names it.
        where : ``head``, ``f``, ``weights``, ``aliases``, ``sizes``, ``T``, as for ``rnnlib.proof.statement.check``.

        Raises
        ------
        CheckFailed
            If it does not hold, with what failed where.
        KeyError
            If the page has no such label.
        """
        text, where = self._text(label), {"network": self.network, **where}
        findings = st.check(text, **where)
        self._need_all(label, text, findings)
        evidence = [self._describe(finding, where) for finding in findings]
        if every_T is not None:
            kind = "theorem"
            evidence.insert(0, self._theorem(label, text, every_T, letters or {}, where))
        computed = self._function(text, where)
        agreed = [f for f in findings if f.library is not None]
        if agreed:
            exact = "exactly, " if any(f.kind != "float" for f in agreed) else ""
            measured = "".join(f"within {f.library:.1e} in float64" for f in agreed if f.kind == "float")
            evidence.append(f"{computed} returns the same: {exact}{measured}".rstrip(", "))
        errors = {f.kind: f.error for f in findings}
        return self._record(Evidence(self.name, label, kind, text, tuple(evidence), function or computed, errors))

    def refute(self, label, **where) -> Evidence:
        """Check that a formula shown on the page as a mistake really fails, and say by how much.

        Raises
        ------
        CheckFailed
            If it holds, or is wrong by less than a percent.
        """
        text, where = self._text(label), {"network": self.network, **where}
        findings = st.check(text, **where)
        evidence, wrong = [], False
        for finding in findings:
            if finding.kind == "float":
                wrong = finding.error >= REFUTED_AT_LEAST
                size = f"wrong by {100 * finding.error:.3g} % (normwise) against the complex step at T = {finding.T[0]}"
                evidence.append(size if finding.error < float("inf") else finding.note)
            elif finding.kind == "symbolic":
                evidence.append(self._first_failure(text, finding, where))
            elif "do not fit" not in finding.note:
                evidence.append(f"{'differs' if finding.error else 'holds'} in exact arithmetic mod 2^61 − 1 at T = {finding.T[0]}")
        if not wrong:
            raise CheckFailed(f"{self.name}: the formula ({label}) is shown as a mistake, but it is not refuted: {'; '.join(evidence)}")
        errors = {f.kind: f.error for f in findings}
        return self._record(Evidence(self.name, label, "refuted", text, tuple(dict.fromkeys(evidence)), "", errors))

    def bound(self, label, *, function="", **how) -> Evidence:
        """Evaluate a labelled inequality, proved in the page's text, at random networks and at the worst one a search finds.

        ``how`` is passed on to ``rnnlib.proof.bounds.bound``: ``f``, ``draws``, ``search``, ``seed``.

        Raises
        ------
        CheckFailed
            If it fails at any of them.
        """
        text = self._text(label)
        margin = bounds.bound(text, **how)
        small, large = _sides(text)
        evidence = (
            f"holds at {margin.networks} random networks, {margin.comparisons} comparisons: "
            f"{small} side at most {margin.largest:.3g} times the {large}",
            f"search for the worst network: {margin.worst:.6g} times the {large} side",
        )
        if not margin.holds():
            reached = max(margin.largest, margin.worst)
            raise CheckFailed(
                f"{self.name}: the bound ({label}) does not hold: "
                f"the {small} side reaches {reached:.3g} times the {large}\n  {_plain(text)}"
            )
        return self._record(Evidence(self.name, label, "bound", text, evidence, function, {"bound": margin.worst}))

    def refute_bound(self, label, **how) -> Evidence:
        """Find networks at which an inequality shown as a mistake fails, and say by how much; ``how`` as for ``bound``.

        Raises
        ------
        CheckFailed
            If it holds at all of them, or its left side exceeds the right one by less than a percent.
        """
        text = self._text(label)
        margin = bounds.bound(text, **how)
        reached = max(margin.largest, margin.worst)
        small, large = _sides(text)
        if not reached >= 1 + REFUTED_AT_LEAST:
            raise CheckFailed(
                f"{self.name}: the bound ({label}) is shown as a mistake, but the {small} side reaches only {reached:.6g} of the {large}"
            )
        most = f"{reached:.3g} times the {large} one" if reached < float("inf") else f"more than 0, where the {large} one is 0"
        evidence = (f"fails among {margin.networks} random networks and in a search for the worst: the {small} side reaches {most}",)
        return self._record(Evidence(self.name, label, "refuted", text, evidence, "", {"bound": reached}))

    def unchecked(self) -> list[str]:
        """Labels on the page that no check has seen yet."""
        seen = {record.label for record in self.records}
        return [label for label in self.equations if label not in seen]

    # ------------------------------------------------------------------------------------------------------------------

    def _text(self, label):
        if label not in self.equations:
            known = ", ".join(self.equations) or "none"
            raise KeyError(f"page {self.name} has no equation labelled {label}; its labels are: {known}")
        return self.equations[label]

    def _record(self, evidence):
        self.records.append(evidence)
        return evidence

    @staticmethod
    def _function(text, where):
        """The rnnlib function that computes the left side of one of the relations, '' if there is none."""
        network = NETWORKS[where.get("network", "rnn")]
        found = (st.library_of(r.left, network, where.get("aliases")) for r in tex.parse(text).relations)
        return next(filter(None, found), "")

    def _need_all(self, label, text, findings):
        bad = [f for f in findings if not f.holds()]
        if bad:
            told = "; ".join(self._failure(f) for f in bad)
            raise CheckFailed(f"{self.name}: equation ({label}) does not hold: {told}\n  {_plain(text)}")

    @staticmethod
    def _failure(f):
        where = {"symbolic": "with symbolic sizes", "exact": "mod 2^61 − 1", "float": f"in float64 at T = {f.T[0]}"}[f.kind]
        size = f" (relative error {f.error:.1e})" if f.kind == "float" else ""
        if f.error == 0 or f.kind == "float" and f.error <= st.FLOAT_TOLERANCE:
            return f"{where} rnnlib's own result differs{f' by {f.library:.1e}' if f.kind == 'float' else ''}"
        return f"{where} {f.note or 'the sides differ'}{size}"

    @staticmethod
    def _describe(f, where):
        n, h, m = where.get("sizes", st.GENERIC_SIZES)
        words = {"head": "output head", "f": "activation", "weights": "weights"}
        special = ", ".join(f"{what} {where[k]}" for k, what in words.items() if k in where)
        if f.kind == "symbolic":
            return f"equal for all sizes n, h, m and every f and loss, at T = {', '.join(map(str, f.T))} (arrays of symbolic shape)"
        if f.kind == "exact":
            place = f"T = {f.T[0]}, (n, h, m) = ({n}, {h}, {m})"
            return f"equal in exact arithmetic mod 2^61 − 1, {place}" + (f", {special}" if special else "")
        return f"float64 against the complex step at T = {f.T[0]}: relative error {f.error:.1e}" + (f", {special}" if special else "")

    def _theorem(self, label, text, theorem, letters, where):
        if not theorem.states(text, letters):
            raise CheckFailed(
                f"{self.name}: equation ({label}) is not what the theorem {theorem.name} proves.\n"
                f"  typeset: {_plain(text)}\n  proved:  {theorem.fill(theorem.claim, letters)}"
            )
        lines = st.check(theorem.executable({**letters}), **where)
        self._need_all(label, theorem.executable(letters), lines)
        return f"proved for every T {theorem.says} ({theorem.checks} steps checked, each of the {len(theorem.lines)} lines executed)"

    def _first_failure(self, text, finding, where):
        if "shapes do not fit" in finding.note:
            return finding.note
        statement, held = tex.parse(text), []
        for T in finding.T:
            if not st.assignments(statement, T):
                continue  # its ranges are empty at this length
            if not st.check(text, **{**where, "T": (T,)})[0].holds():
                before = f"holds at T = {', '.join(map(str, held))} and " if held else ""
                return f"with symbolic sizes it {before}fails at T = {T}"
            held.append(T)
        return f"with symbolic sizes it holds at T = {', '.join(map(str, held))}"


def labelled_equations(source: str) -> dict[str, str]:
    """{label: LaTeX} of all labelled equations ``$$ … $$ (label)`` of a page's Markdown, code cells left out.

    Raises
    ------
    ValueError
        If a label stands twice.
    """
    found = {}
    for text, label in _DISPLAY.findall(_without_code(source)):
        if not label:
            continue
        if label in found:
            raise ValueError(f"the label {label} stands twice on the page")
        found[label] = text.strip()
    return found


def _without_code(source):
    """The page without code cells, literal blocks and dollars in inline code; other directives may hold equations and stay."""

    def drop(match):
        opening = match.group().splitlines()[0]
        return match.group() if re.match(r"[`~]{3,}\{(?!code)", opening) else ""

    return re.sub(r"`[^`\n]*\$\$[^`\n]*`", "", _FENCE.sub(drop, source))


def _sides(text):
    """The side that an inequality claims to be the small one, and the other: a ``\\ge`` alone has the small one on the right."""
    claim = text.split(r"\qquad")[0]
    return ("right", "left") if r"\ge" in claim and r"\le" not in claim.replace(r"\left", "") else ("left", "right")


def _plain(text):
    return " ".join(text.split())


def _read(name):
    """The Markdown of a page, from its ``.md`` or its notebook."""
    tried = []
    for folder in (Path(), Path("book")):
        for ending in (".md", ".ipynb"):
            path = folder / (name + ending)
            tried.append(str(path))
            if path.is_file():
                text = path.read_text("utf8")
                if ending == ".md":
                    return text
                cells = json.loads(text)["cells"]
                return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    raise FileNotFoundError(f"no source of the page {name!r}; looked for {', '.join(tried)} in {Path.cwd()}")
