"""SGD and Adam against torch.optim: the same gradients, the same parameters after every step."""

from functools import partial

import numpy as np
import pytest
from generic_point import generic

from rnnlib import optimise
from rnnlib._records import leaves, mapped

torch = pytest.importorskip("torch", reason="PyTorch is not installed; make test-peers installs it")
torch.set_num_threads(1)

PAIRS = {
    "sgd": (partial(optimise.sgd, rate=0.1), partial(torch.optim.SGD, lr=0.1)),
    "momentum": (partial(optimise.sgd, rate=0.1, momentum=0.9), partial(torch.optim.SGD, lr=0.1, momentum=0.9)),
    "adam": (optimise.adam, torch.optim.Adam),
    "adam, set otherwise": (
        partial(optimise.adam, rate=0.2, beta_1=0.7, beta_2=0.95, eps=1e-3),
        partial(torch.optim.Adam, lr=0.2, betas=(0.7, 0.95), eps=1e-3),
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_twenty_steps_match_torch(rng, pair):
    step, theirs = PAIRS[pair]
    point = generic(rng)
    p, state = (point.p, point.q), None
    tensors = {name: torch.tensor(a, requires_grad=True) for name, a in leaves(p).items()}
    theirs = theirs(list(tensors.values()))
    for _ in range(20):
        g = mapped(lambda a: rng.normal(size=a.shape) * 10.0 ** rng.uniform(-3, 3), p)
        p, state = step(p, g, state)
        for name, part in leaves(g).items():
            tensors[name].grad = torch.tensor(part)
        theirs.step()
        for name, part in leaves(p).items():
            np.testing.assert_allclose(part, tensors[name].detach().numpy(), rtol=1e-12, atol=1e-12)
