"""Claims about bringing notebook pairs together: no edit is lost, on whichever side it was made."""

import json
import os
import shutil

import nbformat
import pytest
from making import git

from mstask import paths
from mstask.errors import MstaskError
from mstask.lab import pairs

SCRIPT = """# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# A page

# %% tags=["setup"]
old

# %%
x = 1
"""


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """A committed pair: the script and the notebook."""
    for module in (pairs, paths):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(pairs, "BUILT", tmp_path / "_build")
    monkeypatch.setattr(pairs, "project", lambda: ("https://example.org/mstask", "v1"))
    script = tmp_path / "notebooks" / "page.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    (tmp_path / ".gitignore").write_text("_build\n")
    pairs.update()
    shutil.rmtree(pairs.BUILT / "replaced")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "both"]):
        git(tmp_path, *command)
    return script, script.with_suffix(".ipynb")


def edit(path, text="x = 2", before="x = 1"):
    path.write_text(path.read_text().replace(before, text))


def sources(path):
    return [cell.source for cell in pairs.read(path).cells]


def copies(pair):
    return list(pairs.BUILT.glob("replaced/*"))


def test_generated_cells_are_renewed_and_a_second_time_nothing_is_written(pair):
    assert all(sources(path)[1] == pairs.setup_source() for path in pair)
    assert pairs.update() == [] and not copies(pair)


def test_a_notebook_without_its_script_gets_one(pair):
    script = pair[0].read_text()
    pair[0].unlink()
    assert pairs.update() and pair[0].read_text() == script


@pytest.mark.parametrize("side", [0, 1], ids=["py", "ipynb"])
@pytest.mark.parametrize("known", ["synced", "git", "commit", "neither"])
def test_an_edit_reaches_the_other_side(pair, side, known):
    """Whether the last state is known from the last time, from git, from a later commit of the edit, or from time stamps."""
    if known != "synced":
        (pairs.BUILT / "pairs.json").unlink()
    edit(pair[side])
    if known == "commit":
        git(pairs.ROOT, "commit", "-qam", "one side", GIT_COMMITTER_DATE="2090-01-01T00:00:00Z")
    if known == "neither":
        (pairs.ROOT / ".git").rename(pairs.ROOT / "gone")
        os.utime(pair[1 - side], (1, 1))
    (line,) = pairs.update()
    assert line.startswith(f"notebooks/{pair[1 - side].name}: follows the {pair[side].suffix}")
    assert sources(pair[0])[-1] == sources(pair[1])[-1] == "x = 2"
    assert bool(copies(pair)) == (known == "neither")


def test_edits_without_a_commit_between_go_on_reaching_the_other_side(pair):
    edit(pair[0])
    pairs.update()
    edit(pair[1], "x = 3", "x = 2")
    pairs.update()
    edit(pair[0], "x = 4", "x = 3")
    pairs.update()
    assert sources(pair[0])[-1] == sources(pair[1])[-1] == "x = 4"


def test_edits_on_both_sides_are_refused_by_name_and_left(pair):
    edit(pair[0])
    edit(pair[1], "x = 3")
    before = [path.read_bytes() for path in pair]
    for _ in range(2):
        with pytest.raises(MstaskError, match=r"both the \.py and the \.ipynb of page in notebooks/ were edited"):
            pairs.update()
    assert [path.read_bytes() for path in pair] == before


def test_edits_that_were_committed_on_both_sides_are_both_in_git_so_the_later_one_counts(pair):
    for side, text in ((1, "x = 3"), (0, "x = 2")):
        edit(pair[side], text)
        git(pairs.ROOT, "commit", "-qam", text, GIT_COMMITTER_DATE=f"20{90 - side}-01-01T00:00:00Z")
    pairs.update()
    assert sources(pair[1])[-1] == "x = 2"


def test_outputs_counts_and_an_editors_metadata_are_stripped_and_a_copy_is_kept(pair):
    committed = pair[1].read_bytes()
    notebook = nbformat.read(pair[1], 4)
    notebook.cells[2] |= {"outputs": [nbformat.v4.new_output("stream", text="2\n")], "execution_count": 7}
    notebook.cells[2].metadata["collapsed"] = True
    notebook.metadata |= {"vscode": {}, "kernelspec": {"name": "elsewhere", "display_name": "Elsewhere", "language": "python"}}
    nbformat.write(notebook, pair[1])
    pairs.update()
    assert pair[1].read_bytes() == committed
    (copy,) = copies(pair)
    assert json.loads(copy.read_text())["cells"][2]["execution_count"] == 7


def test_an_edit_of_a_generated_cell_is_replaced_and_kept_as_a_copy(pair):
    edit(pair[1], "import pathlib", "import os")
    (line,) = pairs.update()
    assert "what it was: _build/replaced/page-" in line
    assert sources(pair[1])[1] == pairs.setup_source() and "pathlib" in copies(pair)[0].read_text()


def test_a_notebook_that_an_editor_has_broken_is_named(pair):
    pair[1].write_text("{")
    with pytest.raises(MstaskError, match=r"page\.ipynb can't be read as a notebook"):
        pairs.update()


@pytest.mark.parametrize("side", [0, 1], ids=["py", "ipynb"])
def test_a_byte_order_mark_is_no_edit_and_is_taken_off(pair, side):
    before = [path.read_bytes() for path in pair]
    pair[side].write_bytes(b"\xef\xbb\xbf" + before[side])
    pairs.update()
    assert [path.read_bytes() for path in pair] == before


def test_the_cell_that_papermill_has_put_in_stays_out_of_the_pair(pair):
    before = [path.read_bytes() for path in pair]
    notebook = nbformat.read(pair[1], as_version=4)
    given = nbformat.v4.new_code_cell("# Parameters\nx = 1", metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(2, given)
    nbformat.write(notebook, pair[1])
    pairs.update()
    assert [path.read_bytes() for path in pair] == before


@pytest.mark.parametrize(
    ("side", "content", "said"),
    [
        (0, b"# %%\nx = '\xff'\n", "isn't text in UTF-8"),
        (0, b"", "holds no cells"),
        (0, b"# %%\n<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other\n", "a conflict that git left open"),
        (1, b'{\n<<<<<<< HEAD\n "a": 1\n=======\n "a": 2\n>>>>>>> other\n}\n', "a conflict that git left open"),
        (1, b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}', "holds no cells"),
    ],
)
@pytest.mark.filterwarnings("ignore:Notebooks in nbformat")
def test_a_side_that_is_no_notebook_leaves_the_other_as_it_is(side, content, said, pair):
    pair[side].write_bytes(content)
    other = pair[1 - side].read_bytes()
    with pytest.raises(MstaskError, match=said):
        pairs.update()
    assert pair[side].read_bytes() == content and pair[1 - side].read_bytes() == other


def test_an_editor_that_drops_the_tags_of_a_sections_notebook_is_named(pair, monkeypatch):
    monkeypatch.setattr(pairs, "sections", lambda: {"page": None})
    notebook = nbformat.read(pair[1], as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)
    notebook.cells[-1].source = "x = 2"
    nbformat.write(notebook, pair[1])
    script = pair[0].read_bytes()
    with pytest.raises(MstaskError, match=r"page\.ipynb has no cell tagged parameters and none tagged setup"):
        pairs.update()
    assert pair[0].read_bytes() == script
