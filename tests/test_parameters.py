"""Claims about parameters: a command line, a notebook and papermill accept and refuse the same, through one reading."""

import json
import re

import making
import nbformat
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from papermill.cli import papermill as papermill_command

from mstask import paths, results
from mstask.data import DataError, images, radar, speech
from mstask.errors import MstaskError, UsageError
from mstask.lab import browser, locked, pairs
from mstask.lab.cli import main, parser
from mstask.paths import ROOT
from mstask.section import given, resolve, section, sections
from mstask.studies.g2gnet import features

AS_TEXT = [
    ("seeds", "42", [42]),
    ("seeds", "1, 2", [1, 2]),
    ("seeds", "1,2,", [1, 2]),
    ("seeds", "[1, 2]", [1, 2]),
    ("seeds", "(1, 2)", [1, 2]),
    ("seeds", "range(3)", [0, 1, 2]),
    ("seeds", "range(4, 0, -2)", [4, 2]),
    ("methods", "D0_stft", ["D0_stft"]),
    ("methods", "D0_stft, D1_H1", ["D0_stft", "D1_H1"]),
    ("methods", '["D0_stft", "D1_H1"]', ["D0_stft", "D1_H1"]),
    ("learning_rate", "1e-3", 1e-3),
    ("learning_rate", "2", 2.0),
    ("max_epochs", "7", 7),
    ("max_epochs", "1e3", 1000),
    ("max_epochs", "None", 8),
    ("profile", " smoke ", "smoke"),
    ("profile", "'smoke'", "smoke"),
    ("data_size", "null", "medium"),
]
AS_VALUES = [
    ("seeds", 42, [42]),
    ("seeds", range(3), [0, 1, 2]),
    ("seeds", (1, 2), [1, 2]),
    ("seeds", np.int64(3), [3]),
    ("seeds", np.arange(2), [0, 1]),
    ("seeds", torch.tensor([4, 5]), [4, 5]),
    ("seeds", [np.int32(1), 2.0, "3"], [1, 2, 3]),
    ("methods", np.array(["D1_H1"]), ["D1_H1"]),
    ("learning_rate", np.float64(0.5), 0.5),
    ("max_epochs", np.int64(3), 3),
    ("max_epochs", 1e3, 1000),
    ("max_epochs", None, 8),
]
REFUSED = [
    ("seeds", "1,,2", r"seeds\.1 is ''"),
    ("seeds", "", r"seeds\.0 is ''"),
    ("seeds", "[1", r"seeds is '\[1'"),
    ("seeds", "range(1, 4, 0)", "seeds is 'range"),
    ("seeds", "4.5", r"seeds\.0 is 4\.5"),
    ("methods", "D0_stfft", "did you mean 'D0_stft'"),
    ("learning_rate", "1e400", "finite number"),
    ("learning_rate", "nan", "finite number"),
    ("learning_rate", "-inf", "finite number"),
    ("learning_rate", "True", "learning_rate is 'True'"),
    ("max_epochs", "2.5", r"max_epochs is 2\.5"),
    ("max_epochs", "1e400", "max_epochs is inf"),
    ("data_source", "embeded", "data_source is 'embeded'"),
]

SETTINGS = """from mstask.section import given, resolve
print(resolve("ablation", **given("ablation", globals())).model_dump_json())"""
PARAMETERS = """profile: str = "quick"  # smoke, quick or paper
seeds: list = None
max_epochs: int = None
methods: list = None"""


def by_command_line(name, text):
    """What `python -m mstask run ablation --set NAME=TEXT` would run."""
    from mstask.lab.commands import requested

    ((_, parameters),) = requested(parser().parse_args(["run", "ablation", "--set", f"{name}={text}"]))
    return parameters


def by_notebook(name, value):
    """What the notebook would run with this value in its parameters cell."""
    return resolve("ablation", **given("ablation", {"profile": "quick", name: value}))


class TestOneReading:
    @pytest.mark.parametrize(("name", "text", "meant"), AS_TEXT)
    def test_a_text_means_the_same_through_every_door(self, name, text, meant):
        assert getattr(by_command_line(name, text), name) == getattr(by_notebook(name, text), name) == meant

    @pytest.mark.parametrize(("name", "value", "meant"), AS_VALUES)
    def test_values_of_python_and_numpy_are_taken_for_what_they_are(self, name, value, meant):
        found = getattr(by_notebook(name, value), name)
        assert found == meant and json.dumps(found)

    @pytest.mark.parametrize(("name", "text", "message"), REFUSED)
    def test_what_one_door_refuses_the_other_refuses_too(self, name, text, message):
        with pytest.raises(UsageError, match=message):
            by_command_line(name, text)
        with pytest.raises(MstaskError, match=message):
            by_notebook(name, text)

    @pytest.mark.parametrize("value", [{1, 2}, {"a": 1}, True, b"1", range(10**15), [[1]], [None]])
    def test_what_is_no_list_of_whole_numbers_is_refused_in_one_short_sentence(self, value):
        with pytest.raises(MstaskError, match="parameter seeds") as refused:
            resolve("ablation", seeds=value)
        assert len(str(refused.value)) < 200

    @pytest.mark.parametrize(("text", "meant"), [("true", True), ("False", False), ("0", None), ("yes", None)])
    def test_true_and_false_may_be_written_in_any_case_and_nothing_else_stands_for_them(self, text, meant):
        if meant is None:
            with pytest.raises(MstaskError, match=f"regrow is '{text}'"):
                resolve("g2gnet", regrow=text)
        else:
            assert resolve("g2gnet", regrow=text).regrow is meant

    @pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), "1e400", np.float32("inf")])
    @pytest.mark.parametrize("name", sections())
    def test_no_number_of_any_section_may_be_infinite_or_none(self, name, value):
        floats = [field for field, known in resolve(name).model_dump().items() if isinstance(known, float)]
        lists = [field for field, known in resolve(name).model_dump().items() if isinstance(known, list) and known]
        lists = [field for field in lists if isinstance(getattr(resolve(name), field)[0], float)]
        for field in floats + lists:
            with pytest.raises(MstaskError, match=f"parameter {field}"):
                resolve(name, **{field: value})

    def test_a_parameter_that_is_given_twice_must_be_the_same_twice(self, capsys):
        assert by_command_line("profile", "smoke").profile == "smoke"
        for arguments in (["--set", "seeds=1", "--seeds", "2"], ["--set", "width=3", "--set", "width=4"]):
            assert main(["run", "ablation", *arguments]) == 2
            assert "given twice" in capsys.readouterr().err


class TestNamesInANotebook:
    """The cells that were run are played to the check as a kernel keeps them: their sources in `In`, their values as names."""

    def settings(self, *cells):
        namespace = {"In": [""]}
        for source in (PARAMETERS, *cells):
            namespace["In"].append(source)
            exec(source, namespace)
        return resolve("ablation", **given("ablation", namespace))

    @pytest.mark.parametrize(
        ("cell", "message"),
        [
            ("# Parameters\nmax_epoch = 1\n", "no parameter 'max_epoch'; did you mean 'max_epochs'"),
            ("# Parameters\nlr = 0.1\n", "no parameter 'lr'; valid: profile"),
            ("seed = [1]", "did you mean 'seeds'"),
            ("Methods = ['D1_H1']", "did you mean 'methods'"),
            ("max_epoch: int = 1", "did you mean 'max_epochs'"),
            (f"{PARAMETERS}\nlr = 0.1", "no parameter 'lr'; valid: profile"),
            (f"{PARAMETERS}\nseed = [1]", "did you mean 'seeds'"),
        ],
    )
    def test_a_name_that_nothing_would_read_is_refused(self, cell, message):
        with pytest.raises(MstaskError, match=message):
            self.settings(cell)

    @pytest.mark.parametrize(
        "cells",
        [
            ("# Parameters\nmax_epochs = 3\n",),
            ("answer = 42\nwidths = [1, 2]\nlargest = max(widths)\nfor case in []: pass",),
            (f"{PARAMETERS}\nbase = 1\nmax_epochs = base + 2",),
            ("seed = [1]", "seeds = [1]"),
            ("seed = [1]", f"{PARAMETERS}"),
            ("seed = [1]", "del seed"),
            (f"{PARAMETERS}\nlr = 0.1", PARAMETERS),
            ("# Parameters\nlr = 0.1", "# Parameters\nlearning_rate = 0.1"),
        ],
    )
    def test_variables_of_ones_own_and_mistakes_that_were_mended_are_not_in_the_way(self, cells):
        assert self.settings(*cells).profile == "quick"

    def test_what_papermill_gives_is_not_undone_by_a_parameters_cell_that_lost_its_tag(self):
        """Without the tag papermill puts its cell first."""
        ran = ["", "# Parameters\nmax_epochs = 3\n", PARAMETERS]
        with pytest.raises(MstaskError, match="undid it: tag that cell 'parameters'"):
            given("ablation", {"In": ran, "profile": "quick", "max_epochs": None})

    @pytest.mark.parametrize("name", sections())
    def test_a_notebook_may_be_run_twice(self, name):
        """No name of its own looks like a parameter."""
        notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4)
        sources = [cell.source.replace("%matplotlib inline", "") for cell in notebook.cells if cell.cell_type == "code"]
        names = dict.fromkeys(word for source in sources for word in re.findall(r"\w+", source))
        assert given(name, names | {"In": ["", *sources, *sources], "profile": "quick"})["profile"] == "quick"


def papermill(folder, *arguments):
    """Run the ablation's parameters and settings cells by papermill's command; returns what would be run, or the error."""
    code = [pairs.parameters_source(sections()["ablation"]), SETTINGS]
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}})
    made.cells = [nbformat.v4.new_code_cell(source) for source in code]
    made.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(made, folder / "in.ipynb")
    command = [str(folder / "in.ipynb"), str(folder / "out.ipynb"), "--no-progress-bar", "--cwd", str(ROOT), *arguments]
    done = CliRunner().invoke(papermill_command, command)
    if done.exception and not isinstance(done.exception, SystemExit):
        return str(done.exception)
    return json.loads(nbformat.read(folder / "out.ipynb", 4).cells[-1].outputs[0].text)


def test_papermill_takes_a_single_value_and_yamls_texts_and_refuses_a_misspelt_name(tmp_path):
    found = papermill(tmp_path, "-p", "seeds", "42", "-p", "methods", "D1_H1", "-y", "learning_rate: 1e-3\nmax_epochs: 2")
    assert (found["seeds"], found["methods"]) == ([42], ["D1_H1"])
    assert (found["learning_rate"], found["max_epochs"]) == (1e-3, 2)
    assert "has no parameter 'max_epoch'; did you mean 'max_epochs'?" in papermill(tmp_path, "-p", "max_epoch", "1")


FOLDERS = {
    "MSTASK_RESULTS": paths.results_dir,
    "RESEARCH_ROOT": paths.results_dir,
    "MSTASK_DATA": paths.cache_dir,
    "DIAT_DATA": lambda: radar.real_folder(None),
    "SHD_DATA": lambda: speech.real_folder(None),
    "MNIST_DATA": lambda: images.real_folder(images.MNIST, None),
    "FASHION_MNIST_DATA": lambda: images.real_folder(images.FASHION, None),
    "CIFAR10_DATA": lambda: images.real_folder(images.CIFAR_10, None),
    "CIFAR100_DATA": lambda: images.real_folder(images.CIFAR_100, None),
}


class TestPathVariables:
    @pytest.mark.parametrize("variable", FOLDERS)
    @pytest.mark.parametrize("text", ["~/mine", "$HOME/mine", " ~/mine "])
    def test_a_folder_below_the_home_folder_is_found_however_it_is_written(self, variable, text, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "mine").mkdir()
        monkeypatch.delenv("MSTASK_RESULTS", raising=False)
        monkeypatch.setenv(variable, text)
        assert FOLDERS[variable]() == tmp_path / "mine"

    @pytest.mark.parametrize(
        ("variable", "use"),
        [
            ("SHD_CACHE", lambda: speech._mixed_file(None)),
            ("FEATURES_DATA", features.own),
            ("MSTASK_BROWSER", browser.executable),
        ],
    )
    def test_so_is_a_file(self, variable, use, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv(variable, "~/none.npz")
        with pytest.raises(MstaskError, match=str(tmp_path / "none.npz")):
            use()

    def test_every_variable_that_names_a_place_is_read_in_one_way(self):
        """Elsewhere than in `paths` and the set-up of a notebook, no module asks the environment for a place."""
        allowed = {"MSTASK_BACKEND", "MSTASK_NEURONS", "REDUCED", "PYTHONPATH", "CUBLAS_WORKSPACE_CONFIG"}
        modules = [path for path in (ROOT / "mstask").rglob("*.py") if path.name not in ("paths.py", "session.py", "pairs.py")]
        text = "".join(path.read_text(encoding="utf-8") for path in modules)
        assert set(re.findall(r"(?:environ\.get|getenv)\(\s*[\"'](\w+)", text)) <= allowed

    def test_a_blank_variable_is_none_at_all(self, monkeypatch):
        monkeypatch.setenv("MSTASK_RESULTS", "  ")
        monkeypatch.delenv("RESEARCH_ROOT", raising=False)
        assert paths.results_dir() == ROOT / "results"
        monkeypatch.setenv("DIAT_DATA", "")
        with pytest.raises(DataError, match="set DIAT_DATA"):
            radar.real_folder(None)

    def test_the_home_folder_of_a_stranger_is_refused(self, monkeypatch):
        monkeypatch.setenv("MSTASK_RESULTS", "~nobody-at-all/results")
        with pytest.raises(MstaskError, match="MSTASK_RESULTS is '~nobody-at-all/results'"):
            paths.results_dir()

    def test_the_papers_own_output_root_counts_where_none_of_ours_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setenv("RESEARCH_ROOT", str(tmp_path / "theirs"))
        monkeypatch.delenv("MSTASK_RESULTS", raising=False)
        assert results.runs_root() == tmp_path / "theirs"
        monkeypatch.setenv("MSTASK_RESULTS", str(tmp_path / "ours"))
        assert results.runs_root() == tmp_path / "ours"


class TestReduced:
    def test_it_wins_over_any_profile_and_says_so_once(self, monkeypatch, caplog):
        from mstask import section as sections

        sections._say_reduced.cache_clear()
        monkeypatch.setenv("REDUCED", "1")
        assert [resolve(name, profile="paper").profile for name in ("ablation", "square")] == ["smoke", "smoke"]
        assert caplog.messages == ["REDUCED=1 is set: the profile is smoke, not paper; unset it to run paper"]
        assert resolve("ablation").profile == "smoke" and len(caplog.messages) == 1

    def test_what_was_run_keeps_its_name_and_can_be_locked_and_profiles_their_values(self, monkeypatch, results_folder):
        from mstask.lab.exhibits_parameters import parameter_rows
        from mstask.section import label

        paper, rows = resolve("ablation", profile="paper"), parameter_rows("ablation")
        monkeypatch.setenv("REDUCED", "1")
        assert label("ablation", paper) == "paper"
        path = results.cell_path("ablation", "paper", "embedded", "D0_doppler", 42)
        results.write_cell(path, making.cell(parameters=paper.of_cell()))
        assert locked.lock("ablation", "paper", "embedded").is_file()
        assert parameter_rows("ablation") == rows


class TestLocking:
    def cells(self, *places):
        """Write one cell of the ablation for each method and seed, in place of what is there."""
        paper = resolve("ablation", profile="paper").of_cell()
        made = [making.cell(method, seed, parameters=paper) for method, seed in places]
        for cell in made:
            results.write_cell(results.cell_path("ablation", "paper", "embedded", cell.method, cell.seed), cell)
        return made

    def test_a_run_that_lacks_locked_cells_is_refused_by_the_first(self, results_folder):
        self.cells(("D0_doppler", 42), ("D0_doppler", 123))
        path = locked.lock("ablation", "paper", "embedded")
        assert results.read_document(path).title == section("ablation").title
        before = path.read_bytes()
        results.cell_path("ablation", "paper", "embedded", "D0_doppler", 123).unlink()
        with pytest.raises(results.ResultsError, match=r"has 2 cells, this one 1, without ablation/D0_doppler/seed 123: run"):
            locked.lock("ablation", "paper", "embedded")
        assert path.read_bytes() == before
        path.unlink()
        assert locked.lock("ablation", "paper", "embedded").is_file()

    def test_no_run_takes_the_place_of_one_that_has_more_cells_or_cannot_be_read(self, results_folder):
        first, _ = self.cells(("D0_doppler", 42), ("D0_doppler", 123))
        path = locked.lock("ablation", "paper", "embedded")
        with pytest.raises(results.ResultsError, match=r"has 2 cells, this one 1"):
            locked.refuse_to_lose("ablation", "embedded", [first])
        path.write_text("<<<<<<< ours")
        with pytest.raises(results.ResultsError):
            locked.refuse_to_lose("ablation", "embedded", [first])

    def test_a_smaller_profile_says_what_it_lacks_and_one_that_is_the_papers_by_another_name_does_not(self, results_folder):
        for profile in ("smoke", "afternoon"):
            own = resolve("ablation", profile=profile).of_cell()
            record = making.data_record(size=own["data_size"])
            made = making.cell("D0_doppler", 42, profile=profile, parameters=own, data=record)
            results.write_cell(results.cell_path("ablation", profile, "embedded", "D0_doppler", 42), made)
            said = results.read_document(locked.lock("ablation", profile, "embedded")).budget
            assert ("max_epochs 2 instead of 200" in said) == (profile == "smoke") and "smaller" not in said

    def test_cells_that_are_missing_between_others_are_counted(self, results_folder):
        made = self.cells(("D0_doppler", 42), ("D0_doppler", 123), ("D0_stft", 42))
        assert locked.shortfall("ablation", "embedded", made).endswith("2 of 3 seeds, 1 of these 4 cells not run.")
        assert "not run" not in locked.shortfall("ablation", "embedded", made[:2])
