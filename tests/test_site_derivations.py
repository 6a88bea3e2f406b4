"""Which formulas are derivations, to be read line by line."""

from __future__ import annotations

import re

import pytest
from katex_build import steps

CHAIN = r"""\begin{aligned}
\mathrm{d} s_t
&= D_t \, \mathrm{d} (W s_{t-1}) && \text{chain rule} \\
&= D_t \, \mathrm{d} W \, s_{t-1} + D_t W \, \mathrm{d} s_{t-1} && \text{product rule} \\[4pt]
&= 0
\end{aligned}"""


def test_one_side_and_what_it_equals_line_by_line():
    assert steps(CHAIN) == 3


@pytest.mark.parametrize(
    "tex",
    [
        "a = b",
        CHAIN.replace(r" \\[4pt]" + "\n&= 0", ""),  # two lines
        CHAIN.replace("&= 0", "b &= 0"),  # a second equation
        CHAIN.replace("&= 0", r"&= \begin{cases} 0 & a \\ 1 & b \end{cases}"),
        CHAIN.replace("&= 0", r"& t = 1, \dots, T"),  # "Result only" would show the range
        CHAIN + r", \qquad t = 1",
    ],
)
def test_what_is_no_derivation_has_no_lines(tex):
    assert steps(tex) == 0


def test_the_book_has_derivations(root):
    texts = [path.read_text("utf8") for path in (root / "book").glob("*.md")]
    assert sum(steps(tex) > 0 for text in texts for tex in re.findall(r"\$\$(.+?)\$\$", text, re.S)) > 10
