"""Claims about the networks, their calibration and their cost."""

import pytest
import torch

from mstask import neurons
from mstask.calibration import LOW, calibrate_thresholds
from mstask.cost import count_parameters, solve_width, spiking_operations
from mstask.errors import MstaskError
from mstask.networks import PathBankNet, VerticalNet

H1 = ["STFT-IF", "Doppler-LIF", "Chirp-LIF", "Dual-tau-LIF"]
BANK = ["Doppler-LIF", "Chirp-LIF", "STFT-IF", "Dual-tau-LIF", "CrossInhib-LIF"]


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("neuron", "n_layers", "width", "count"),
    [("Doppler-LIF", 4, 384, 475_398), ("Vanilla-LIF", 5, 256, 281_350), ("Parametric-LIF", 5, 256, 282_630)],
)
def test_published_parameter_counts_follow_from_the_architecture(neuron, n_layers, width, count):
    assert count_parameters(VerticalNet(64, 6, [neuron] * n_layers, width)) == count


@pytest.mark.parametrize(("width", "n_layers", "rate", "energy"), [(384, 4, 0.179, 11.8), (256, 5, 0.210, 8.0)])
def test_published_operation_proxies_follow_from_the_implied_rates(width, n_layers, rate, energy):
    assert spiking_operations(64, 6, width, n_layers, 64, rate)["energy_uJ"] == pytest.approx(energy, abs=0.05)


def test_the_solved_width_is_the_nearest_of_all():
    def bank(width):
        return PathBankNet(64, 6, BANK, width, 4)

    target = count_parameters(VerticalNet(64, 6, H1, 128))
    found = solve_width(bank, target)
    nearest = min((abs(count_parameters(bank(w)) - target), w) for w in range(2, 120))
    assert found == (nearest[1], count_parameters(bank(nearest[1])))


def test_the_vertical_net_reads_the_time_mean_of_its_last_spikes():
    net = VerticalNet(8, 3, ["Vanilla-LIF", "Doppler-LIF"], 5)
    x = noise(2, 10, 8)
    first, second = net.layers()
    assert torch.equal(net(x), net.readout(second(first(x)).mean(1)))


def test_the_bank_concatenates_the_paths_behind_one_stem():
    net = PathBankNet(8, 3, ["Vanilla-LIF", "Beam-IF"], 5, 2)
    x = noise(2, 10, 8)
    ends = [chain[1](chain[0](net.stem(x))).mean(1) for chain in net.chains]
    assert torch.equal(net(x), net.readout(torch.cat(ends, -1)))
    assert len(net.firing_rates(x)) == 4


def test_each_neuron_gets_the_options_it_takes_and_no_option_is_lost():
    net = VerticalNet(8, 3, ["STFT-IF", "Doppler-LIF"], 4, {"window_len": 5, "beta": 0.5})
    stft, doppler = (layer.neuron for layer in net.layers())
    assert stft.window_len == 5
    assert torch.sigmoid(doppler.b).tolist() == pytest.approx([0.5] * 4)
    with pytest.raises(MstaskError, match="did you mean 'window_len'"):
        VerticalNet(8, 3, ["STFT-IF"], 4, {"windowlen": 5})
    with pytest.raises(MstaskError, match="takes 'window_len'"):
        PathBankNet(8, 3, ["Vanilla-LIF"], 4, 1, {"window_len": 5})


@pytest.mark.parametrize("name", neurons.names())
def test_calibration_brings_every_layer_to_the_target(name):
    net = VerticalNet(12, 3, [name] * 3, 24)
    x = noise(32, 40, 12) + 1
    rates = calibrate_thresholds(net, x, target=0.15).firing_rates(x)
    at_bound = [layer.neuron.threshold < 1.01 * LOW for layer in net.layers()]
    assert not any(at_bound) or name == "CrossInhib-LIF", "only inhibition can keep a layer below any threshold"
    assert all(bound or abs(rate - 0.15) < 0.01 for rate, bound in zip(rates, at_bound, strict=True))
    assert not at_bound[0]


def test_calibration_of_a_bank_reaches_every_path():
    net = calibrate_thresholds(PathBankNet(12, 3, BANK, 20, 2, {"window_len": 8}), noise(32, 40, 12) + 1, 0.10)
    assert net.firing_rates(noise(32, 40, 12) + 1) == pytest.approx([0.10] * 10, abs=0.01)


def test_an_impossible_target_is_refused():
    with pytest.raises(MstaskError, match="between 0 and 1"):
        calibrate_thresholds(VerticalNet(4, 2, ["Vanilla-LIF"], 4), noise(2, 3, 4), target=15)
