"""What rnnlib costs: the loss and all gradients, against other libraries and against its own matrix products.

``python -m benchmarks`` (``make bench``) measures everything, ``--part`` one of its parts, ``--quick`` a few cells,
``--check`` (``make bench-check``) four cells against their goals; ``--publish`` writes the record that the book shows.
Not a part of rnnlib.
"""
