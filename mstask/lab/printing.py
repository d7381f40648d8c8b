"""The book as one PDF: Sphinx joins all pages into one, a headless browser prints it."""

from __future__ import annotations

from pathlib import Path

from mstask.errors import MstaskError
from mstask.lab import browser

ROOT_PAGE = "book/intro"
SCALE = 0.8
MARGIN = {"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "14mm"}
FOOTER = (
    '<div style="width: 100%; font: 8px sans-serif; text-align: center; color: #555"><span class="pageNumber"></span></div>'
)
PATIENCE = 600_000
"""Milliseconds that a slow machine may take over a book of hundreds of pages."""


def joined(folder: Path) -> Path:
    """Return the single page that Sphinx made in `folder`, with addresses that hold.

    Sphinx writes it into the folder of the first page, but its addresses count from the top, and its links to places of its
    own name a file.
    """
    page = folder / f"{ROOT_PAGE}.html"
    try:
        text = page.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MstaskError(f"{page} does not exist; expected the book as a single page") from None
    whole = folder / "book.html"
    whole.write_text(text.replace(f'href="{ROOT_PAGE}.html#', 'href="#'), encoding="utf-8")
    return whole


def print_pdf(page: Path, target: Path) -> None:
    """Print a page with its formulas drawn, headings as outline, and page numbers."""
    with browser.opened() as context:
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE)
        tab.emulate_media(media="print", color_scheme="light")
        tab.goto(page.resolve().as_uri())
        tab.evaluate("window.MathJax?.startup?.promise.then(() => true)")
        tab.evaluate("document.fonts.ready.then(() => true)")
        target.parent.mkdir(parents=True, exist_ok=True)
        tab.pdf(
            path=target,
            format="A4",
            scale=SCALE,
            margin=MARGIN,
            print_background=True,
            tagged=True,
            outline=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
        )
