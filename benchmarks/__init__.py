"""How fast rnnlib is: the loss and all gradients, against other libraries and against its own matrix products.

``python -m benchmarks`` (``make bench``) measures the whole grid, ``python -m benchmarks --quick`` four cells of it.
Not a part of rnnlib.
"""
