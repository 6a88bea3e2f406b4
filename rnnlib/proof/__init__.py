"""The checker: how the book's equations and rnnlib's code are proved to be the same thing.

``tex``        the book's equation dialect, parsed;
``shapes``     arrays whose sizes are letters; ``blocks`` several of them stacked, as gates are;
``exact``      integers mod p and dual numbers;
``networks``   the networks that equations can be about, run by rnnlib's own functions;
``points``     where an equation is evaluated: symbolic sizes, mod p, floating point;
``statement``  a parsed equation checked at those points; ``bounds`` an inequality, at random networks;
``index``      derivatives in index notation with SymPy;
``induction``  the theorems that hold for every T;
``numeric``    complex step and central difference; ``cost`` and ``memory`` what a computation takes;
``blind``      mistakes at points where a check does not see them;
``show``       parsed equations and symbolic entries, made readable;
``page``       what a page of the book calls; ``sheet`` the formulas of all pages, read from them.

Needs SymPy (``pip install 'rnnlib[proof]'``) and is never imported by ``import rnnlib``.
"""

try:
    import sympy as _sympy  # noqa: F401
except ImportError as missing:
    raise ImportError("rnnlib.proof needs SymPy, which is not installed; run: pip install 'rnnlib[proof]'") from missing

from rnnlib.proof.page import Page

__all__ = ["Page"]
