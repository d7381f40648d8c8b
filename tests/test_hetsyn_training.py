"""HetSyn learns where the others can't, its memory sits in a few long synapses, and training resumes bit for bit."""

import copy
import math
from types import SimpleNamespace

import making
import pytest
import torch
from making import Killed

from mstask import results
from mstask.data import Split, Splits
from mstask.errors import MstaskError
from mstask.job import Job
from mstask.studies.hetsyn import analyses, loop, measure as experiment, synthetic
from mstask.studies.hetsyn.declare import SECTION
from mstask.studies.hetsyn.networks import METHODS, Network
from mstask.studies.hetsyn.parameters import HetSynParameters
from mstask.studies.hetsyn.settings import SETTINGS
from mstask.studies.hetsyn.tasks import MatchToSample


def parameters(profile="smoke", **changes):
    whole = {"profile": profile, "data_source": "embedded", "methods": list(METHODS), "cases": list(SECTION.cases)}
    return HetSynParameters(**(dict(SECTION.protocol) | whole | dict(SECTION.profiles[profile]) | changes))


def job(case, method, folder, seed=0, on_epoch=None, **changes):
    return making.job("hetsyn", method, folder, case=case, seed=seed, on_epoch=on_epoch, **changes)


def measured(*arguments, **options):
    return results.dumps(experiment.measure(job(*arguments, **options)).measures)


def iterated(model, objective, recipe, iterations, checkpoint=None):
    splits = experiment.load(SECTION, parameters(), "match-feedforward")
    loop.Iterations(model, objective, splits, recipe, iterations, seed=0).run(checkpoint)


def match_network(method, iterations, folder, seed=0):
    """A network of 100 neurons trained on delayed match-to-sample."""
    task = job("match-feedforward", method, folder, seed, iterations=iterations, hidden=100, test_trials=512)
    done = synthetic.trained(task, SETTINGS[task.case], seed, "", synthetic.match_loss, {"train": 0.0})
    return done.model, done.merits, task.splits.test


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """HetSyn after delayed match-to-sample: the network, its batch accuracies, the test trials."""
    return match_network("HetSynLIF", 250, tmp_path_factory.mktemp("match"))


class TestMatchToSample:
    def test_hetsyn_bridges_the_delay(self, trained):
        model, merits, test = trained
        assert analyses.accuracy(model, test) >= 0.99
        assert 50 < analyses.first_hit(merits) < 200

    def test_one_fixed_time_constant_does_not(self, tmp_path):
        model, merits, test = match_network("HomNeuLIF", 150, tmp_path)
        assert 0.4 < analyses.accuracy(model, test) < 0.6
        assert analyses.first_hit(merits) is None

    def test_a_few_long_synapses_carry_the_memory(self, trained):
        model, _, test = trained
        found = analyses.knock_out(model, 400 / 5, 8, lambda m: analyses.accuracy(m, test), seed=0)
        assert found["n_long"] < 0.05 * found["n"]
        assert found["long"] < 0.8
        assert min(found["intact"], found["random"], found["short"]) >= 0.98

    def test_a_knock_out_leaves_the_network_as_it_was(self, trained):
        model = trained[0]
        before = copy.deepcopy(model.state_dict())
        analyses.knock_out(model, 80, 8, lambda m: 0.0, seed=0)
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


class TestPattern:
    def test_hetsyn_follows_the_target_better_than_one_time_constant(self, tmp_path):
        found = {}
        for method in ("HetSynLIF", "HomNeuLIF"):
            cell = job("pattern-feedforward", method, tmp_path / method, iterations=100, hidden=100)
            found[method] = experiment.measure(cell).measures.details
        assert found["HetSynLIF"]["mse"] < 0.85 * found["HomNeuLIF"]["mse"]
        assert found["HomNeuLIF"]["mse"] < found["HomNeuLIF"]["target_mean_square"]


class TestResume:
    """By iterations and by epochs, where the rate depends on the step, the optimiser has two groups and dropout draws."""

    @pytest.mark.parametrize(
        ("case", "method", "size"),
        [
            ("match-recurrent", "HetSynLIF", {"iterations": 6}),
            ("pattern-feedforward", "HetNeuLIF", {"iterations": 6}),
            ("match-small", "HetSynLIF", {"iterations": 6, "small_repeats": 2}),
            (
                "digits-rows",
                "HetSynLIF",
                {"digits_epochs": 4, "cosine_epochs": 3, "digits_batch_size": 32, "digits_dropout": 0.3},
            ),
        ],
    )
    def test_an_interrupted_run_ends_with_the_same_document(self, case, method, size, tmp_path, monkeypatch):
        monkeypatch.setattr(loop, "EVERY", 2)
        size = size | {"hidden": 8}
        whole = measured(case, method, tmp_path / "whole", **size)
        told, rest = [], []

        def kill(history):
            told.append(len(history.train_loss))
            if len(told) == 2:
                raise Killed

        with pytest.raises(Killed):
            measured(case, method, tmp_path / "cut", on_epoch=kill, **size)
        assert told == [1, 2] and list((tmp_path / "cut").iterdir())
        again = measured(case, method, tmp_path / "cut", on_epoch=lambda h: rest.append(len(h.train_loss)), **size)
        assert again == whole and rest[0] == 3

    def test_another_recipe_does_not_continue_a_checkpoint(self, tmp_path):
        def steps(rate):
            torch.manual_seed(0)
            model, taken = SETTINGS["match-feedforward"].network("HetSynLIF", 30, 2), []

            def objective(model, rng):
                taken.append(1)
                x, y = MatchToSample().trials(2, rng)
                return torch.nn.functional.cross_entropy(model(x), y), 0.0

            iterated(model, objective, loop.StepDown(rate), 2, tmp_path / "c.pt")
            return len(taken)

        assert (steps(1e-3), steps(1e-3), steps(1e-2)) == (2, 0, 2)

    def test_the_same_cell_twice_is_the_same_document(self, tmp_path):
        first = measured("digits-rows", "HetSynLIF", tmp_path / "a")
        assert measured("digits-rows", "HetSynLIF", tmp_path / "b") == first
        assert measured("digits-rows", "HetSynLIF", tmp_path / "c", seed=1) != first

    def test_divergence_is_an_error(self):
        torch.manual_seed(0)
        model = Network("HomNeuLIF", (2, 2, 2), False, SETTINGS["speech"].times)

        def objective(model, rng):
            return model.readout.weight.sum() * math.inf, 0.0

        with pytest.raises(MstaskError, match="training diverged: the loss of step 1 is"):
            iterated(model, objective, loop.StepDown(), 1)


class TestRecipe:
    """The paper profile trains as published in all that is not size."""

    @pytest.mark.parametrize("case", ["speech-bins", "digits-pixels"])
    def test_it_is_the_published_one(self, case):
        published = results.load("hetsyn", "published").values["protocol"]
        known = published["SHD"] | (published["S-MNIST"] if case.startswith("digits") else {})
        chosen = parameters("paper")
        recipe = experiment.recipe(chosen, case)
        network = {
            "dropout": chosen.digits_dropout if case.startswith("digits") else chosen.dropout,
            "threshold": chosen.threshold,
        }
        own = vars(recipe) | network | {"epochs": known["epochs"]}
        assert {name: own[name] for name in known} == known
        assert recipe.patience >= known["epochs"]

    def test_the_rates_of_every_step_are_those_of_the_papers_code(self):
        """40 epochs of 255 batches: warm-up to step 510, cosine to 9,690, then constant; decays twice as fast."""
        recipe = experiment.recipe(parameters("paper"), "speech-bins")
        model = SETTINGS["speech"].network("HetSynLIF", 7, 3)
        optimiser = recipe.optimiser(model)
        assert [group["weight_decay"] for group in optimiser.param_groups] == [4e-3, 4e-3]
        found = []
        for step in (0, 255, 510, 9_689, 9_690, 25_499):
            recipe.before_step(model, optimiser, step, 255)
            found.append([group["lr"] for group in optimiser.param_groups])
        weights, decays = zip(*found, strict=True)
        assert weights == pytest.approx([0, 1e-3, 2e-3, 1.3692e-5, 1.3639e-5, 1.3639e-5], rel=1e-4)
        assert decays == pytest.approx([2 * rate for rate in weights])

    def test_without_a_cosine_the_rate_is_constant(self):
        recipe = experiment.recipe(parameters(cosine_epochs=0, decay_rate=1.0), "radar")
        optimiser = recipe.optimiser(model := SETTINGS["radar"].network("HetNeuLIF", 7, 3))
        recipe.before_step(model, optimiser, 0, 4)
        assert [group["lr"] for group in optimiser.param_groups] == [2e-3, 2e-3]

    @pytest.mark.parametrize("case", ["digits-rows", "match-feedforward"])
    @pytest.mark.parametrize("changes", [{"clip_gradient": 1e-6}, {"threshold": 0.7}])
    def test_gradients_are_clipped_and_thresholds_set_wherever_something_is_trained(self, case, changes, tmp_path, monkeypatch):
        monkeypatch.setattr(synthetic, "ROBUSTNESS_TRIALS", 4)
        size = {"cosine_epochs": 0, "digits_batch_size": 32, "test_trials": 4}
        usual = experiment.measure(job(case, "HetSynLIF", tmp_path / "usual", **size)).measures
        other = experiment.measure(job(case, "HetSynLIF", tmp_path / "other", **size, **changes)).measures
        assert usual.details["time_constants"] != other.details["time_constants"]

    def test_dropout_is_part_of_the_network(self, tmp_path):
        told = [repr(experiment.network(job(case, "HetSynLIF", tmp_path, dropout=0.3))) for case in ("radar", "digits-rows")]
        assert ["dropout=0.3" in text for text in told] == [True, False]


class TestOptimiser:
    def test_on_synthetic_tasks_the_rate_falls_every_100_steps(self):
        recipe, model = loop.StepDown(1.0), SETTINGS["match-feedforward"].network("HomNeuLIF", 30, 2)
        optimiser, rates = recipe.optimiser(model), []
        for step in (0, 99, 100, 250):
            recipe.before_step(model, optimiser, step, per_epoch=1)
            rates.append(optimiser.param_groups[0]["lr"])
        assert rates == [1, 1, 0.8, 0.8 * 0.8]

    def test_weight_decay_alone_shortens_time_constants_as_computed(self):
        factors = [loop.warmed_cosine(step, 10_200) for step in range(25_500)]
        factor = loop.exposure(4e-3, 4e-3, factors)
        assert factor == pytest.approx(0.920, abs=5e-4)
        assert [analyses.shrunk(tau, factor) for tau in (5, 12.5, 20)] == pytest.approx([3.5, 6.1, 7.5], abs=0.05)

    def test_adamw_without_a_task_shrinks_decays_by_that_factor(self):
        torch.manual_seed(0)
        model = SETTINGS["match-feedforward"].network("HetSynLIF", 30, 2)
        before = model.decays()["readout"].detach().clone()
        recipe = loop.Published(2e-3, weight_decay=0.0, decay_of_decays=0.5, cosine_epochs=0)
        iterated(model, lambda m, rng: (sum(p.sum() for p in m.parameters()) * 0, 0.0), recipe, 20)
        expected = before * loop.exposure(4e-3, 0.5, [1.0] * 20)
        assert torch.allclose(model.decays()["readout"].detach(), expected, rtol=1e-5)

    def test_the_trial_compares_training_with_and_without_it(self, tmp_path):
        rng = torch.Generator().manual_seed(0)
        x = (torch.rand(60, 12, 700, generator=rng) < 0.02).to(torch.uint8)
        y = torch.arange(60) % 20
        part = Split(x, y)
        meta = {"fingerprint": "none", "counts": {}, "name": "n", "class_names": []}
        chosen = parameters(decay_steps=12)
        cell = Job(SECTION, "HetSynLIF", "speech-bins", 0, chosen, Splits(part, part, part, 20, meta), "cpu", tmp_path / "c.pt")
        found = experiment.weight_decay(cell)
        arms = found["arms"]
        assert found["factor_here"] == pytest.approx(found["factor"], abs=0.02)
        for name in ("layers.0.inputs", "layers.1.recurrent", "readout"):
            with_decay, without = (arms[arm]["time_constants"][name]["median"] for arm in ("with", "without"))
            assert with_decay < 0.9 * without
        assert list(tmp_path.iterdir()) == []


class TestAnalyses:
    def test_the_histogram_counts_every_time_constant(self):
        decay = torch.tensor([0.0, math.exp(-1 / 10), math.exp(-1 / 300), 1.0, math.exp(-1 / 10)])
        found = analyses.spread(decay, limit=200)
        assert sum(found["histogram"]) == 5 and found["histogram"][0] == found["histogram"][-1] == 1
        edges = [0, *analyses.EDGES, math.inf]
        bin_of_ten = next(k for k in range(len(edges) - 1) if edges[k] <= 10 < edges[k + 1])
        assert found["histogram"][bin_of_ten] == 2
        assert (found["above"], found["at_one"]) == (0.4, 0.2)
        assert found["median"] == pytest.approx(10, rel=1e-4)
        assert found["mean_finite"] == pytest.approx(320 / 4, rel=1e-3)

    def test_a_network_without_trained_decays_has_nothing_to_knock_out(self):
        model = SETTINGS["match-feedforward"].network("HomNeuLIF", 30, 2)
        assert analyses.knock_out(model, 10, 8, lambda m: 0.0, 0) is None

    def test_deletion_removes_that_share_of_spikes_and_adds_none(self):
        x = (torch.rand(100, 100, generator=torch.Generator().manual_seed(0)) < 0.5).to(torch.uint8)
        left = analyses.deleted(x, 0.32, torch.Generator().manual_seed(1))
        assert left.dtype == x.dtype and (left <= x).all()
        assert left.sum().item() / x.sum().item() == pytest.approx(0.68, abs=0.02)
        assert torch.equal(analyses.deleted(x, 0.0, torch.Generator()), x)

    def test_addition_fills_that_share_of_bins_and_empties_none(self):
        x = (torch.rand(100, 100, generator=torch.Generator().manual_seed(0)) < 0.1).to(torch.uint8)
        more = analyses.added(x, 0.2, torch.Generator().manual_seed(1))
        assert more.dtype == x.dtype and (more >= x).all() and more.max() == 1
        assert more.double().mean().item() == pytest.approx(0.1 + 0.9 * 0.2, abs=0.02)
        assert torch.equal(analyses.added(x, 0.0, torch.Generator()), x)

    def test_the_first_hit_is_the_end_of_the_first_good_stretch(self):
        merits = [0.5] * 5 + [1.0] * 20
        assert analyses.first_hit(merits, 0.96, 10) == 15
        assert analyses.first_hit(merits, 0.95, 10) == 14
        assert analyses.first_hit([0.5] * 30) is None
        assert analyses.first_hit([1.0] * 9) is None

    def test_cue_and_noise_channels_are_told_apart(self):
        model = SETTINGS["match-feedforward"].network("HetSynLIF", 30, 2)
        decay = model.decays()["layers.0.inputs"].data
        decay[:, :20], decay[:, 20:] = math.exp(-1 / 50), math.exp(-1 / 9)
        decay[0, 0] = 1
        found = analyses.by_channel(model)
        assert found["cue"]["mean_finite"] == pytest.approx(50, rel=1e-4) and found["cue"]["n_infinite"] == 1
        assert found["noise"]["mean_finite"] == pytest.approx(9, rel=1e-4) and found["noise"]["n_infinite"] == 0
        assert analyses.by_channel(SETTINGS["match-feedforward"].network("HetNeuLIF", 30, 2)) is None


class TestSection:
    @pytest.mark.parametrize(
        "changes",
        [{"dropout": 1.0}, {"clip_gradient": -1.0}, {"iterations": 0}, {"warps": [0.0]}, {"deletions": [1.5]}, {"hiden": 3}],
    )
    def test_parameters_out_of_range_or_misspelt_are_refused(self, changes):
        with pytest.raises(ValueError):
            parameters(**changes)

    @pytest.mark.parametrize("case", ["match-feedforward", "match-slow", "pattern-recurrent", "digits-rows"])
    @pytest.mark.parametrize("method", METHODS)
    def test_every_kind_of_cell_gives_valid_measures(self, case, method, tmp_path, monkeypatch):
        monkeypatch.setattr(synthetic, "ROBUSTNESS_TRIALS", 4)
        measures = experiment.measure(job(case, method, tmp_path)).measures
        assert results.Measures.model_validate(measures.model_dump()).details == measures.details

    def test_speech_in_bins_is_measured_with_its_robustness(self, tmp_path):
        cell = job("speech-bins", "HomNeuLIF", tmp_path, deletions=[0.0, 0.64], warps=[1.0])
        few = SimpleNamespace(**vars(cell.splits))
        few.train = Split(cell.splits.train.x[:32], cell.splits.train.y[:32])
        cell = Job(SECTION, cell.method, cell.case, 0, cell.parameters, few, "cpu", cell.checkpoint)
        measures = experiment.measure(cell).measures
        assert measures.details["deletion"]["accuracy"][0] == measures.details["warp"]["accuracy"][0] == measures.accuracy
        assert "weight_decay" not in measures.details
