"""The page of a notebook shows what came out when the reader executed it, without what a moment or a machine adds."""

import nbformat
import pytest
from bs4 import BeautifulSoup
from making import sphinx
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CODE = "score = 0.5\nprint(score)"


def notebook(code=CODE, outputs=(), **parameters):
    cells = [
        new_markdown_cell("# A run\n\nWhat it is.", id="a"),
        new_markdown_cell("## The grid", id="b"),
        new_code_cell(code, id="c", outputs=list(outputs)),
    ]
    if parameters:
        cells.insert(2, new_code_cell("seeds = [1]", id="p", metadata={"tags": ["injected-parameters"]}))
    made = new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    made.metadata |= (
        {"papermill": {"end_time": "2026-01-01", "exception": None, "parameters": parameters}} if parameters else {}
    )
    return made


def printed(*lines):
    return [new_output("stream", name="stdout", text=line) for line in lines]


class Book:
    """A book of one notebook."""

    def __init__(self, folder):
        self.source, self.html = folder / "source", folder / "_build" / "html"
        self.executed = folder / "_build" / "executed" / "ran"
        (self.source / "notebooks").mkdir(parents=True)
        (self.source / "index.md").write_text("# Book\n\n```{toctree}\nnotebooks/ran\n```\n")
        nbformat.write(notebook(), self.source / "notebooks" / "ran.ipynb")

    def execute(self, name, made, run="quick-embedded"):
        (self.executed / run).mkdir(parents=True, exist_ok=True)
        nbformat.write(made, self.executed / run / f"{name}.ipynb")

    def build(self):
        settings = {"extensions": ["myst_nb", "mstask_book"], "html_theme": "basic", "nb_execution_mode": "off"}
        settings["myst_enable_extensions"] = ["colon_fence"]
        settings["source_suffix"] = {
            ".rst": "restructuredtext"
        }  # else an extension adds its own to the defaults of later builds
        assert not sphinx(self.source, self.html, settings)
        return BeautifulSoup((self.html / "notebooks" / "ran.html").read_text(), "html.parser").select_one("div.body")


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)


def outputs(page):
    return [part.get_text().strip() for part in page.select(".cell_output")]


def test_without_an_execution_the_code_stands_alone_and_the_page_says_how_to_run_it(book):
    page = book.build()
    assert outputs(page) == []
    assert "make book" in page.get_text()


def test_the_execution_that_covers_most_of_the_grid_is_shown_and_a_later_one_makes_the_page_new(book):
    book.execute("part", notebook(outputs=printed("0.1\n"), profile="quick", data_source="embedded", methods=["a"], seeds=[1]))
    assert outputs(book.build()) == ["0.1"]
    more = notebook(outputs=printed("0.2\n"), profile="quick", data_source="embedded", methods=["D0_stft", "b"], seeds=[1, 2])
    book.execute("more", more)
    page = book.build()
    assert outputs(page) == ["0.2"]
    assert "methods all STFT-IF, b; seeds 1, 2" in page.get_text()
    book.execute(
        "all",
        notebook(outputs=printed("0.3\n"), profile="paper", data_source="embedded", methods=["a"], seeds=[1]),
        "paper-embedded",
    )
    assert outputs(book.build()) == ["0.3"]


@pytest.mark.parametrize("wrong", ["edited", "failed", "damaged", "smoke"])
def test_what_is_no_finished_execution_of_this_text_is_not_shown(book, wrong):
    made = notebook(CODE + " " if wrong == "edited" else CODE, printed("0.1\n"), methods=["a"])
    made.metadata.papermill["exception"] = wrong == "failed"
    book.execute("part", made, "smoke-embedded" if wrong == "smoke" else "quick-embedded")
    if wrong == "damaged":
        path = book.executed / "quick-embedded" / "part.ipynb"
        path.write_text(path.read_text()[:-100])
    assert outputs(book.build()) == []


def test_a_page_leaves_out_clocks_addresses_and_progress_and_describes_every_picture(book):
    def data(kind, **forms):
        return new_output(kind, {name.replace("_", "/"): value for name, value in forms.items()})

    made = [
        *printed("compiling kernels, each once\n", "D: 0.5\n"),
        *printed("D: 0.6\n"),
        new_output("stream", name="stderr", text="a warning\n"),
        data("display_data", text_plain="cell 3 of 3, 13 s"),
        data("execute_result", text_plain="<Legend at 0x7ff5208bd550>"),
        data("display_data", image_png=PIXEL, text_plain="<Plot size 460x260>"),
        data("execute_result", text_html="<b>best</b>", text_plain="best"),
        data("execute_result", text_html="<style></style>", text_latex=r"\begin{Verbatim}", text_plain="def f(): pass"),
    ]
    book.execute("all", notebook(outputs=made, methods=["a"]))
    page = book.build()
    assert page.select_one(".cell_output pre").get_text() == "D: 0.5\nD: 0.6\n"
    text = page.get_text()
    assert not any(mark in text for mark in ("compiling", "warning", "13 s", "0x", "Plot size"))
    assert page.select_one(".cell_output b").get_text() == "best"
    assert page.select_one(".cell_output .highlight-python").get_text().strip() == "def f(): pass"
    assert not page.select("style")
    assert page.select_one(".cell_output img")["alt"] == "What the code above draws, in the part “The grid”"
