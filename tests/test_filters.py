"""Claims about the causal filter: the compiled loop gives the reference's numbers and the right gradients."""

import pytest
import torch

from mstask.neurons.filters import causal_filter


def arrays(steps, taps=5, dtype=torch.float64):
    g = torch.Generator().manual_seed(2)
    return torch.randn(3, steps, 7, generator=g, dtype=dtype), torch.randn(taps, 7, generator=g, dtype=dtype)


@pytest.mark.parametrize("steps", [1, 4, 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_compiled_filter_equals_the_reference_bit_for_bit(steps, dtype):
    x, taps = arrays(steps, dtype=dtype)
    assert torch.equal(causal_filter(x, taps), causal_filter(x, taps, backend="reference"))


def test_the_reference_is_the_sum_it_states():
    x, taps = arrays(9)
    y = causal_filter(x, taps, backend="reference")
    for t in range(9):
        expected = sum(taps[n] * x[:, t - n] for n in range(min(5, t + 1)))
        assert torch.allclose(y[:, t], expected, atol=1e-14, rtol=0)


def test_gradients_equal_finite_differences():
    x, taps = (a.requires_grad_() for a in arrays(8))
    assert torch.autograd.gradcheck(causal_filter, (x, taps))


def test_gradients_do_not_depend_on_threads():
    grads = []
    for threads in (1, 2):
        x = torch.randn(64, 40, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
        taps = torch.ones(6, 32, requires_grad=True)
        torch.set_num_threads(threads)
        causal_filter(x, taps).square().sum().backward()
        torch.set_num_threads(1)
        grads.append((x.grad, taps.grad))
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))
