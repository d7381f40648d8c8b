"""How much a reader has to read: the answer comes first, and what is long is folded. Alternative texts don't count."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup

FOLDED = "script, style, .visually-hidden, .headerlink, details > :not(summary), .dropdown > :not(.admonition-title)"
LIMIT = 2500


def article(page):
    """The text of a page as it first shows, folds closed."""
    found = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select_one("article.bd-article")
    for hidden in found.select(FOLDED):
        hidden.decompose()
    return found


def words(text: str) -> int:
    return len([word for word in text.split() if re.search(r"\w", word)])


def count(page) -> int:
    return words(article(page).get_text(" "))


def test_the_first_figure_ends_within_350_words(html):
    found = article(html / "book" / "intro.html")
    figure = found.select_one("figure")
    before = [text for text in figure.find_all_previous(string=True) if found in text.parents]
    assert 50 < words(" ".join([*before, figure.get_text(" ")])) < 350


def test_the_five_minute_path_has_at_most_900_words(html):
    assert 300 < sum(count(html / "book" / f"{page}.html") for page in ("intro", "five_minutes")) <= 900


def test_no_page_is_longer_than_2500_words(html):
    pages = [page for folder in ("book", "notebooks") for page in sorted((html / folder).glob("*.html"))]
    assert len(pages) > 30
    long = {page.stem: count(page) for page in pages if page.stem != "references"}
    assert {name: n for name, n in long.items() if n > LIMIT} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("<p>Two words</p>", 2), ("<details><summary>source</summary><p>a b c</p></details>", 1), ("<img alt='a b'> − 0.5", 1)],
)
def test_what_is_folded_or_no_word_is_not_counted(tmp_path, text, expected):
    page = tmp_path / "page.html"
    page.write_text(f"<article class='bd-article'>{text}</article>", encoding="utf-8")
    assert count(page) == expected
