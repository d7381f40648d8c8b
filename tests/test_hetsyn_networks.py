"""The family of four networks: what each one trains, what they share, and that bad input is refused."""

import pytest
import torch

from mstask.cost import count_parameters
from mstask.errors import MstaskError
from mstask.studies.hetsyn import forms
from mstask.studies.hetsyn.networks import METHODS, Network, Times, free_time_constants
from mstask.studies.hetsyn.settings import SETTINGS

TIMES = Times(fixed=8, drawn=(8, 0.8), uniform=False, reset=8, adaptation=160, strength=0.15)


def network(method="HetSynLIF", sizes=(6, 5, 3), recurrent=True, seed=0, **options):
    torch.manual_seed(seed)
    return Network(method, sizes, recurrent, TIMES, **options)


def spikes(*shape, seed=0):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.3).float()


class TestCounts:
    """The sizes of the paper's Table 3 and of its networks, readouts included."""

    @pytest.mark.parametrize(
        ("case", "inputs", "outputs", "expected"),
        [
            ("speech-bins", 700, 20, 239_104),
            ("digits-pixels", 1, 10, 25_984),
            ("match-feedforward", 30, 2, 6_400),
            ("match-recurrent", 30, 2, 26_400),
            ("pattern-feedforward", 100, 1, 20_200),
            ("pattern-recurrent", 100, 1, 40_200),
        ],
    )
    def test_hetsyn_trains_as_many_numbers_as_the_paper_says(self, case, inputs, outputs, expected):
        model = SETTINGS[case].network("HetSynLIF", inputs, outputs)
        assert count_parameters(model) == expected
        assert free_time_constants(model) == expected // 2

    @pytest.mark.parametrize("recurrent", [False, True])
    def test_time_constants_number_none_n_or_mn(self, recurrent):
        m, n, c = 6, 5, 3
        weights = m * n + recurrent * n * n + n * c
        free = {name: free_time_constants(network(name, (m, n, c), recurrent)) for name in METHODS}
        assert free == {"HomNeuLIF": 0, "HomNeuALIF": 0, "HetNeuLIF": n + c, "HetSynLIF": weights}
        for name in METHODS:
            assert count_parameters(network(name, (m, n, c), recurrent)) == weights + free[name]


class TestFamily:
    def test_networks_of_one_seed_start_from_the_same_weights(self):
        first, *others = (network(name) for name in METHODS)
        weights = {name: value for name, value in first.named_parameters() if name.endswith("weight")}
        assert len(weights) == 3
        for other in others:
            named = dict(other.named_parameters())
            assert all(torch.equal(value, named[name]) for name, value in weights.items())

    @pytest.mark.parametrize("method", ["HetNeuLIF", "HetSynLIF"])
    def test_equal_decays_turn_heterogeneous_networks_into_the_homogeneous_one(self, method):
        plain, other = network("HomNeuLIF"), network(method)
        for decay in other.decays().values():
            decay.data.fill_(plain.readout.decay.item())
        x = spikes(4, 30, 6) * 2
        (expected, z), (found, y) = plain.run(x), other.run(x)
        assert 0.02 < z[0].mean() < 0.98
        assert torch.equal(z[0], y[0])
        assert torch.allclose(found, expected, atol=1e-5)

    def test_adaptation_makes_a_neuron_fire_less(self):
        x = torch.ones(1, 60, 6)
        rates = {}
        for name in ("HomNeuLIF", "HomNeuALIF"):
            model = network(name, recurrent=False)
            model.layers[0].inputs.weight.data.fill_(0.1)
            rates[name] = model.forward_with_rates(x)[1].item()
        assert 0 < rates["HomNeuALIF"] < rates["HomNeuLIF"]

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("score", ["last", "softmax", "count"])
    def test_every_backend_gives_the_same_network(self, method, score):
        x = spikes(3, 20, 6) * 2
        found = {}
        for backend in ("direct", "fourier", "fused"):
            model = network(method, score=score).double()
            model.backend = backend
            loss = torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2]))
            loss.backward()
            found[backend] = [loss.detach(), *(p.grad for p in model.parameters())]
        assert any(gradient.abs().max() > 0 for gradient in found["direct"][1:])
        for backend in ("fourier", "fused"):
            for a, b in zip(found[backend], found["direct"], strict=True):
                assert (a - b).abs().max() <= 1e-11 * max(1, b.abs().max())


class TestReadout:
    def test_scores_are_the_last_output_or_the_summed_softmax(self):
        x = spikes(3, 12, 6)
        model = network(score="last")
        outputs = model.run(x)[0]
        assert torch.equal(model(x), outputs[:, -1])
        summed = network(score="softmax")(x)
        assert torch.allclose(summed, outputs.softmax(-1).sum(1))
        assert summed.sum(-1).tolist() == pytest.approx([12, 12, 12])

    def test_a_silent_network_has_the_loss_of_chance(self):
        model = SETTINGS["speech-bins"].network("HetSynLIF", 700, 20).eval()
        loss = torch.nn.functional.cross_entropy(model(torch.zeros(2, 250, 700)), torch.tensor([3, 7]))
        assert loss.item() == pytest.approx(2.9957, abs=5e-5)

    def test_counting_outputs_give_whole_numbers_of_spikes(self):
        counts = network(score="count")(spikes(3, 40, 6) * 3)
        assert torch.equal(counts, counts.round()) and counts.max() > 0


class TestDecays:
    def test_decays_are_held_between_0_and_1(self):
        model = network()
        for decay, value in zip(model.decays().values(), (1.5, -0.5, 0.5), strict=True):
            decay.data.fill_(value)
        model(spikes(1, 5, 6))
        assert [decay.unique().item() for decay in model.decays().values()] == [1.0, 0.0, 0.5]

    def test_initial_time_constants_are_drawn_as_the_paper_says(self):
        uniform = SETTINGS["speech-bins"].network("HetSynLIF", 700, 20).layers[0].inputs.decay
        assert [uniform.min().item(), uniform.max().item()] == pytest.approx([0.8187, 0.9512], abs=2e-4)
        normal = -1 / torch.log(SETTINGS["match-feedforward"].network("HetSynLIF", 30, 2).layers[0].inputs.decay)
        assert normal.mean().item() * 5 == pytest.approx(40, abs=0.5)
        assert normal.std().item() * 5 == pytest.approx(4, abs=0.3)

    def test_fixed_decays_are_those_of_the_paper(self):
        model = SETTINGS["match-feedforward"].network("HomNeuALIF", 30, 2)
        assert model.layers[0].inputs.decay.item() == pytest.approx(0.8825, abs=5e-5)
        constants = model.layers[0].constants
        assert constants["kappa"] == pytest.approx(0.8825, abs=5e-5)
        assert (constants["a"], constants["theta"]) == (0.15, 1.0)


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"method": "HetSyn"}, "method 'HetSyn' is unknown; did you mean 'HetSynLIF'"),
            ({"surrogate": "triangel"}, "surrogate 'triangel' is unknown; did you mean 'triangle'"),
            ({"score": "sum"}, "score 'sum' is unknown"),
            ({"sizes": (6, 3)}, r"sizes are \[6, 3\], expected inputs, at least one hidden layer, and outputs"),
            ({"sizes": (6, 0, 3)}, "synapses from 6 to 0 neurons, expected at least 1 of each"),
        ],
    )
    def test_a_network_that_makes_no_sense_is_refused(self, options, message):
        with pytest.raises(MstaskError, match=message):
            network(**options)

    def test_inputs_of_the_wrong_shape_are_refused(self):
        with pytest.raises(MstaskError, match=r"input has shape \(2, 5, 7\), expected \[B, T, 6\]"):
            network()(torch.zeros(2, 5, 7))

    def test_an_unknown_backend_is_refused_and_so_is_one_that_cannot_run(self):
        with pytest.raises(MstaskError, match="backend 'fuse' is unknown; did you mean 'fused'"):
            forms.form("fuse", torch.zeros(1))
        with pytest.raises(MstaskError, match=r"backend 'fused' needs numba and numbers on the CPU, found torch.float16"):
            forms.form("fused", torch.zeros(1, dtype=torch.float16))
