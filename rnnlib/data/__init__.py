"""Sequences for the book's pages: real ones, out of packages that are installed anyway, and tasks with known floors.

Nothing is downloaded.
``cldr`` reads names of places and languages, ``synthetic`` draws tasks; what they define is found here, too.
"""

from rnnlib.data.cldr import KINDS, Alphabet, Batch, Name, names, split, targets
from rnnlib.data.synthetic import Task, adding, copying

__all__ = ["KINDS", "Alphabet", "Batch", "Name", "Task", "adding", "copying", "names", "split", "targets"]
