"""The book on paper: one page from many, printed by a browser, which is named when there is none."""

from __future__ import annotations

import re

import pytest

from mstask.errors import MstaskError
from mstask.lab import browser
from mstask.lab.cli import main

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Small book</title></head><body>
<h1 id="one">One</h1><p><a href="book/intro.html#two">on</a> <a href="#one">here</a></p>
<h1 id="two" style="break-before: page">Two</h1><p>The end.</p></body></html>"""


@pytest.fixture
def single(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "intro.html").write_text(PAGE)
    return tmp_path


def test_links_of_the_joined_page_stay_on_it(single):
    text = browser.joined(single).read_text()
    assert re.findall(r'href="([^"]*)"', text) == ["#two", "#one"]
    assert browser.joined(single).parent == single


def test_a_missing_page_is_named(tmp_path):
    with pytest.raises(MstaskError, match=r"intro\.html does not exist"):
        browser.joined(tmp_path)


def test_a_page_is_printed_with_its_outline_and_tags(single):
    try:
        browser.executable()
    except browser.NoBrowser as reason:
        pytest.skip(str(reason))
    browser.print_pdf(browser.joined(single), single / "new" / "book.pdf")
    content = (single / "new" / "book.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") == 2
    assert b"/Outlines" in content and b"/StructTreeRoot" in content


def test_without_a_browser_nothing_is_built_and_the_advice_is_to_install_one(monkeypatch, capsys):
    monkeypatch.delenv("MSTASK_BROWSER", raising=False)
    monkeypatch.setattr(browser.shutil, "which", lambda name: None)
    monkeypatch.setattr(browser, "ELSEWHERE", ())
    assert main(["book", "--pdf"]) == 1
    assert "apt install chromium" in capsys.readouterr().err


def test_a_browser_that_is_none_is_named(monkeypatch):
    monkeypatch.setenv("MSTASK_BROWSER", "/nowhere/chromium")
    with pytest.raises(browser.NoBrowser, match="MSTASK_BROWSER is '/nowhere/chromium'"):
        browser.executable()
