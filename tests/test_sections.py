"""Claims about sections, their typed parameters and the networks they build."""

import pytest

from mstask import results, show
from mstask.architectures import ABLATED, architecture, build
from mstask.cost import count_parameters
from mstask.errors import MstaskError
from mstask.parameters import PROFILES
from mstask.paths import ROOT
from mstask.protocol import PROTOCOL
from mstask.results.locks import read_manifest
from mstask.section import grid, label, resolve, section, sections


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


@pytest.mark.parametrize("name", sections())
def test_profiles_set_size_and_never_meaning(name):
    """No profile sets what another leaves to the protocol, sizes apart."""
    size = {"profile", "data_size", "seeds", "methods", "cases", "max_epochs", "patience", "width"}
    size |= {"n_trials", "startup_trials", "prune_epoch", "cnn_epochs"}
    size |= {
        "hidden",
        "iterations",
        "digits_epochs",
        "test_trials",
        "small_hidden",
        "small_repeats",
        "bins_size",
        "decay_steps",
    }
    size |= {"slow_tau_ms", "deletions", "additions", "warps"}
    size |= {"samples_per_epoch", "width_factor", "batches", "entries", "grid_steps", "budget"}
    size |= {"steps", "batch_size"} if name == "g2gnet" else set()
    first, *others = (resolve(name, profile=p).model_dump(exclude=size) for p in PROFILES)
    assert all(other == first for other in others)


PUBLISHED = results.load("protocols", "published").values


def test_the_protocol_of_every_section_that_is_locked_is_recorded_or_said_not_to_exist():
    locked = {name.rpartition("/")[2].removesuffix(".json") for name in read_manifest(ROOT / "results")}
    assert locked & set(sections()) <= set(PUBLISHED) <= set(sections())
    assert all(bool(entry["parameters"]) == bool(entry["from"]) for entry in PUBLISHED.values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_paper_profile_is_what_was_published_but_for_the_departures_that_the_section_names(name):
    paper, entry, departures = resolve(name, profile="paper"), PUBLISHED[name], section(name).departures
    for parameter, stated in entry["parameters"].items():
        assert (getattr(paper, parameter) == stated) != (parameter in departures), parameter
    for parameter, (low, high) in entry.get("ranges", {}).items():
        assert low <= getattr(paper, parameter) <= high
    assert len(paper.seeds) == entry.get("runs", len(paper.seeds))
    assert not set(entry["unknown"]) & set(entry["parameters"])


def test_the_protocols_recorded_with_scores_say_the_same():
    """What the result files of the papers state of their own runs, under their own names."""
    speech, frontier, ncg, hetsyn = (
        results.load(name, "published").values["protocol"] for name in ("disjoint", "frontier", "ncg", "hetsyn")
    )
    for stated, ours, names in (
        (
            speech,
            "disjoint",
            {"lr": "learning_rate", "W": "width", "stft_window": "window_len", "target_firing": "target_rate"},
        ),
        (speech, "disjoint", {name: name for name in ("batch_size", "max_epochs", "patience", "seeds")}),
        (frontier, "frontier", {"max_epochs": "cnn_epochs", "lr": "cnn_learning_rate", "weight_decay": "cnn_weight_decay"}),
        (ncg, "ncg", {name: name for name in ("max_epochs", "patience", "annealing")}),
        (hetsyn["SHD"], "hetsyn", {"epochs": "max_epochs", **{n: n for n in ("batch_size", "learning_rate", "cosine_epochs")}}),
        (hetsyn["S-MNIST"], "hetsyn", {"epochs": "digits_epochs", "batch_size": "digits_batch_size"}),
    ):
        assert {name: PUBLISHED[ours]["parameters"][own] for name, own in names.items()} == {n: stated[n] for n in names}


@pytest.mark.parametrize("name", sections())
def test_an_afternoon_is_the_papers_protocol_or_less_unless_declared(name):
    paper, afternoon = (resolve(name, profile=profile) for profile in ("paper", "afternoon"))
    assert set(afternoon.methods) <= set(paper.methods) and set(afternoon.cases) <= set(paper.cases)
    assert set(afternoon.seeds) <= set(paper.seeds)
    for parameter, value in afternoon.of_cell().items():
        if isinstance(value, int | float) and not isinstance(value, bool) and parameter not in section(name).longer:
            assert value <= getattr(paper, parameter), parameter


def test_profiles_are_named_in_one_place():
    """Elsewhere the names stand where a section declares a profile, or where one of them is meant."""
    code = [path for path in (ROOT / "mstask").rglob("*.py") if path.name not in ("parameters.py", "declare.py")]
    assert not [path.name for path in code if '"smoke", "quick"' in path.read_text(encoding="utf-8")]


def test_the_audio_sections_have_their_own_window_and_calibration():
    windows = {name: resolve(name).window_len for name in ("ablation", "square", "disjoint", "mixed", "probe")}
    assert windows == {"ablation": 16, "square": 16, "disjoint": 8, "mixed": 0, "probe": 8}
    examples = {name: resolve(name).calibration_examples for name in ("ablation", "disjoint", "mixed", "square")}
    assert examples == {"ablation": 128, "disjoint": 128, "mixed": 256, "square": 256}


def test_a_grid_has_a_cell_for_every_method_case_and_seed():
    places = grid(resolve("rotation", profile="paper"))
    assert len(places) == len(set(places)) == 8 * 6 * 3
    assert {place.case for place in grid(resolve("ablation"))} == {None}


def test_all_methods_have_the_same_capacity_within_three_percent():
    parameters = resolve("ablation", profile="paper")
    counts = [count_parameters(build(m, parameters, 64, 6)[0]) for m in section("ablation").methods]
    assert len(counts) == 8
    assert max(counts) / min(counts) < 1.03


def test_the_bank_is_as_large_as_the_vertical_mix():
    parameters = resolve("ablation", profile="paper")
    bank, width = build("D2_concat", parameters, 64, 6)
    mix, _ = build("D1_H1", parameters, 64, 6)
    assert abs(count_parameters(bank) - count_parameters(mix)) < 5 * 4 * (2 * width + 1)


def test_every_vertical_net_has_four_layers_of_the_named_types():
    assert set(ABLATED) == set(section("ablation").methods)
    for network in map(architecture, (*ABLATED, "Vanilla-LIF")):
        assert len(network.types) == (5 if network.bank else PROTOCOL.n_layers)


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
        ({"profile": ["quick"]}, "parameter profile is"),
        ({"cases": ["speakers-0-1"]}, "has no case 'speakers-0-1'"),
    ],
)
def test_a_bad_parameter_is_named_with_what_was_expected(given, message):
    with pytest.raises(MstaskError, match=message):
        resolve("ablation", **given)


def test_an_unknown_section_gets_a_suggestion():
    with pytest.raises(MstaskError, match="did you mean 'ablation'"):
        resolve("ablaton")


def test_a_section_with_cases_wants_at_least_one():
    with pytest.raises(MstaskError, match="parameter cases is empty"):
        resolve("rotation", cases=[])


@pytest.mark.parametrize(("source", "case"), [("real", "digits"), ("embedded", "mnist")])
def test_a_case_is_refused_where_its_data_does_not_exist(source, case):
    with pytest.raises(MstaskError, match=f"case '{case}' has no {source} data"):
        resolve("ncg", data_source=source, cases=[case])


def test_without_a_list_only_cases_of_the_data_source_are_run():
    assert set(resolve("ncg", profile="smoke", data_source="real").cases).isdisjoint(resolve("ncg", profile="smoke").cases)
    assert resolve("rotation", data_source="real").cases == resolve("rotation").cases


def test_a_run_with_overrides_has_a_name_of_its_own():
    plain, other = resolve("ablation"), resolve("ablation", learning_rate=2e-3)
    assert label("ablation", plain) == "quick"
    assert label("ablation", other).startswith("quick+")
    assert label("ablation", resolve("ablation", seeds=[7], methods=["D1_H1"])) == "quick"


def test_the_book_s_table_says_what_is_allowed():
    table = show.table_parameters(section("ablation")).set_index("parameter")
    assert table.loc["profile", "allowed"] == " | ".join(PROFILES)
    assert table.loc["beta", "allowed"] == "number, > 0, < 1"
    recorded = show.table_parameters(section("eventprop")).set_index("parameter").loc["record", "allowed"]
    assert recorded.startswith("list of one of, ") and " | " in recorded
    assert (table.loc["max_epochs", "quick"], table.loc["max_epochs", "paper"]) == ("8", "200")


def test_an_id_stands_for_one_section_and_one_claim(monkeypatch):
    from mstask import claims, plugins

    twice = [part for part in plugins.everywhere("declare") if part.SECTIONS[0].id == "probe"] * 2
    monkeypatch.setattr(plugins, "everywhere", lambda kind: twice)
    with pytest.raises(MstaskError, match=r"section 'probe' is declared once more by .*declare\.py"):
        sections()
    monkeypatch.undo()
    twice = list(plugins.everywhere("claims"))[:1] * 2
    monkeypatch.setattr(plugins, "everywhere", lambda kind: twice)
    with pytest.raises(MstaskError, match=r"claim '[\w-]+' stands once more in .*claims\.py"):
        claims.entries.__wrapped__()


@pytest.mark.parametrize(
    ("folder", "said"), [("", "no folder has an __init__.py"), ("tuning", "study 'tuning' is called like one of the package's")]
)
def test_a_folder_of_ones_own_studies_has_some_with_names_of_their_own(tmp_path, monkeypatch, folder, said):
    from mstask import plugins

    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "module.py" if not folder else tmp_path / folder / "__init__.py").touch()
    monkeypatch.setenv("MSTASK_STUDIES", str(tmp_path))
    with pytest.raises(MstaskError, match=said):
        plugins.studies.__wrapped__()
