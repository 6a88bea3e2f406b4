"""The gradient doctor: is a backward pass right, and if not, which mistake is it?

``diagnose`` judges a function, ``diagnose_formula`` a formula in the book's LaTeX,
``answer`` an answer to one of the book's questions that are about something else than a gradient;
``rnnlib.diagnose`` and ``rnnlib.diagnose_formula`` are the same.

``catalogue``  the mistakes, each a piece of one line of a right pass replaced;
``passes``     the right passes, ``program`` their lines;
``points``     where a function is tried; ``reader`` how it is called and read;
``examine``    what is concluded, ``diagnosis`` how it is said; ``formula`` the same for formulas;
``questions`` what ``answer`` knows.

Needs NumPy alone, but for ``diagnose_formula``, which needs ``rnnlib.proof``.
"""

from rnnlib.doctor import points
from rnnlib.doctor.catalogue import MISTAKES, Mistake, fitting, named
from rnnlib.doctor.diagnosis import Diagnosis, Explanation, Verdict
from rnnlib.doctor.examine import diagnose
from rnnlib.doctor.formula import diagnose_formula
from rnnlib.doctor.questions import answer

__all__ = [
    "MISTAKES",
    "Diagnosis",
    "Explanation",
    "Mistake",
    "Verdict",
    "answer",
    "diagnose",
    "diagnose_formula",
    "fitting",
    "named",
    "points",
]
