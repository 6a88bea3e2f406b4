"""The gradient doctor takes functions written with JAX and with PyTorch."""

import jax
import jax.numpy as jnp
import torch

from rnnlib import diagnose


def test_a_jax_function():
    def my_backward(U, W, b, V, c, X, Y, s_0):
        def loss(parameters):
            U, W, b, V, c = parameters
            s, L = s_0, 0
            for x, y in zip(X, Y):
                s = jnp.tanh(x @ U.T + s @ W.T + b)
                L = L - (y * jax.nn.log_softmax(s @ V.T + c)).sum()
            return L

        return jax.value_and_grad(loss)((U, W, b, V, c))

    assert diagnose(my_backward, array=jnp.asarray).right


def test_a_pytorch_function():
    def my_backward(U, W, b, V, c, X, Y, s_0):
        parameters = [v.requires_grad_() for v in (U, W, b, V, c)]
        s, L = s_0, 0
        for x, y in zip(X, Y):
            s = torch.tanh(x @ U.T + s @ W.T + b)
            L = L - (y * torch.log_softmax(s @ V.T + c, -1)).sum()
        L.backward()
        return L, dict(zip("UWbVc", (v.grad for v in parameters)))

    assert diagnose(my_backward, array=torch.tensor).right
    assert diagnose(my_backward, array=lambda a: torch.tensor(a, dtype=torch.float32)).right
