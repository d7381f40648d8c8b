"""The README's tables are those of the locked results."""

import pytest

from mstask import claims
from mstask.errors import MstaskError
from mstask.lab import readme


def test_the_computed_parts_are_up_to_date():
    text = readme.PATH.read_text(encoding="utf-8")
    assert readme.renewed(text) == text, "run python -m mstask readme"


def test_the_headline_has_a_row_with_two_verdicts_for_each_claim():
    rows = readme.headline().splitlines()[2:]
    embedded = {claim.id: claim for claim in claims.ledger("embedded")}
    assert len(rows) == len(readme.HEADLINES)
    for row, name in zip(rows, readme.HEADLINES, strict=True):
        text, _, verdict = [cell.strip() for cell in row.split("|")][1:4]
        assert text == embedded[name].text and verdict.endswith(embedded[name].verdict)


def test_a_readme_without_its_marks_is_an_error():
    with pytest.raises(MstaskError, match="has 0 parts between <!-- headline -->"):
        readme.renewed("# mstask")
