"""Sequences for the book's pages: real ones, out of packages that are installed anyway, and tasks with known floors.

Nothing is downloaded.
``cldr`` reads names of places and languages, ``series`` a series of numbers, ``synthetic`` draws tasks;
what they define is found here, too.
``stress`` is a module of its own: words with the stress of each vowel.
"""

from rnnlib.data import stress
from rnnlib.data.cldr import KINDS, Alphabet, Batch, Name, names, split, targets
from rnnlib.data.series import Series, Windows, lags, sunspots, windows
from rnnlib.data.synthetic import DELAYS, Task, add_delay, add_delay_chances, adding, copying, floor, xor_of_neighbours

__all__ = ["KINDS", "Alphabet", "Batch", "Name", "names", "split", "targets"]
__all__ += ["Series", "Windows", "lags", "sunspots", "windows"]
__all__ += ["DELAYS", "Task", "add_delay", "add_delay_chances", "adding", "copying", "floor", "xor_of_neighbours"]
__all__ += ["stress"]
