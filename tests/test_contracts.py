"""Names and defaults that other programs rely on."""

import inspect

import pytest

from mstask import claims, data, neurons, results, stats
from mstask.calibration import calibrate_thresholds
from mstask.cost import count_parameters, solve_width
from mstask.networks import PathBankNet, SmallCNN, VerticalNet


@pytest.mark.parametrize(
    ("function", "stated"),
    [
        (calibrate_thresholds, "model, x, target=0.15"),
        (solve_width, "builder, target, low=2, high=400"),
        (stats.macro_f1, "pred, true, n_classes"),
        (stats.paired_bootstrap, "pred_a, pred_b, true, n_classes, metric='macro_f1', resamples=2000, seed=0"),
        (stats.rank_correlation, "a, b"),
        (data.load, "name, source='embedded', size='paper', root=None"),
        (VerticalNet, "in_features, n_classes, layer_types, width, neuron_kwargs=None"),
        (PathBankNet, "in_features, n_classes, path_types, width, n_layers, neuron_kwargs=None"),
        (SmallCNN, "n_classes, channels"),
        (neurons.names, ""),
        (neurons.create, "name, size, backend='auto'"),
        (neurons.register, "cls"),
        (count_parameters, "model"),
        (results.load, "section, source='embedded'"),
        (results.lock, "path"),
        (results.verify, ""),
        (claims.ledger, "source='embedded'"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_function_takes_what_it_is_documented_to_take(function, stated):
    found = inspect.signature(function).parameters.values()
    given = [p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in found if p.kind is not p.VAR_KEYWORD]
    wanted = stated.split(", ") if stated else []
    assert given[: len(wanted)] == wanted and all("=" in more for more in given[len(wanted) :])
