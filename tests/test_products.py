"""The product of a layer: bits that are walked give what dense products in double precision give."""

from __future__ import annotations

import functools

import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

from mstask import products
from mstask.calibration import calibrate_thresholds
from mstask.networks import VerticalNet
from mstask.products import NARROW, Linear, events_of, product
from mstask.training import Recipe, train

NAN, INF = float("nan"), float("inf")


def drawn(rows: int, inputs: int, rate: float, largest: int, dtype: torch.dtype) -> torch.Tensor:
    counts = torch.randint(1, largest + 1, (rows, inputs))
    return (counts * (torch.rand(rows, inputs) < rate)).to(dtype)


def with_gradients(linear, x: torch.Tensor, g: torch.Tensor, *parameters: torch.Tensor) -> list[torch.Tensor]:
    """Product, then the gradients of input and parameters."""
    out = linear(x)
    return [out.detach(), *torch.autograd.grad(out, (x, *parameters), g)]


@given(
    rows=st.integers(1, 140),
    inputs=st.integers(1, 140),
    extra=st.integers(0, 40),
    rate=st.sampled_from((0.0, 0.02, 0.15, 0.6, 1.0)),
    largest=st.sampled_from((1, 2, 17, 255)),
    single=st.booleans(),
    strided=st.booleans(),
)
def test_event_driven_products_are_the_dense_ones(rows, inputs, extra, rate, largest, single, strided):
    torch.manual_seed(rows)
    dtype = torch.float32 if single else torch.float64
    dense = nn.Linear(inputs, NARROW + extra).double()
    x, g = drawn(rows, inputs, rate, largest, dtype), torch.randn(rows, NARROW + extra, dtype=dtype)
    x = x.t().contiguous().t() if strided else x
    own = [p.detach().to(dtype).requires_grad_() for p in dense.parameters()]
    assert events_of(x, 1.0) is not None
    found = with_gradients(lambda x: product(x, *own, 1.0), x.requires_grad_(), g, *own)
    expected = with_gradients(dense, x.detach().double().requires_grad_(), g.double(), *dense.parameters())
    for a, b in zip(found, expected, strict=True):
        assert (a.double() - b).abs().max() <= (2e-6 if single else 1e-14) * max(1.0, b.abs().max()) * 10


@pytest.fixture(params=[2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_the_order_of_summation_is_the_documented_one_on_any_number_of_threads(threads):
    torch.manual_seed(0)
    x, g = drawn(1000, 70, 0.4, 5, torch.float32), torch.randn(1000, NARROW)
    weight, bias = torch.randn(NARROW, 70, requires_grad=True), torch.randn(NARROW, requires_grad=True)
    out, _, of_weight, of_bias = with_gradients(lambda x: product(x, weight, bias, 1.0), x.requires_grad_(), g, weight, bias)
    counts, planes = x.detach().int(), range(3)
    assert torch.equal(out[3], _in_order(bias.detach(), counts[3], weight.detach().t(), planes))
    assert torch.equal(of_weight[:, 5], _by_tiles(counts[:, 5], g, planes))
    assert torch.equal(of_bias, _by_tiles(torch.ones_like(counts[:, 5]), g, planes))


def _in_order(total, counts, rows, planes):
    """The forward sum of one row of counts over rows of weights."""
    total = total.clone()
    for p in planes:
        left = [rows[k] for k in torch.nonzero(counts >> p & 1).flatten()]
        while left:
            size = 8 if len(left) >= 8 else min(len(left), 2)
            group, left = left[:size], left[size:]
            while len(group) > 1:
                group = [a + b for a, b in zip(group[::2], group[1::2], strict=True)]
            total += 2**p * group[0]
    return total


def _by_tiles(counts, g, planes):
    """The gradient of one input's weights over rows of counts and gradients."""
    total = torch.zeros_like(g[0])
    for p in planes:
        for bits, rows in zip((counts >> p & 1).split(64), g.split(64), strict=True):
            left = list(rows[bits.bool()])
            while left:
                size = 4 if len(left) >= 4 else min(len(left), 2)
                group, left = left[:size], left[size:]
                while len(group) > 1:
                    group = [a + b for a, b in zip(group[::2], group[1::2], strict=True)]
                total += 2**p * group[0]
    return total


@pytest.mark.parametrize(
    "values",
    [[0.5], [-1.0], [256.0], [NAN], [INF], [1.0, 1.0, 1.0, 1.0, 0.0]],
    ids=["a fraction", "negative", "too large", "NaN", "infinite", "too dense"],
)
def test_what_is_no_sparse_count_is_multiplied_densely(values):
    x = torch.zeros(5, 2, 5)
    x[..., : len(values)] = torch.tensor(values)
    layer = Linear(x.shape[-1], NARROW)
    assert events_of(x.flatten(0, 1), 0.5) is None
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias), equal_nan=True)


@pytest.mark.parametrize("shape", [(0, 7, 3), (2, 0, 3), (2, 7, 0)])
def test_an_empty_batch_gives_an_empty_product(shape):
    weight, bias = torch.ones(NARROW, shape[-1]), torch.ones(NARROW)
    torch.testing.assert_close(product(torch.zeros(shape), weight, bias), torch.ones(*shape[:2], NARROW))


def test_the_measured_share_alone_decides():
    x = torch.zeros(10, 10)
    x[:4] = 1
    assert events_of(x, 0.4) is not None
    assert events_of(x, 0.39) is None
    assert events_of(x * 0, 0.0) is None


def test_without_numba_layers_multiply_densely(monkeypatch):
    def missing(name):
        raise ImportError(name)

    layer, x = Linear(5, NARROW), torch.eye(5)
    expected = layer(x)
    monkeypatch.setattr(products, "plugin", missing)
    assert events_of(x, 1.0) is None
    torch.testing.assert_close(layer(x), expected)


def test_a_weight_that_is_not_finite_counts_only_where_its_input_fires():
    layer, x = Linear(3, NARROW), torch.eye(3)
    with torch.no_grad():
        layer.weight[:, 1] = NAN
    assert layer(x).isnan().any(1).tolist() == [False, True, False]


def test_gradients_agree_with_finite_differences():
    torch.manual_seed(0)
    x = drawn(7, 6, 0.3, 3, torch.float64)
    weight, bias = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((NARROW, 6), (NARROW,)))
    assert torch.autograd.gradcheck(lambda w, b: product(x, w, b, 1.0), (weight, bias))


def test_a_mixing_that_is_folded_into_the_weights_changes_rounding_only():
    torch.manual_seed(0)
    layer = VerticalNet(9, 2, ["Beam-IF"], NARROW).double().chains[0][0]
    x, g = torch.randn(4, 5, 9, dtype=torch.float64), torch.randn(4, 5, NARROW, dtype=torch.float64)
    parameters = (layer.linear.weight, layer.linear.bias, layer.neuron.phi)
    folded = torch.autograd.grad(layer.drive(x), parameters, g)
    plain = torch.autograd.grad(layer.neuron.drive(layer.linear(x)), parameters, g)
    torch.testing.assert_close(layer.drive(x), layer.neuron.drive(layer.linear(x)), rtol=0, atol=1e-13)
    for a, b in zip(folded, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="module")
def trained(radar):
    """What a training gives, by its number of threads, batch and width; each is trained once."""

    def of(threads, batch, width):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        net = VerticalNet(radar.train.x.shape[-1], radar.n_classes, ["Vanilla-LIF", "Doppler-LIF", "Beam-IF"], width)
        calibrate_thresholds(net, radar.train.x[:batch])
        outcome = train(net, radar, Recipe(batch_size=batch, max_epochs=2), seed=1)
        return vars(outcome) | {"seconds": None}, [p.tolist() for p in net.parameters()]

    return functools.cache(of)


@pytest.mark.parametrize(("threads", "batch", "width"), [(2, 128, NARROW), (3, 50, 20)], indirect=["threads"])
def test_training_gives_the_same_numbers_on_any_number_of_threads(trained, threads, batch, width):
    """Width and batch of the second are such that single products of torch's would depend on the threads."""
    assert trained(threads, batch, width) == trained(1, batch, width)
