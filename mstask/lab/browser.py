"""A headless Chromium without a network, which prints the book as one PDF and tests it as its readers see it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mstask import paths
from mstask.errors import MstaskError

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, PdfMargins

NAMES = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "google-chrome-stable", "microsoft-edge")
ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
)
OPTIONS = ("--disable-quic", "--mute-audio", "--autoplay-policy=no-user-gesture-required", "--font-render-hinting=none")
ROOT_PAGE = "book/intro"
SCALE = 0.8
MARGIN: PdfMargins = {"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "14mm"}
FOOTER = (
    '<div style="width: 100%; font: 8px sans-serif; text-align: center; color: #555"><span class="pageNumber"></span></div>'
)
PATIENCE = 600_000
"""Milliseconds that a slow machine may take over a book of hundreds of pages."""


class NoBrowser(MstaskError):
    """There is no browser to use."""


def executable() -> Path:
    """Return the browser to use: `MSTASK_BROWSER`, or the first that is installed."""
    if named := paths.named("MSTASK_BROWSER"):
        if found := shutil.which(named):
            return Path(found)
        raise NoBrowser(f"MSTASK_BROWSER is {str(named)!r}, which is no program; expected the path of Chromium or Chrome")
    installed = [path for name in NAMES if (path := shutil.which(name))] + [path for path in ELSEWHERE if Path(path).is_file()]
    if not installed:
        raise NoBrowser(
            "no Chromium or Chrome was found: install one (Debian, Ubuntu: apt install chromium), or name it in MSTASK_BROWSER"
        )
    return Path(installed[0])


@contextmanager
def opened() -> Iterator[BrowserContext]:
    """Open the browser with an empty profile, cut off from the network; it is closed on leaving.

    Raises
    ------
    NoBrowser
        None is installed, or it doesn't start.
    """
    path = executable()
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise NoBrowser("playwright is not installed; requirements.txt lists it, for printing and testing the book") from None
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=path, args=list(OPTIONS), timeout=120_000)
        except Error as error:
            raise NoBrowser(f"{path} doesn't start: {error.message.partition(chr(10))[0]}") from None
        try:
            yield browser.new_context(offline=True, locale="en-GB")
        finally:
            browser.close()


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
    with opened() as context:
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
