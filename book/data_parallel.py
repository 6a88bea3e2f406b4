"""Train a network of rnnlib's on several processes by PyTorch's DistributedDataParallel, and compare with rnnlib.

    torchrun --nproc-per-node 2 data_parallel.py

Every process draws the same parameters and the same batch from one seed, and works on its own share of the sequences.
Process 0 prints how far the gradient, and the parameters after a step of Adam, are from rnnlib's on the whole batch;
where they are far, it ends with an error.
"""

import numpy as np
import torch
import torch.distributed as dist

from rnnlib import initialise, interop, lstm, model, one_hot, optimise

n, h, m, T, B = 3, 5, 4, 12, 5


class Classifier(torch.nn.Module):
    """The converted cell and the converted readout; the label is decided at the last step."""

    def __init__(self, p, q):
        super().__init__()
        self.cell = interop.one_bias(interop.to_torch(p))
        self.readout = interop.readout_to_torch(q)

    def forward(self, X):
        return self.readout(self.cell(X)[0][-1])


def gradient(p, q, X, labels, scale):
    """The mean over processes of each one's gradient of scale · L."""
    network = Classifier(p, q)
    parallel = torch.nn.parallel.DistributedDataParallel(network)
    L = torch.nn.functional.cross_entropy(parallel(X), labels, reduction="sum")
    (scale * L).backward()            # the processes wait for each other
    halves = network.cell, network.readout
    return network, tuple(map(interop.gradients_from_torch, halves))


def apart(found, want):
    norm = np.linalg.norm
    return max(norm(a - b) / norm(b) for one, two in zip(found, want) for a, b in zip(one, two))


def main():
    dist.init_process_group("gloo")  # "nccl" between GPUs
    rank, world = dist.get_rank(), dist.get_world_size()
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.uniform(-1, 1, shape)  # noqa: E731
    p, q = lstm.Params(draw(4 * h, n), draw(4 * h, h), draw(4 * h)), initialise.uniform_readout(rng, h, m)
    X, labels = draw(T, B, n), rng.integers(m, size=B)

    mine = slice(rank, None, world)  # this process's share: every world-th sequence
    share, its_labels = torch.from_numpy(X[:, mine].copy()), torch.from_numpy(labels[mine])
    network, found = gradient(p, q, share, its_labels, scale=world / B)
    torch.optim.Adam(network.parameters()).step()
    _, naive = gradient(p, q, share, its_labels, scale=1 / len(its_labels))

    if rank == 0:
        g = model.loss_and_gradients(p, q, X, one_hot(labels[None], m), cell=lstm, weights=np.eye(T)[-1])
        want = tuple(type(part)(*(a / B for a in part)) for part in (g.dL_dp, g.dL_dq))
        stepped = optimise.adam((p, q), want).p
        after = interop.from_torch(network.cell).p, interop.readout_from_torch(network.readout)
        print(f"{world} processes with {[len(labels[k::world]) for k in range(world)]} of {B} sequences")
        print(f"gradient of the mean loss, from rnnlib's: {apart(found, want):.1e}")
        print(f"parameters after a step of Adam:          {apart(after, stepped):.1e}")
        print(f"each process with the mean of its share:  {apart(naive, want):.1e}")
        assert apart(found, want) < 1e-12 and apart(after, stepped) < 1e-9
        assert (apart(naive, want) > 1e-2) == (B % world > 0)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
