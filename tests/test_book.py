"""The book: its numbers come from result documents, its pages follow them, and nothing is loaded from outside."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
import urllib.parse
import wave
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from making import scored, sphinx
from mstask_book import audio, sharing, sources

from mstask import claims, results, show
from mstask.lab import locked
from mstask.paths import ROOT
from mstask.studies.gallery.exhibits_speech import Sound

PAGES = sorted((ROOT / "book").glob("*.md"))
SCORES = {"Doppler-LIF": [0.41, 0.43, 0.45], "Dual-tau-LIF": [0.61, 0.63, 0.65]}


def document(scores=SCORES, source="published", section="disjoint"):
    """A document with one cell per score, seeds 1, 2, 3."""
    return scored(scores, section, (1, 2, 3), n_parameters=100).model_copy(update={"source": source})


def store(folder, scores=SCORES, source="published", section="disjoint"):
    results.write_document(folder / source / f"{section}.json", document(scores, source, section))


def store_run(scores=SCORES, section="disjoint"):
    for cell in document(scores, "run", section).cells:
        results.write_cell(results.cell_path(section, "paper", "embedded", cell.method, cell.seed), cell)


@dataclass
class Built:
    """What a build left: the page, its warnings, and which pages were read."""

    html: str
    warnings: str
    read: list[str]


class Project:
    """A Sphinx project of one page, built by the book's extension, whose code isn't read for changes unless `code` says so."""

    code: tuple[Path, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.source, self.output = folder / "source", folder / "_build" / "html"
        self.source.mkdir()

    def write(self, text: str) -> None:
        (self.source / "index.md").write_text(f"# Page\n\n{text}\n", encoding="utf-8")

    def build(self) -> Built:
        read: list[str] = []
        settings = {
            "extensions": ["myst_parser", "mstask_book"],
            "myst_enable_extensions": ["colon_fence"],
            "html_theme": "basic",
            "numfig": True,
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sources, "CODE", self.code)
            warnings = sphinx(self.source, self.output, settings, read.extend)
        return Built((self.output / "index.html").read_text(encoding="utf-8"), warnings, read)

    def page(self, text: str) -> Built:
        """Write and build the page, without any warning."""
        self.write(text)
        built = self.build()
        assert not built.warnings
        return built

    def generated(self, name: str) -> bytes:
        return (self.output.parent / "generated" / name).read_bytes()


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


FIGURE = """:::{mstask-figure} disjoint published/disjoint
:name: fig-scores
:alt: Dual-tau-LIF reaches {published/disjoint:methods.Dual-tau-LIF.macro_f1.mean|.2f}.

A caption with {result}`published/disjoint:methods.Dual-tau-LIF.macro_f1.mean|.4f`.
:::
"""
TABLE = """:::{mstask-table} disjoint published/disjoint
:name: table-scores

The scores.
:::
"""
SENTENCE = (
    "The best is {result}`published/disjoint:best` with "
    "{result}`published/disjoint:methods.Dual-tau-LIF.macro_f1.mean|.3f`.\n\n"
)


def test_a_page_edited_while_the_clock_goes_back_is_read_again(project):
    project.write("first")
    project.build()
    past = (project.source / "index.md").stat().st_mtime - 1e6
    project.write("second")
    os.utime(project.source / "index.md", (past, past))
    assert "second" in project.build().html
    assert project.build().read == []


def test_pages_that_are_read_side_by_side_say_the_same(project, results_folder, monkeypatch):
    store(results_folder)
    project.write(SENTENCE)
    for n in range(2 * sharing.FEW):
        own = FIGURE.replace("fig-scores", f"fig-{n}")
        (project.source / f"page{n}.md").write_text(f"---\norphan: true\n---\n# Page {n}\n\n{SENTENCE}{own}", encoding="utf-8")
    built = []
    monkeypatch.setattr(sharing, "voices", SimpleNamespace(VOICES=()))  # no page asks for a claim
    for cores in (1, 2):
        monkeypatch.setattr(sharing.parallel, "available_cores", lambda cores=cores: cores)
        shutil.rmtree(project.output.parent, ignore_errors=True)
        assert not project.build().warnings
        built.append({path.name: path.read_bytes() for path in project.output.rglob("*") if path.suffix in (".html", ".svg")})
    assert built[0] == built[1] and len(built[0]) > 2 * sharing.FEW


class TestNumbersFollowTheirDocuments:
    def test_a_number_tells_its_file_key_and_full_value_to_pointer_keyboard_and_finger(self, project, results_folder):
        store(results_folder, {"Doppler-LIF": [0.123456]})
        project.write("{result}`published/disjoint:methods.Doppler-LIF.macro_f1.mean|.2f`")
        built = project.build()
        hover = "results/published/disjoint.json: methods.Doppler-LIF.macro_f1.mean = 0.123456"
        number = f'<span aria-description="{hover}" class="result voice-published" role="button" tabindex="0">0.12</span>'
        assert number in built.html
        assert not built.warnings

    def test_a_changed_document_changes_sentence_table_figure_and_data(self, project, results_folder):
        store(results_folder)
        project.write(SENTENCE + FIGURE + TABLE + "{numref}`fig-scores` and {numref}`table-scores`.")
        before = project.build()
        figure = project.generated("fig-scores.svg")
        store(results_folder, SCORES | {"Dual-tau-LIF": [0.71, 0.73, 0.75]})
        after = project.build()
        for old, new in (
            (">0.630<", ">0.730<"),
            (">0.6300<", ">0.7300<"),
            ("reaches 0.63.", "reaches 0.73."),
            ("0.630\N{NO-BREAK SPACE}±", "0.730\N{NO-BREAK SPACE}±"),
        ):
            assert old in before.html and old not in after.html
            assert new in after.html and new not in before.html
        assert project.generated("fig-scores.svg") != figure
        assert b"Dual-tau-LIF,1,0.71" in project.generated("fig-scores.csv")
        assert not before.warnings and not after.warnings

    def test_nothing_changed_reads_no_page(self, project, results_folder):
        store(results_folder)
        project.write(SENTENCE + FIGURE)
        assert project.build().read == ["index"]
        os.utime(results_folder / "published" / "disjoint.json")
        assert project.build().read == []

    def test_changed_code_reads_the_page_again(self, project, results_folder, tmp_path):
        package = tmp_path / "package"
        package.mkdir()
        project.code = (package,)
        store(results_folder)
        project.write(SENTENCE)
        project.build()
        (package / "figures.py").write_text("changed = True\n")
        assert project.build().read == ["index"]

    def test_the_same_document_gives_the_same_bytes(self, project, results_folder):
        store(results_folder)
        project.write(FIGURE)
        project.build()
        first = project.generated("fig-scores.svg")
        project.write(FIGURE + "More.")
        project.build()
        assert project.generated("fig-scores.svg") == first

    def test_a_cell_of_a_table_knows_the_heading_of_its_column(self, project, results_folder):
        store(results_folder)
        project.write(TABLE)
        cells = re.findall(r'<td data-label="([^"]*)"', project.build().html)
        assert cells[:2] == ["neuron", "published"] and len(cells) == 2 * len(SCORES)

    def test_figure_and_table_say_where_they_come_from(self, project, results_folder):
        store(results_folder)
        project.write(FIGURE + TABLE)
        html = project.build().html
        assert html.count("results/published/disjoint.json") >= 2
        assert {f"mstask.studies.matching.exhibits.{kind}_disjoint" in html for kind in ("figure", "table")} == {True}
        assert html.count("data (CSV)") == 2
        folded = re.findall(
            r'<details class="mstask-provenance">\s*<summary>source(.*?)</summary>(.*?)</details>', html, re.DOTALL
        )
        assert [("figure" in heard or "table" in heard, "disjoint.json" in text) for heard, text in folded] == [
            (True, True)
        ] * 2


BROKEN = {
    "a missing key, with the nearest": (
        "{result}`published/disjoint:methods.Doppler-LIF.macro_f1.mean|.3f`",
        ("results/published/disjoint.json has no key 'methods.Doppler-LIF'", "Dual-tau-LIF"),
    ),
    "a missing document": ("{result}`embedded/nothing:best`", ("embedded/nothing.json does not exist",)),
    "an unknown source": ("{result}`publshed/disjoint:best`", ("did you mean 'published'",)),
    "a format that doesn't fit": (
        "{result}`published/disjoint:best|.3f`",
        ("best = 'Dual-tau-LIF' can't be written as '.3f'",),
    ),
    "no alt text": (
        ":::{mstask-figure} disjoint published/disjoint\n\nCaption\n:::",
        ("'disjoint' has no :alt: text",),
    ),
    "an empty alt text": (
        ":::{mstask-figure} disjoint published/disjoint\n:alt:\n\nCaption\n:::",
        ("'disjoint' has no :alt: text",),
    ),
    "a broken number in alt text": (
        FIGURE.replace("{published/disjoint:methods", "{published/disjoint:worst").replace("fig-", "fig-a-"),
        ("no key 'worst'",),
    ),
    "an unknown function": (TABLE.replace("} disjoint", "} disjont"), ("did you mean 'table_disjoint'",)),
    "an unknown row": (
        ":::{mstask-table} claims claims/published\n:rows: radar-winer\n\nClaims\n:::",
        ("did you mean 'radar-winner'",),
    ),
    "a broken number in a caption": (
        FIGURE.replace("`published/disjoint:methods", "`published/disjoint:worst"),
        ("no key 'worst'",),
    ),
}


class TestBrokenReferences:
    """Each is a warning at its line, which fails a build with -W."""

    @pytest.fixture(scope="class")
    @classmethod
    def warned(cls, tmp_path_factory):
        """The warnings at the lines of each, on a page that holds them all."""
        folder, first, warned = tmp_path_factory.mktemp("broken"), 3, {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MSTASK_RESULTS", str(folder / "results"))
            store(folder / "results", {"Dual-tau-LIF": [0.5]})
            project = Project(folder)
            project.write("\n\n".join(text for text, _ in BROKEN.values()))
            warnings = re.findall(r"index\.md:(\d+): WARNING: (.*)", project.build().warnings)
        for name, (text, _) in BROKEN.items():
            after = first + text.count("\n") + 2
            warned[name] = [message for line, message in warnings if first <= int(line) < after]
            first = after
        return warned

    @pytest.mark.parametrize("name", BROKEN)
    def test_each_is_warned_of_once(self, warned, name):
        (message,) = warned[name]
        assert all(said in message for said in BROKEN[name][1]), message

    def test_a_key_deleted_after_a_build_is_noticed(self, project, results_folder):
        store(results_folder)
        project.write("{result}`published/disjoint:methods.Doppler-LIF.macro_f1.mean|.3f`")
        assert not project.build().warnings
        store(results_folder, {"Dual-tau-LIF": [0.5]})
        assert "has no key 'methods.Doppler-LIF'" in project.build().warnings

    def test_a_chapter_of_an_unknown_notebook(self, project, results_folder):
        (project.source / "index.md").write_text("---\nnotebook: notebooks/nowhere\n---\n\n# Page\n", encoding="utf-8")
        assert "notebooks/nowhere is no notebook of this book" in project.build().warnings


class TestTheReadersRun:
    """It may be absent, incomplete or damaged: the page says so and the build goes on."""

    PAGE = (
        "Yours: {result}`run/disjoint:methods.Doppler-LIF.macro_f1.mean|.3f`.\n\n"
        + FIGURE.replace("disjoint published/disjoint", "disjoint run/disjoint").replace("{published/", "{run/")
        + ":::{mstask-table} claims claims/published claims/run\n\nClaims.\n:::\n\n"
        + ":::{mstask-claims} claims/published claims/run\n:::\n\n"
        + ":::{mstask-when} run/disjoint\nOf your run.\n:::\n\n:::{mstask-unless} run/disjoint\nWithout a run.\n:::\n"
    )

    def test_an_absent_run_is_said_to_be_absent(self, project, results_folder):
        store(results_folder)
        built = project.page(self.PAGE)
        assert built.html.count("not run yet") >= 3
        assert '<span class="pre">make</span> <span class="pre">book</span>' in built.html
        assert "Without a run." in built.html and "Of your run." not in built.html

    def test_a_new_run_appears_on_the_next_build(self, project, results_folder):
        store(results_folder)
        project.write(self.PAGE)
        project.build()
        store_run()
        built = project.build()
        assert not built.warnings
        assert ">0.430</span>" in built.html and "Of your run." in built.html
        assert "not run yet" not in built.html

    def test_a_damaged_run_does_not_break_the_book(self, project, results_folder):
        store(results_folder)
        store_run()
        next((results_folder / "runs").rglob("*.json")).write_text("{")
        built = project.page(self.PAGE)
        assert "your run can&#39;t be read" in built.html or "your run can’t be read" in built.html

    def test_a_run_without_the_method_says_so(self, project, results_folder):
        store(results_folder)
        store_run({"Dual-tau-LIF": [0.5]})
        built = project.page(self.PAGE)
        assert "not in your run" in built.html


class TestOptionalDocuments:
    PAGE = (
        "Here: {result}`embedded/invented?:best`.\n\n:::{mstask-when} embedded/invented\nLocked.\n:::\n\n"
        ":::{mstask-unlocked} embedded/invented\nIt takes a day.\n:::\n"
    )

    def test_absent_then_locked(self, project, results_folder):
        store(results_folder)
        project.write(self.PAGE)
        before = project.build()
        store(results_folder, source="embedded", section="invented")
        after = project.build()
        assert not before.warnings and not after.warnings
        assert "not locked" in before.html and "Locked." not in before.html
        warned = r'warning admonition">\s*<p class="admonition-title">No locked embedded result yet</p>\s*<p>It takes a day'
        assert [bool(re.search(warned, built.html)) for built in (before, after)] == [True, False]
        assert ">Dual-tau-LIF</span>" in after.html and "Locked." in after.html

    def test_a_damaged_document_is_not_taken_for_an_absent_one(self, project, results_folder):
        store(results_folder, source="embedded", section="invented")
        (results_folder / "embedded" / "invented.json").write_text("{")
        project.write(self.PAGE)
        assert "truncated" in project.build().warnings


class TestConditions:
    """A page can say one thing where a value is as expected and another where it isn't."""

    PAGE = (
        ":::{mstask-when} published/disjoint:best = Dual-tau-LIF\nDual-tau leads.\n:::\n\n"
        ":::{mstask-unless} published/disjoint:best = Dual-tau-LIF\nAnother leads.\n:::\n\n"
        ":::{mstask-when} published/disjoint:methods.Doppler-LIF.macro_f1.mean < 0.5\nDoppler is low.\n:::\n\n"
        ":::{mstask-when} published/disjoint:methods.Doppler-LIF.macro_f1.mean > 0.5\nDoppler is high.\n:::\n\n"
        ":::{mstask-when} run/disjoint:methods.Doppler-LIF.macro_f1.mean > 0.5\nYours is high.\n:::\n"
    )

    def test_the_text_follows_the_values(self, project, results_folder):
        store(results_folder)
        project.write(self.PAGE)
        before = project.build()
        store(results_folder, {"Doppler-LIF": [0.91], "Dual-tau-LIF": [0.2]})
        after = project.build()
        assert not before.warnings and not after.warnings
        assert "Dual-tau leads." in before.html and "Doppler is low." in before.html
        assert "Another leads." in after.html and "Doppler is high." in after.html
        for html in (before.html, after.html):
            assert html.count("leads.") == 1 and html.count("Doppler is") == 1 and "Yours" not in html

    def test_comparing_a_word_with_a_number_is_reported(self, project, results_folder):
        store(results_folder)
        project.write(":::{mstask-when} published/disjoint:best > 0\nNo.\n:::\n")
        built = project.build()
        assert "compares what can't be compared" in built.warnings or "compares what can’t be compared" in built.warnings

    def test_a_section_has_parameters_of_its_own(self, project, results_folder):
        built = project.page("{result}`protocol/probe:max_epochs` and {result}`protocol/mixed:calibration_examples`.")
        assert ">15</span>" in built.html and ">256</span>" in built.html


class TestSeveralSections:
    PAGE = (
        ":::{mstask-table} square_crossed published/square? published/disjoint run/square run/disjoint\n"
        ":name: table-crossed\n\nThe square.\n:::\n"
    )

    def test_a_table_may_need_documents_of_several_sections(self, project, results_folder):
        store(results_folder, {"CrossInhib-LIF": [0.8, 0.8], "Doppler-LIF": [0.1, 0.2]})
        built = project.page(self.PAGE)
        assert "CrossInhib-LIF by 0.650" in built.html and "not run yet" in built.html

    def test_a_claims_list_can_be_cut_to_what_a_page_is_about(self, project, results_folder):
        store(results_folder)
        built = project.page(":::{mstask-claims} claims/published\n:rows: radar-winner audio-winner\n:::\n")
        assert re.findall(r'id="claim-([a-z-]+)"', built.html) == ["radar-winner", "audio-winner"]
        project.write(":::{mstask-claims} claims/published\n:rows: radar-winer\n:::\n")
        assert "did you mean 'radar-winner'" in project.build().warnings


class TestClaims:
    BOX = ":::{mstask-summary} claims/published claims/run\n:rows: crossinhib-doppler radar-winner\n:::\n\n"

    def test_a_box_sums_up_claims_and_leads_to_their_evidence(self, project, results_folder):
        store(results_folder, {"Doppler-LIF": [0.2, 0.21, 0.19], "CrossInhib-LIF": [0.8, 0.81, 0.79]})
        built = project.page(self.BOX + ":::{mstask-claims} claims/published\n:::\n")
        box = built.html.partition("summary-claims")[2].partition("</details>")[0]
        assert re.findall(r'href="#(claim-[a-z-]+)"', box) == ["claim-crossinhib-doppler", "claim-radar-winner"]
        assert "+0.600 [" in box and "your run" not in box
        assert "(macro-F1 for speaker-disjoint audio, CrossInhib-LIF − Doppler-LIF)" in box

    def test_a_card_says_by_what_it_can_be_found_and_folds_its_evidence(self, project, results_folder):
        store(results_folder, {"Doppler-LIF": [0.2, 0.21, 0.19], "CrossInhib-LIF": [0.8, 0.81, 0.79]})
        project.write(":::{mstask-claims} claims/published\n:rows: crossinhib-doppler\n:::\n")
        built = project.build()
        card = re.search(r'<div class="claim[^>]*>', built.html)[0]
        assert 'data-published="supported"' in card and 'data-paper="Dikmen and Karadağ"' in card
        assert "ledger.js" in built.html and built.html.index("<summary>") < built.html.index("difference +0.600")

    def test_content_can_be_folded(self, project, results_folder):
        project.write(":::{mstask-folded} The details\nHidden at first.\n:::\n")
        assert re.search(r"<details[^>]*>\s*<summary>The details</summary>\s*<p>Hidden at first.</p>", project.build().html)


class TestRunsOnRealData:
    PAGE = TABLE.replace("published/disjoint", "published/disjoint run/disjoint")

    def test_a_locked_one_joins_what_shows_the_readers_run_and_never_poses_as_it(self, project, results_folder):
        store(results_folder)
        project.write(self.PAGE + ":::{mstask-when} real/disjoint\n{result}`real/disjoint:best` leads there.\n:::\n")
        before = project.build()
        store(results_folder, {"Doppler-LIF": [0.91, 0.92]}, source="real")
        after = project.build()
        assert not before.warnings and not after.warnings
        assert "real data" not in before.html and "leads there" not in before.html
        assert "real data" in after.html and "results/real/disjoint.json" in after.html and "leads there" in after.html
        assert "0.915" in after.html and after.html.count("not run yet") == before.html.count("not run yet") > 0

    def test_it_stays_away_from_what_shows_the_readers_run_alone(self, project, results_folder):
        store(results_folder, {"Doppler-LIF": [0.91, 0.92]}, source="real")
        built = project.page(TABLE.replace("published/disjoint", "run/disjoint"))
        assert "results/real" not in built.html and "0.915" not in built.html

    def test_a_page_may_ask_for_it_whether_it_exists_or_not(self, project, results_folder):
        store(results_folder)
        built = project.page(TABLE.replace("published/disjoint", "published/disjoint real/disjoint? run/disjoint"))
        assert "none on real data" in built.html


class TestRecordings:
    PAGE = ":::{mstask-audio} beeps\n:name: beeps\n:alt: Two beeps.\n\nA caption.\n:::\n"

    @pytest.fixture(autouse=True)
    def beeps(self, monkeypatch):
        seconds = np.arange(2205) / 22050
        sounds = [Sound(f"{hertz} Hz", 0.1 * np.sin(2 * np.pi * hertz * seconds), 22050) for hertz in (440, 880)]
        monkeypatch.setattr(show, "audio_beeps", lambda: sounds, raising=False)

    def test_each_has_a_player_and_a_file_of_the_build(self, project, results_folder):
        built = project.page(self.PAGE)
        players = re.findall(r'<audio controls preload="none" src="([^"]+)" aria-label="(\d+ Hz)">', built.html)
        assert [title for _, title in players] == ["440 Hz", "880 Hz"]
        for (source, _), hertz in zip(players, (440, 880), strict=True):
            with wave.open(str(project.output / source)) as file:
                assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, audio.RATE)
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            assert len(samples) == pytest.approx(0.1 * audio.RATE, abs=1)
            assert np.abs(samples).max() == pytest.approx(audio.PEAK * 32767, abs=1)
            spectrum = np.abs(np.fft.rfft(samples))
            assert spectrum.argmax() * audio.RATE / len(samples) == pytest.approx(hertz, abs=10)

    def test_the_same_sound_is_the_same_file(self):
        sound = Sound("x", np.sin(np.arange(5000)), 22000)
        assert audio.wav(sound) == audio.wav(sound)

    def test_what_is_heard_must_be_told(self, project, results_folder):
        project.write(self.PAGE.replace(":alt: Two beeps.\n", ""))
        assert "'beeps' has no :alt: text" in project.build().warnings


def prose(text: str) -> str:
    """Return a chapter without what may hold numbers: front matter, code, maths, roles, references and link targets."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^(`{3,}).*?^\1`*$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL)
    text = re.sub(r"`[^`]*`", "", text)
    text = re.sub(r"\$[^$]*\$", "", text)
    text = re.sub(r"\{[^{}]*\}", "", text)
    return re.sub(r"\]\([^)]*\)", "]", text)


RESULT_LIKE = re.compile(r"(?<!ection )(?<!# Run )(?<![\w.])\d*\.\d+|\d\s*(?:%|per\s?cent\b)")


class TestNoNumberIsTyped:
    """A decimal number or a percentage in prose is taken for a result; only a section's number may look like one."""

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
    def test_chapter(self, page):
        found = [match[0] for match in RESULT_LIKE.finditer(prose(page.read_text(encoding="utf-8")))]
        assert found == []

    @pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
    def test_notebook(self, path):
        cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
        assert [match[0] for source in cells for match in RESULT_LIKE.finditer(prose(source))] == []

    @pytest.mark.parametrize("text", ["reaches 0.87 on", "a gain of 12 %", "rises by 5%", "about .93,", "33.8 times", "a 4.1"])
    def test_the_rule_sees_results(self, text):
        assert RESULT_LIKE.search(prose(text))

    @pytest.mark.parametrize(
        "text",
        [
            "`beta=0.9`",
            "$\\beta = 0.95$",
            "{result}`a/b:c|.3f`",
            "Section 4.1 of",
            "```bash\nx 0.5\n```",
            "seeds 42, 123.",
        ],
    )
    def test_the_rule_leaves_the_rest_alone(self, text):
        assert not RESULT_LIKE.search(prose(text))


class Resources(HTMLParser):
    """Collects what a page loads, its images' alternative texts, its links, and the places that links can lead to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.alts: list[tuple[str, str | None]] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.places |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag in {"script", "img", "iframe", "source", "video", "audio", "embed"} and values.get("src"):
            self.loaded.append(values["src"])
        if tag == "link" and not {"index", "search", "next", "prev", "canonical"} & set(values.get("rel", "").split()):
            self.loaded.append(values.get("href", ""))
        if tag == "img":
            self.alts.append((values.get("src", ""), values.get("alt")))
        if tag == "a":
            self.links.append(values.get("href", ""))


@pytest.fixture(scope="module")
def pages(html):
    return {page: Resources(page) for page in sorted(html.rglob("*.html")) if "_static" not in page.parts}


class TestTheBuiltBook:
    def test_every_chapter_is_there(self, html):
        for chapter in [*(page.stem for page in PAGES)]:
            assert (html / "book" / f"{chapter}.html").exists()
        assert (html / "index.html").exists()

    def test_no_page_loads_anything_from_outside(self, pages):
        outside = {page.name: r for page, found in pages.items() for r in found.loaded if re.match(r"(https?:)?//", r)}
        assert outside == {}

    def test_everything_a_page_loads_is_in_the_build(self, pages):
        absent = [
            (page.name, resource)
            for page, found in pages.items()
            for resource in found.loaded
            if not resource.startswith("data:") and not (page.parent / resource.partition("?")[0]).exists()
        ]
        assert absent == []

    def test_every_link_within_the_book_leads_to_a_page_and_a_place_on_it(self, html, pages):
        known = {os.path.normpath(page): found.places for page, found in pages.items()}
        files = {os.path.normpath(path) for path in html.rglob("*") if path.is_file()}
        broken = []
        for page, found in pages.items():
            for link in found.links:
                address = urllib.parse.urlsplit(link)
                if address.scheme or link in {"", "#"}:
                    continue
                path = urllib.parse.unquote(address.path)
                target = os.path.normpath(page.parent / path if path else page)
                place = urllib.parse.unquote(address.fragment)
                if target not in files or (place and target in known and place not in known[target]):
                    broken.append((page.name, link))
        assert broken == []

    def test_the_readme_says_how_large_the_book_is(self, html):
        size = sum(path.stat().st_size for path in html.rglob("*") if path.is_file()) / 1e6
        said = int(re.search(r"book of (\d+) MB", (ROOT / "README.md").read_text(encoding="utf-8"))[1])
        assert 0.8 * said < size < said

    def test_no_style_sheet_loads_anything_from_outside(self, html):
        pattern = re.compile(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//")
        assert [css.name for css in html.rglob("*.css") if pattern.search(css.read_text(encoding="utf-8"))] == []

    def test_no_page_carries_the_address_of_a_script_service(self, pages):
        services = ("unpkg.com", "jsdelivr", "cdnjs", "googleapis.com", "mybinder")
        found = [(page.name, s) for page in pages for s in services if s in page.read_text(encoding="utf-8")]
        assert found == []

    def test_every_image_has_an_alternative_text_that_is_no_file_name(self, pages):
        poor = [
            (page.name, src, alt)
            for page, found in pages.items()
            for src, alt in found.alts
            if not alt or not alt.strip() or re.search(r"\.(svg|png|jpe?g|gif)$", alt)
        ]
        assert poor == []

    def test_notebook_and_chapter_open_the_notebook_of_the_release_in_colab(self, html, pages):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        owner = project["urls"]["Repository"].removeprefix("https://github.com/")
        url = f"https://colab.research.google.com/github/{owner}/blob/v{project['version']}/notebooks/ablation.ipynb"
        for page in ("notebooks/ablation.html", "book/ablation.html"):
            assert url in pages[html / page].links

    def test_the_footer_says_whether_the_locked_results_are_intact(self, html, problems):
        page = (html / "book" / "intro.html").read_text(encoding="utf-8")
        assert ("Documents unchanged since locking" in page) == (problems == [])

    def test_the_footer_says_how_many_cells_the_present_code_made(self, html):
        voices = ("embedded", "real", "recorded")
        made = [one.made for voice in voices for one in locked.locked(voice, problems=()) if one.made]
        page = (html / "book" / "intro.html").read_text(encoding="utf-8")
        present, cells = (
            int(n.replace(",", "")) for n in re.search(r"present code: ([\d,]+) of ([\d,]+) cells", page).groups()
        )
        assert (present, cells) == (sum(one["present_code"] for one in made), sum(one["cells"] for one in made))
        assert cells > 0

    def test_every_claim_is_summed_up_in_a_chapter(self, html):
        page = (html / "book" / "claims.html").read_text(encoding="utf-8")
        assert len(re.findall(r'data-chapter="[^"]+"', page)) == len(claims.entries())

    def test_formulas_are_drawn_by_a_script_of_the_build(self, html, pages):
        script = html / "_static" / "mathjax" / "tex-svg-full.js"
        assert script.stat().st_size > 1_000_000
        assert any("mathjax/tex-svg-full.js" in loaded for loaded in pages[html / "book" / "methods.html"].loaded)
