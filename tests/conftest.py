"""Every test runs on one thread, writes results to a folder of its own, and draws the same random numbers every time.

Hypothesis tests draw the same examples in each run; `make fuzz` lets them draw others, many more.
Modules are compiled once for all processes that import them, even where the environment asks for no bytecode.
What takes long in one piece comes first, so that no worker is left with it while the others have nothing to do.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from hypothesis.internal.conjecture import providers

KEPT = {"MSTASK_DATA", "MSTASK_BOOK", "MSTASK_BROWSER", "MSTASK_KILLS", "MSTASK_CORRUPTIONS", "MSTASK_PROVE"}
OTHERS = {"REDUCED", "RESEARCH_ROOT", "SHD_CACHE", "RESNET32_WEIGHTS"}
for name in set(os.environ) - KEPT:  # what a user has set for runs of their own
    if name.startswith("MSTASK_") or name in OTHERS or name.endswith("_DATA"):
        del os.environ[name]

gc.set_threshold(50_000, 10, 10)  # documents of a million parts that stay are else gone through again and again
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell hands it to what it starts in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Hypothesis also draws constants found in the modules imported so far, which differ with the tests run before.
providers._get_local_constants = providers.Constants
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("fuzz", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("suite")


PAGES = ("test_book.py", "test_browser.py", "test_drawn.py", "test_pointer.py", "test_readme.py")
KERNELS = (
    *("test_faults.py", "test_notebooks.py", "test_surroundings.py", "test_recipes.py"),
    *("test_forking.py", "test_doctor.py", "test_cli.py", "test_parameters.py"),
    *("test_installed.py", "test_micro_doppler.py", "test_javascript.py", "test_hetsyn_training.py"),  # long in themselves
)


def pytest_collection_modifyitems(items):
    """Two workers begin with half of the tests each: one with the book and its pages, the other with what waits for kernels.

    So each reads the locked documents once, or starts what kernels are forked from. While the book is built by several
    processes the other worker waits most.
    """
    order = {name: place for place, name in enumerate((*PAGES, *KERNELS))}
    long = sorted((item for item in items if item.path.name in order), key=lambda item: order[item.path.name])
    others = [item for item in items if item.path.name not in order]
    pages = sum(item.path.name in PAGES for item in long)
    middle = max(len(items) // 2 - pages, 0)
    items[:] = [*long[:pages], *others[:middle], *long[pages:], *others[middle:]]


def made_once(factory, name, make):
    """The file `name` of a folder that all test workers share: the first that asks makes it, the others wait."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        if not (folder / name).exists():
            (folder / name).write_text(make(folder), encoding="utf-8")
    return folder / name


@pytest.fixture(scope="module")
def context():
    """A headless browser without a network; where none is installed, the test is skipped with the reason."""
    from mstask.lab import browser

    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(browser.opened())
        except browser.NoBrowser as reason:
            pytest.skip(str(reason))
        opened.set_default_timeout(300_000)
        yield opened


@pytest.fixture
def tab(context):
    """A tab of the browser, in which no script may fail."""
    tab, errors = context.new_page(), []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    tab.close()
    assert errors == []


@pytest.fixture(autouse=True)
def same_random_numbers():
    """Global generators start each test in one state, whatever ran before it."""
    import torch

    torch.set_num_threads(1)
    random.seed(0)
    np.random.seed(0)
    torch.default_generator.manual_seed(0)
    if torch.cuda.is_initialized():  # `torch.manual_seed` would note the whole stack for later where it isn't
        torch.cuda.manual_seed_all(0)


@pytest.fixture(scope="session")
def radar():
    """The small embedded radar set."""
    from mstask import data

    return data.load("radar", size="small")


@pytest.fixture(scope="session")
def yin_yang():
    """The small set of Yin-Yang, as spikes."""
    from mstask.studies.eventprop.yin_yang import spike_splits

    return spike_splits("small")


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """Tiny copies of all four sets of recordings, named by the variables; their folder."""
    import making_recordings

    for variable, path in making_recordings.everything(tmp_path).items():
        monkeypatch.setenv(variable, path)
    return tmp_path


@pytest.fixture
def results_folder(tmp_path, monkeypatch):
    """An empty results folder in place of the checkout's."""
    monkeypatch.setenv("MSTASK_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Checkpoints are left in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def locked(results_folder):
    """One small locked document, in place of all that the checkout has of cells."""
    from making import document

    from mstask import results

    path = results_folder / "embedded" / "ablation.json"
    results.write_document(path, document({"D0_doppler": 0.8, "D1_H1": 0.7}, source="embedded"))
    results.lock(path)
    for others in ("real", "recorded"):
        (results_folder / others).mkdir()
    return path


@pytest.fixture
def toy_here(tmp_path):
    """The toy section in this process, with results in a folder of the test's own."""
    import toy

    with toy.known(tmp_path):
        yield tmp_path


@pytest.fixture
def in_process(monkeypatch):
    """Benchmarks measure in this process, on one thread, instead of in fresh ones."""
    from benchmarks import runner

    def call(target, threads, **options):
        module, _, function = target.partition(":")
        return getattr(importlib.import_module(module), function)(threads=1, **options)

    monkeypatch.setattr(runner, "fresh", call)
    gc.freeze()  # every repeat collects before it measures, and would go through what other tests have left
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def problems(tmp_path_factory):
    """What `results.verify` says of the checkout; of several test workers the first that asks does so for all."""
    from mstask import paths, results

    def verify(_):
        return json.dumps(results.verify(paths.ROOT / "results"))

    return json.loads(made_once(tmp_path_factory, "problems.json", verify).read_text("utf-8"))


@pytest.fixture(scope="session")
def html(tmp_path_factory):
    """The whole book, built as `make book` builds it, with every warning an error and without the reader's runs.

    Of several test workers the first that asks builds it for all.
    """
    return Path(made_once(tmp_path_factory, "built", lambda folder: str(built_book(folder / "book"))).read_text("utf-8"))


@pytest.fixture(scope="session")
def articles(html):
    """What every page of a chapter or a notebook shows beside the menus, by its file; not to be changed."""
    from bs4 import BeautifulSoup, SoupStrainer

    pages = [page for folder in ("book", "notebooks") for page in sorted((html / folder).glob("*.html"))]
    assert len(pages) > 30
    wanted = SoupStrainer("article", class_="bd-article")
    return {page: BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser", parse_only=wanted) for page in pages}


def built_book(folder: Path) -> Path:
    """Build the book into a folder and return that of its HTML; `MSTASK_BOOK` names one that is built already."""
    if named := os.environ.get("MSTASK_BOOK"):
        return Path(named)
    root = Path(__file__).parents[1]
    command = [Path(sys.executable).with_name("jupyter-book"), "build", root, "-W", "--keep-going", "-n"]
    done = subprocess.run(
        [*command, "--path-output", folder],
        cwd=root,
        env=os.environ | {"MSTASK_RESULTS": str(folder / "results"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "_build" / "html"
