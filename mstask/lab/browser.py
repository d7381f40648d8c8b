"""A headless Chromium without a network, which prints the book and tests it as its readers see it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mstask import paths
from mstask.errors import MstaskError

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

NAMES = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "google-chrome-stable", "microsoft-edge")
ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
)
OPTIONS = ("--disable-quic", "--mute-audio", "--autoplay-policy=no-user-gesture-required", "--font-render-hinting=none")


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
