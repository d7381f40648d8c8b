"""Claims about sections, their typed parameters and the networks they build."""

import pytest

from mstask.cost import count_parameters
from mstask.errors import MstaskError
from mstask.sections import PROTOCOL, build, label, resolve, section


def test_the_paper_profile_is_the_papers_protocol():
    parameters = resolve("ablation", profile="paper")
    assert (parameters.seeds, parameters.max_epochs, parameters.patience) == ([42, 123, 999], 200, 20)
    assert (parameters.width, parameters.beta, parameters.learning_rate, parameters.batch_size) == (
        128,
        0.95,
        1e-3,
        128,
    )
    assert (parameters.window_len, parameters.target_rate, parameters.calibration_examples) == (16, 0.15, 128)
    assert parameters.data_size == "paper"


def test_profiles_set_size_and_never_meaning():
    size = {"profile", "data_size", "seeds", "max_epochs", "patience", "width"}
    paper, quick, smoke = (resolve("ablation", profile=name).model_dump(exclude=size) for name in ("paper", "quick", "smoke"))
    assert paper == quick == smoke


def test_all_methods_have_the_same_capacity_within_three_percent():
    parameters = resolve("ablation", profile="paper")
    counts = [count_parameters(build("ablation", m, parameters, 64, 6)[0]) for m in section("ablation").methods]
    assert len(counts) == 8
    assert max(counts) / min(counts) < 1.03


def test_the_bank_is_as_large_as_the_vertical_mix():
    parameters = resolve("ablation", profile="paper")
    bank, width = build("ablation", "D2_concat", parameters, 64, 6)
    mix, _ = build("ablation", "D1_H1", parameters, 64, 6)
    assert abs(count_parameters(bank) - count_parameters(mix)) < 5 * 4 * (2 * width + 1)


def test_every_vertical_net_has_four_layers_of_the_named_types():
    for method in section("ablation").methods.values():
        assert len(method.types) == (5 if method.bank else PROTOCOL.n_layers)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"widht": 3}, "did you mean 'width'"),
        ({"methods": ["D0_dopler"]}, "did you mean 'D0_doppler'"),
        ({"seeds": ["x"]}, r"parameter seeds\.0 is 'x'"),
        ({"seeds": [4.5]}, r"parameter seeds\.0 is 4\.5"),
        ({"seeds": [42, 42]}, "names one value twice"),
        ({"seeds": []}, "parameter seeds"),
        ({"learning_rate": "fast"}, "parameter learning_rate is 'fast'"),
        ({"learning_rate": -1.0}, "greater than 0"),
        ({"beta": 1.5}, "less than 1"),
        ({"max_epochs": 2.5}, "parameter max_epochs is 2.5"),
        ({"profile": "large"}, "parameter profile is 'large'"),
    ],
)
def test_a_bad_parameter_is_named_with_what_was_expected(given, message):
    with pytest.raises(MstaskError, match=message):
        resolve("ablation", **given)


def test_an_unknown_section_gets_a_suggestion():
    with pytest.raises(MstaskError, match="did you mean 'ablation'"):
        resolve("ablaton")


def test_reduced_selects_the_smoke_profile(monkeypatch):
    monkeypatch.setenv("REDUCED", "1")
    assert resolve("ablation", profile="paper").profile == "smoke"


def test_a_run_with_overrides_has_a_name_of_its_own():
    plain, other = resolve("ablation"), resolve("ablation", learning_rate=2e-3)
    assert label("ablation", plain) == "quick"
    assert label("ablation", other).startswith("quick+")
    assert label("ablation", resolve("ablation", seeds=[7], methods=["D1_H1"])) == "quick"
