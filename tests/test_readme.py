"""The README's tables are those of the locked results."""

import re

import pytest

from mstask import claims
from mstask.errors import MstaskError
from mstask.lab import readme
from mstask.lab.cli import parser
from mstask.paths import ROOT


def test_the_computed_parts_are_up_to_date():
    text = readme.PATH.read_text(encoding="utf-8")
    assert readme.renewed(text) == text, "run python -m mstask readme"


def test_the_headline_has_a_row_with_two_verdicts_for_each_claim():
    rows = readme.headline().splitlines()[2:]
    embedded = {claim.id: claim for claim in claims.ledger("embedded", readme.HEADLINES)}
    assert len(rows) == len(readme.HEADLINES)
    for row, name in zip(rows, readme.HEADLINES, strict=True):
        text, _, verdict = [cell.strip() for cell in row.split("|")][1:4]
        assert text == embedded[name].text and verdict.endswith(embedded[name].verdict)


def test_every_command_is_named_there():
    """All but those that keep the repository itself in order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = text.partition("| command | does |")[2].partition("\n\n")[0].splitlines()[2:]
    told = {word for row in rows for word in re.findall(r"`(\w+)", row.split("|")[1])}
    usage = re.search(r"positional arguments:\s+COMMAND\n(.*)", parser().format_help(), re.DOTALL)[1]
    assert told | {"notebooks", "release", "readme"} == set(re.findall(r"^    (\w+)", usage.partition("\n\n")[0], re.MULTILINE))


def test_every_variable_that_is_read_is_named_in_the_book():
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "mstask").rglob("*.py"))
    read = set(re.findall(r'(?:named|environ\.get)\("(MSTASK_\w+|REDUCED|RESEARCH_ROOT|\w+_CACHE)"', code))
    read |= set(re.findall(r'"([A-Z0-9_]+_DATA)"', code))
    assert len(read) > 10 and read <= set(re.findall(r"`(\w+)(?:=1)?`", (ROOT / "book" / "run.md").read_text(encoding="utf-8")))


def test_a_readme_without_its_marks_is_an_error():
    with pytest.raises(MstaskError, match="has 0 parts between <!-- headline -->"):
        readme.renewed("# mstask")
