"""Claims about the command line: it runs a section for real, continues, names failures, and refuses bad use."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from filelock import FileLock, Timeout

from mstask import data, results
from mstask.cell import run_cell
from mstask.lab import batch, commands
from mstask.lab.cli import main
from mstask.paths import ROOT
from mstask.section import Place, resolve


def test_a_batch_run_continues_isolates_failures_and_equals_the_direct_run(results_folder, monkeypatch, capsys):
    """Two methods by papermill, of which STFT fails: its window is longer than the trial's 64 steps."""
    chosen = ["--profile", "smoke", "--set", "window_len=65", "--methods", "D0_doppler,D0_stft", "--workers", "2", "--json"]
    code, (out, said) = main(["run", "ablation", *chosen]), capsys.readouterr()
    outcomes = {(outcome["method"], outcome["status"]) for outcome in json.loads(out)}
    assert (code, outcomes) == (1, {("D0_doppler", "done"), ("D0_stft", "failed")})
    assert "window_len is 65, longer than the trial of 64 steps" in said
    assert "D0_stft-42.ipynb" in said
    settings = resolve("ablation", profile="smoke", window_len=65, methods=["D0_doppler"])
    again = batch.plan([("ablation", settings)], 2, None, send=False, keep_stale=False)
    assert ([outcome.status for outcome in again.outcomes], again.tasks) == (["skipped"], [])
    (path,) = results_folder.rglob("D0_doppler-42.json")
    by_batch = results.read_cell(path)
    monkeypatch.setenv("MSTASK_RESULTS", str(results_folder / "direct"))
    direct = run_cell("ablation", Place("D0_doppler", None, 42), settings, data.load("radar", size="small"))
    assert results.comparable(by_batch) == results.comparable(direct)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "ablaton"], "did you mean 'ablation'"),
        (["run", "--methods", "D0_dopler"], "did you mean 'D0_doppler'"),
        (["run", "--seeds", "x"], "parameter seeds.0 is 'x'"),
        (["run", "--set", "lrr=0.1"], "has no parameter 'lrr'"),
        (["run", "--set", "learning_rate=fast"], "parameter learning_rate is 'fast'"),
        (["run", "-p", "width"], "expected NAME=VALUE"),
        (["run", "--profile", "huge"], "parameter profile is 'huge'"),
        (["run", "--workers", "0"], "expected at least 1"),
        (["run", "--timeout", "-1"], "expected a positive number"),
        (["run", "--workers", "2", "--scheduler", "tcp://localhost:1"], "give one of the two"),
        (["run", "rotation", "--cases", "speakers-0-9"], "has no case 'speakers-0-9'"),
        (["run", "ablaton", "--help"], "did you mean 'ablation'"),
        (["status", "ablaton"], "did you mean 'ablation'"),
        (["status", "--profile", "huge"], "parameter profile is 'huge'"),
        (["data", "fetch", "shdd"], "did you mean 'shd'"),
        (["data", "fetch"], "data fetch needs the name of an original: "),
        (["data", "radar", "extra"], "data takes one name, found 'radar' and 'extra'"),
        (["data", "rdar"], "did you mean 'radar'"),
        (["data", "radar", "--size", "huge"], "unknown size 'huge': valid: paper, medium, small"),
        (["lock", "ablation", "--profile", "qick"], "parameter profile is 'qick'"),
        (["repeat", "ablation", "--data", "foo"], "parameter data_source is 'foo'"),
        (["bench", "stp"], "did you mean 'step'"),
        (["claims", "--source", "mine"], "expected published, embedded, real, recorded or run"),
    ],
)
def test_bad_use_is_refused_with_exit_code_2(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_bad_use_is_refused_before_anything_heavy_is_imported():
    """Which is what makes the refusal immediate."""
    code = "import sys; from mstask.lab.cli import main; main(['run', '--set', 'lrr=0.1']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "has no parameter 'lrr'; valid: profile, data_source" in done.stderr
    assert not {"torch", "scipy", "distributed", "papermill", "pandas", "matplotlib"} & set(done.stdout.split())


def test_commands_that_train_nothing_dont_load_torch(locked):
    """Runs of one's own are left out: whether they are by the present code is asked of the code, which is imported for it."""
    commands = [["status", "ablation"], ["verify"], ["claims", "--source", "published"], ["run", "ablation", "--help"]]
    code = "import sys; from mstask.lab.cli import main\n"
    code += f"for arguments in {commands}:\n    assert main(arguments) == 0, arguments\n"
    code += "    if 'torch' in sys.modules: sys.exit(f'{arguments} loads torch')\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_scheduler_that_does_not_answer_is_named(results_folder, monkeypatch, capsys):
    monkeypatch.setattr(batch, "ANSWER", 1.0)
    run = ["run", "ablation", "--profile", "smoke", "--scheduler", "tcp://127.0.0.1:9"]
    assert main([*run, "--methods", "D0_doppler"]) == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err


def test_a_missing_data_folder_is_named_with_exit_code_1(monkeypatch, capsys):
    monkeypatch.delenv("DIAT_DATA", raising=False)
    assert main(["data", "radar", "--data", "real"]) == 1
    assert "DIAT_DATA" in capsys.readouterr().err


def test_the_ledger_prints_as_json_with_the_contracts_keys(capsys):
    assert main(["claims", "--json"]) == 0
    ledger = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    expected = {"id", "text", "where", "verdict", "evidence", "fragility", "estimand", "estimate", "interval", "p"}
    assert expected | {"smallest", "rule", "seeds", "profile", "budget", "converged", "paper_seeds"} <= set(ledger[0])


def test_verify_finds_intact_locks_intact(locked, capsys):
    assert main(["verify"]) == 0
    assert "intact" in capsys.readouterr().out


def test_one_build_is_at_work_and_after_a_stopped_one_every_page_is_made_anew(tmp_path, monkeypatch, capsys):
    """SIGTERM reaches a build within the process that was asked for it, which holds the lock of its folder."""
    doctrees, seen = tmp_path / ".doctrees", []

    def jupyter_book(command, standalone_mode):
        with pytest.raises(Timeout):
            FileLock(tmp_path / ".book.lock").acquire(timeout=0)
        seen.append(doctrees.exists())
        doctrees.mkdir(exist_ok=True)
        if len(seen) == 1:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(60)
            except KeyboardInterrupt as stopped:  # told as Jupyter Book does
                sys.exit(stopped)
        if len(seen) == 3:
            sys.exit(1)

    monkeypatch.setattr("jupyter_book.cli.main.main", jupyter_book)
    monkeypatch.setattr(commands, "BUILT", tmp_path)
    assert [main(["book"]) for _ in range(5)] == [130, 0, 1, 0, 0]
    assert seen == [False, False, True, False, True]
    said = capsys.readouterr().err
    assert said.count("interrupted") == said.count("did not build") == 1


def test_what_a_benchmark_starts_ends_with_it(tmp_path, monkeypatch):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "step.py").write_text(
        "import os, signal, subprocess, threading\n"
        "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()\n"
        "subprocess.run(['sleep', '987'])\n"
    )
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    assert main(["bench", "step"]) == 130
    children = [child for child in psutil.Process().children(recursive=True) if child.name() == "sleep"]
    assert not psutil.wait_procs(children, timeout=30)[1], "an ended process may take a moment to be gone"


def test_a_terminal_that_knows_no_sign_of_mathematics_gets_another(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["run", "ablation", "--help"])
    sys.stdout.flush()
    assert b"? 2, ? 4096" in sys.stdout.buffer.getvalue()
