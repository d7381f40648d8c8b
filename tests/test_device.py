"""Claims about readiness for a GPU, shown without one: nothing waits for the device, nothing stays behind on another.

Meta tensors hold no numbers, so any code that looks at one (`item`, `if tensor`, a copy to NumPy) fails on them, as does any
operation that mixes them with tensors of another device.
"""

import os

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mstask import cell, neurons
from mstask.architectures import ABLATED, build
from mstask.data import Split, Splits
from mstask.networks import VerticalNet
from mstask.section import resolve, section
from mstask.training import Recipe, Training

WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select")


class Watch(TorchDispatchMode):
    """Notes operations that wait for the device, that copy between devices, and that mix devices."""

    def __init__(self):
        super().__init__()
        self.waits, self.moves, self.mixed = [], [], []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function.overloadpacket.__name__
        devices = {leaf.device.type for leaf in tree_leaves([args, kwargs]) if isinstance(leaf, torch.Tensor)}
        if name in WAITS:
            self.waits.append(name)
        if name in ("_to_copy", "copy_") and (len(devices) > 1 or str(kwargs.get("device", "")) not in ("", *devices)):
            self.moves.append(name)
        elif len(devices) > 1:
            self.mixed.append(name)
        return function(*args, **kwargs)


def on_meta(net, steps=16, features=6):
    """The network and an input on the meta device, by the loop that a GPU runs where no kernel can be built."""
    for module in net.modules():
        if isinstance(module, neurons.base.Neuron):
            module.backend = "reference"
    return net.to("meta"), torch.empty(3, steps, features, device="meta")


@pytest.mark.parametrize("name", neurons.names())
def test_a_neurons_loop_forward_and_backward_never_looks_at_a_number_nor_leaves_its_device(name):
    net, x = on_meta(VerticalNet(6, 2, [name, name], 5))
    with Watch() as watch:
        net(x.requires_grad_()).sum().backward()
    assert (watch.waits, watch.moves, watch.mixed) == ([], [], [])
    assert x.grad.device.type == "meta"
    assert all(parameter.grad is not None for parameter in net.parameters() if parameter.requires_grad)


@pytest.mark.parametrize("method", [*ABLATED])
def test_every_network_of_the_paper_moves_as_a_whole(method):
    net, x = on_meta(build(method, resolve("ablation", profile="smoke"), 6, 2)[0])
    with Watch() as watch:
        logits, rates = net.forward_with_rates(x)
    assert (watch.waits, watch.moves, watch.mixed) == ([], [], [])
    assert (logits.device.type, rates.device.type) == ("meta", "meta")


def test_an_epoch_of_training_waits_once_and_copies_only_the_order_of_examples():
    """One `item`, for the epoch's mean loss, however many steps; the examples themselves are where they were."""
    torch.manual_seed(0)
    net = VerticalNet(6, 2, ["Parametric-LIF"], 5)
    for module in net.modules():
        if isinstance(module, neurons.base.Neuron):
            module.backend = "reference"
    x, y = torch.randn(24, 5, 6), torch.arange(24) % 2
    waits = {}
    for batch in (24, 4):
        part = Split(x, y)
        training = Training(net, Splits(part, part, part, 2, {"fingerprint": "toy"}), Recipe(batch_size=batch), seed=1)
        training.optimiser = torch.optim.SGD(net.parameters(), 0.1)
        with Watch() as watch:
            training.learn()
        waits[batch] = watch.waits
        assert watch.moves == []
    assert waits[24] == waits[4] == ["_local_scalar_dense"]


def test_networks_trace_whole_without_a_break():
    """One graph, forward and backward, for torch.compile and CUDA graphs: a break would be a wait for the device."""
    torch.manual_seed(0)
    net = VerticalNet(6, 2, ["CrossInhib-LIF"], 5)
    for layer in net.layers():
        layer.neuron.backend = "reference"
    x = torch.randn(4, 3, 6)
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), net(x))
    grads = []
    for forward in (compiled, net):
        net.zero_grad()
        forward(x).square().sum().backward()
        grads.append([parameter.grad.clone() for parameter in net.parameters()])
    assert all(torch.allclose(a, b) for a, b in zip(*grads, strict=True))


def test_on_a_graphics_card_algorithms_are_asked_to_be_deterministic(monkeypatch):
    asked = []
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on, warn_only: asked.append((on, warn_only)))
    assert cell.device_to_use() == cell.device_to_use(section("g2gnet")) == "cuda" and set(asked) == {(True, True)}
    assert cell.device_to_use(section("hetsyn")) == cell.device_to_use(section("ncg")) == "cpu"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
