"""What a reader reads of a page."""

from __future__ import annotations

from bs4 import BeautifulSoup, NavigableString, Tag


def outside(article: BeautifulSoup, apart: str) -> tuple[str, list[Tag]]:
    """Return the text of a page and its pictures with a description, both outside of what a selector names."""
    left_out = {id(part) for part in article.select(apart)}

    def inside(part) -> bool:
        return id(part) in left_out or any(id(parent) in left_out for parent in part.parents)

    strings = [one for one in article.find_all(string=True) if type(one) is NavigableString and not inside(one)]
    return " ".join(strings), [image for image in article.select("img[alt]") if not inside(image)]
