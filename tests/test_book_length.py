"""How much a reader has to read: the answer comes first, and what is long is folded. Alternative texts don't count."""

from __future__ import annotations

import re
from copy import copy

import pytest
from bs4 import BeautifulSoup
from reading import outside

FOLDED = "script, style, .visually-hidden, .headerlink, details > :not(summary), .dropdown > :not(.admonition-title)"
LIMIT = 2500


def words(text: str) -> int:
    return len([word for word in text.split() if re.search(r"\w", word)])


def count(article) -> int:
    """The words of a page as it first shows, folds closed."""
    return words(outside(article, FOLDED)[0])


def test_the_first_figure_ends_within_350_words(html, articles):
    found = copy(articles[html / "book" / "intro.html"])
    for hidden in found.select(FOLDED):
        hidden.decompose()
    figure = found.select_one("figure")
    before = [text for text in figure.find_all_previous(string=True) if found in text.parents]
    assert 50 < words(" ".join([*before, figure.get_text(" ")])) < 350


def test_the_five_minute_path_has_at_most_900_words(html, articles):
    assert 300 < sum(count(articles[html / "book" / f"{page}.html"]) for page in ("intro", "five_minutes")) <= 900


def test_no_page_is_longer_than_2500_words(articles):
    long = {page.stem: count(found) for page, found in articles.items() if page.stem != "references"}
    assert {name: n for name, n in long.items() if n > LIMIT} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("<p>Two words</p>", 2), ("<details><summary>source</summary><p>a b c</p></details>", 1), ("<img alt='a b'> − 0.5", 1)],
)
def test_what_is_folded_or_no_word_is_not_counted(text, expected):
    assert count(BeautifulSoup(f"<article class='bd-article'>{text}</article>", "html.parser")) == expected
