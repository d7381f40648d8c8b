"""Claims about the authors' own neurons, made on a package with the layout that the paper's scripts show."""

import sys
import types

import pytest
import torch
from torch import nn

from mstask import neurons
from mstask.calibration import calibrate_thresholds
from mstask.cell import load, run_cell
from mstask.errors import MstaskError
from mstask.lab import doctor
from mstask.networks import VerticalNet
from mstask.runs import find
from mstask.section import Place, resolve


class FastSigmoidSurrogate(torch.autograd.Function):
    scale = 25.0

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (u,) = ctx.saved_tensors
        return gradient / (FastSigmoidSurrogate.scale * u.abs() + 1) ** 2


class CrossInhib(nn.Module):
    """Stands for all of the library's types: a plain leaky neuron, its threshold an ordinary attribute."""

    def __init__(self, size, beta=0.95, threshold=1.0):
        super().__init__()
        self.beta, self.threshold = beta, threshold
        self.gain = nn.Parameter(torch.ones(size))

    def forward(self, x):
        m, spikes = torch.zeros_like(x[:, 0]), []
        for x_t in x.unbind(1):
            m = self.beta * m + self.gain * x_t
            spikes.append(FastSigmoidSurrogate.apply(m - self.threshold))
            m = m * (1 - spikes[-1])
        return torch.stack(spikes, 1), {"mem": m}


class NeuronRegistry:
    _all = {name: CrossInhib for name in neurons.names() if name not in ("Vanilla-LIF", "Parametric-LIF", "Beam-IF")}  # noqa: RUF012

    @classmethod
    def create(cls, name, size, **options):
        if name not in cls._all:
            raise KeyError(f"unknown neuron {name}")
        return cls._all[name](size, **options)


@pytest.fixture
def library(monkeypatch):
    """The package: registry at the top, surrogate in `base` only, two types of the scripts missing."""
    package, base = types.ModuleType("dikmen_neurons"), types.ModuleType("dikmen_neurons.base")
    package.NeuronRegistry, base.FastSigmoidSurrogate = NeuronRegistry, FastSigmoidSurrogate
    package.__path__, package.__version__ = [], "1.2.0"
    monkeypatch.setitem(sys.modules, "dikmen_neurons", package)
    monkeypatch.setitem(sys.modules, "dikmen_neurons.base", base)
    monkeypatch.setattr(FastSigmoidSurrogate, "scale", 25.0)


@pytest.fixture
def chosen(library, monkeypatch):
    monkeypatch.setenv("MSTASK_NEURONS", "original")


def test_a_type_of_the_library_comes_from_there(chosen):
    served = neurons.create("Doppler-LIF", 8, beta=0.9)
    assert isinstance(served.layer, CrossInhib) and served.layer.beta == 0.9
    assert (served.size, served.params_per_neuron) == (8, 1)


@pytest.mark.parametrize("name", ["Vanilla-LIF", "Parametric-LIF"])
def test_what_only_the_scripts_define_is_this_project_s(chosen, name):
    assert isinstance(neurons.create(name, 8), neurons.neuron_type(name))


def test_a_type_that_the_library_lacks_is_named(chosen):
    with pytest.raises(MstaskError, match="dikmen_neurons could not create 'Beam-IF'"):
        neurons.create("Beam-IF", 8)


def test_the_slope_is_each_layer_s_own_though_the_library_has_one_for_all(chosen):
    x = torch.linspace(0.5, 1.5, 5).reshape(1, 1, 5)
    layers = {slope: neurons.create("Doppler-LIF", 5, surrogate_slope=slope) for slope in (10.0, 50.0)}
    for slope, layer in layers.items():
        layer(x)[0].sum().backward()
        expected = x.flatten() / (slope * (x.flatten() - 1).abs() + 1) ** 2
        assert torch.allclose(layer.layer.gain.grad, expected)


def test_calibrated_thresholds_travel_with_the_weights(chosen):
    x = torch.rand(16, 10, 6, generator=torch.Generator().manual_seed(1))
    nets = [VerticalNet(6, 3, ["Doppler-LIF", "Vanilla-LIF"], 8) for _ in range(2)]
    calibrate_thresholds(nets[0], x)
    nets[1].load_state_dict(nets[0].state_dict())
    thresholds = [[layer.neuron.threshold for layer in net.layers()] for net in nets]
    assert thresholds[0] == thresholds[1] and thresholds[0][0] != 1.0
    assert torch.equal(nets[0](x), nets[1](x))


def test_the_library_is_part_of_a_cell_s_identity(library, toy_here, monkeypatch):
    settings, place = resolve("toy", profile="smoke"), Place("plain", None, 42)
    splits = load("toy", settings)
    own = run_cell("toy", place, settings, splits)
    assert "neurons" not in own.provenance.inputs
    monkeypatch.setenv("MSTASK_NEURONS", "original")
    assert find("toy", place, settings).changed == ("neurons",)
    assert run_cell("toy", place, settings, splits).provenance.inputs["neurons"] == "original 1.2.0"
    assert find("toy", place, settings).state == "done"


class TestDoctor:
    def check(self):
        (found,) = doctor.original_neurons()
        return found

    def test_each_type_is_compared_by_its_spikes(self, library, monkeypatch):
        leaky = {name: neurons.neuron_type("Vanilla-LIF") for name in neurons.names()}
        monkeypatch.setattr(NeuronRegistry, "_all", NeuronRegistry._all | {"Beam-IF": lambda size: CrossInhib(size + 1)})
        found = self.check()
        assert found.verdict == "note" and "Doppler-LIF" in found.found.partition("share of equal ones: ")[2]
        assert "Beam-IF fails" in found.found and "MSTASK_NEURONS" in found.advice
        for name in ("Doppler-LIF", "Chirp-LIF"):
            monkeypatch.setattr(neurons.registry, "_types", neurons.registry._types | {name: leaky[name]})
        assert "spikes equal for Doppler-LIF" in self.check().found

    def test_it_need_not_be_there_unless_it_is_asked_for(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "dikmen_neurons", None)
        assert self.check().verdict == "ok"
        monkeypatch.setenv("MSTASK_NEURONS", "original")
        assert self.check().verdict == "wrong" and "unset MSTASK_NEURONS" in self.check().advice
