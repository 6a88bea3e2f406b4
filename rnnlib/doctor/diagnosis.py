"""What the doctor says: per parameter right or wrong, the mistakes that give these numbers, and what went wrong on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from textwrap import fill

from rnnlib.doctor.catalogue import Mistake

SIGNS = {"s_0": "s_0", "C_0": "C_0", "s_f0": "s_{f,0}", "s_b0": "s_{b,T+1}", "X": "x_t"}


def symbol(part: str) -> str:
    """∂L/∂W for "W"; the left side of a formula, and words, are what they are."""
    return part if set("\\{ ") & set(part) or part.endswith("_t") else f"∂L/∂{SIGNS.get(part, part)}"


@dataclass(frozen=True)
class Verdict:
    """One gradient: the largest normwise relative error that was seen, what would have been let pass, and a remark.

    An error is infinite where the shape is wrong, and where a number is not finite.
    """

    part: str
    error: float
    tolerance: float
    note: str = ""

    @property
    def right(self) -> bool:
        return self.error <= self.tolerance

    def __str__(self):
        found = f"relative error {self.error:.0e}" if 0 < self.error < float("inf") else ""
        said = "right" if self.right else "WRONG"
        return f"{symbol(self.part):13} {said}  {', '.join(filter(None, (found, self.note)))}".rstrip()


@dataclass(frozen=True)
class Explanation:
    """Mistakes that together give the reader's numbers.

    ``parts`` are the gradients that they explain; ``others`` are further sets of mistakes that cannot be told from these here.
    """

    mistakes: tuple[Mistake, ...]
    parts: tuple[str, ...]
    others: tuple[tuple[Mistake, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(mistake.name for mistake in self.mistakes)


@dataclass(frozen=True)
class Diagnosis:
    """What ``diagnose`` found; printed, it is a report.

    Attributes
    ----------
    cell : the network that was asked for.
    verdicts : one for each gradient that was returned.
    explanations : what in the catalogue gives these numbers; one for all of them, or one for each gradient that can be explained alone.
        Empty if nothing is wrong, and if nothing in the catalogue fits.
    problems : what kept the doctor from judging: exceptions, no gradients, numbers that are not finite.
    notes : what else is worth knowing.
    tried : how many mistakes were tried, and how many pairs.
    """

    cell: str
    verdicts: tuple[Verdict, ...]
    explanations: tuple[Explanation, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tried: tuple[int, int] = (0, 0)

    @property
    def right(self) -> bool:
        """Whether all that was returned is right, at all points."""
        return bool(self.verdicts) and not self.problems and all(verdict.right for verdict in self.verdicts)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The letters whose gradients are wrong."""
        return tuple(verdict.part for verdict in self.verdicts if not verdict.right)

    @property
    def names(self) -> tuple[str, ...]:
        """The mistakes of all explanations, by name."""
        return tuple(dict.fromkeys(name for found in self.explanations for name in found.names))

    def _headline(self):
        if not self.verdicts:
            return "There is nothing to judge."
        count = len(self.verdicts)
        if self.right:
            return f"All {count} gradients are right." if count > 1 else "It is right."
        if not self.wrong:
            return "Not all went well."
        return f"{len(self.wrong)} of {count} gradients are wrong." if count > 1 else "It is wrong."

    def _conclusion(self):
        """One line on what is known, if something is wrong."""
        if not self.wrong:
            return ""
        if not self.explanations:
            singles, pairs = self.tried
            if not singles:
                return "The catalogue has no mistakes to compare this with."
            searched = f"none of the {singles} mistakes in the catalogue gives these numbers" + (f", nor do {pairs} pairs" if pairs else "")
            return f"The cause is not known: {searched}."
        explained = {part for found in self.explanations for part in found.parts}
        rest = [symbol(part) for part in self.wrong if part not in explained]
        changed = "right pass with this change" if self.explanations[0].mistakes[0].edits else "answer with this slip"
        whole = f"These are the numbers of the {changed}:"
        return whole if not rest else f"Not known: the cause of {', '.join(rest)}. For the others, the right pass with this change:"

    def _lines(self, mistake):
        """The spoiled lines beside the right ones; none for a mistake that needs several lines, or another network."""
        changed = mistake.lines(self.cell)
        return [("right", changed[0][0]), ("wrong", changed[0][1])] if len(changed) == 1 else []

    def __str__(self):
        lines = [self._headline(), *(f"  {verdict}" for verdict in self.verdicts)]
        lines += [f"  problem: {text}" for text in self.problems]
        lines += [f"  note: {text}" for text in self.notes]
        if conclusion := self._conclusion():
            lines.append(conclusion)
        for found in self.explanations:
            if set(found.parts) != set(self.wrong):
                lines.append(f"  For {', '.join(map(symbol, found.parts))}:")
            for mistake in found.mistakes:
                said = f"  - {mistake.says}. {mistake.why}"
                lines.append(fill(said, 80, subsequent_indent="    ", break_on_hyphens=False))
                lines += [f"      {word}: {text}" for word, text in self._lines(mistake)]
                lines.append(f"      see the page {mistake.page}, {mistake.label}")
            lines += [f"  The same numbers here: {_together(other)}." for other in found.others]
        return "\n".join(lines)

    def _repr_html_(self):
        rows = "".join(
            f"<tr><td>{_name_html(v.part)}</td><td>{'right' if v.right else '<strong>wrong</strong>'}</td>"
            f"<td>{'' if v.error == float('inf') else f'{v.error:.0e}'}</td><td>{_tex_as_code(v.note)}</td></tr>"
            for v in self.verdicts
        )
        head = "<tr><td></td><td></td><th>relative error</th><td></td></tr>"
        table = f"<table>{head}{rows}</table>" if rows else ""
        said = "".join(f"<p>{_tex_as_code(text)}</p>" for text in (*self.problems, *self.notes, self._conclusion()) if text)
        found = "".join(self._found_html(found) for found in self.explanations)
        return f'<div class="diagnosis"><p><strong>{escape(self._headline())}</strong></p>{table}{said}{found}</div>'

    def _found_html(self, found):
        items = ""
        for mistake in found.mistakes:
            anchor = f"equation-{mistake.label}" if mistake.label.startswith("eq-") else mistake.label
            link = f'<a href="{mistake.page}.html#{anchor}">{mistake.page.replace("_", " ")}</a>'
            code = "".join(f"<br>{word} <code>{escape(text)}</code>" for word, text in self._lines(mistake))
            items += f"<li>{escape(mistake.says)}. {escape(mistake.why)} See {link}.{code}</li>"
        items += "".join(f"<li>The same numbers here: {escape(_together(other))}.</li>" for other in found.others)
        of = "" if set(found.parts) == set(self.wrong) else f"<p>For {escape(', '.join(map(symbol, found.parts)))}:</p>"
        return f"{of}<ul>{items}</ul>"


def _tex_as_code(text):
    """A sentence as HTML, its TeX commands as the code that they are."""
    return re.sub(r"\\\S*", lambda tex: f"<code>{tex[0]}</code>", escape(text))


def _name_html(part):
    """∂L/∂W and words as text; the left side of a formula as the code that it is."""
    said = symbol(part)
    words = " " in part and "\\" not in part
    return f"<code>{escape(said)}</code>" if said == part and not words else escape(said)


def _together(mistakes):
    return "; and ".join(mistake.says for mistake in mistakes)
