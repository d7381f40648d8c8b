"""The built book as a reader sees it: every page opened from the disk in a headless browser that has no network.

Each page is visited once, on a desk and on a telephone, in light and in dark; the tests ask what was found there. Without a
browser they are skipped, and the reason says what to install.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from conftest import made_once

DESK, TELEPHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOCAL = ("file:", "data:", "blob:")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = {"runOnly": ["color-contrast"]}
ONE_OF_EACH = "axe.configure({rules: [{id: 'color-contrast', selector: '*:not([data-alike])'}]})"
"""Lets axe judge the contrast of one of the texts that `ALIKE` has found to look alike."""
AXE = f"{AXE_SCRIPT}\n{ONE_OF_EACH}"
"""What a tab runs at the beginning of each page; it is sent to the browser once."""

FOREIGN = {
    ("region", "logo"): "sphinx-book-theme puts the sidebar's logo outside of every landmark",
    ("aria-allowed-role", "doc-biblioentry"): "docutils gives entries of a bibliography a role that is no longer advised",
    ("aria-deprecated-role", "doc-biblioentry"): "the same",
    ("aria-required-children", "citation-list"): "docutils gives the bibliography the role of a list, its entries another",
}
"""What the theme and docutils do and this book can't change: rule, a part of the element, reason."""

FORMULAS = "window.MathJax?.startup?.promise.then(() => true)"
PICTURES = "[...document.images].map(i => ({source: i.src, alt: i.alt, drawn: i.complete && i.naturalWidth > 0}))"
SIDEWAYS = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1);
  return [`${document.documentElement.scrollWidth} px`, ...wide.slice(0, 5).map(e => `${e.tagName}.${e.className}`)];
}"""
TELEPHONE_PAGE = """() => {
  const shown = element => element.checkVisibility() && element.getBoundingClientRect();
  const tables = [...document.querySelectorAll(".mstask-table table")].filter(table => shown(table));
  const hidden = tables.flatMap(table => [...table.querySelectorAll("td")].filter(cell => {
    const box = cell.getBoundingClientRect();
    return !box.width || box.right > innerWidth + 1 || cell.scrollWidth > cell.clientWidth + 1;
  }));
  return {
    hidden: hidden.map(cell => `${cell.closest("table").id} ${cell.innerText.slice(0, 40)}`),
    pictures: [...document.querySelectorAll(".mstask-figure img")].filter(shown).map(picture => {
      const style = getComputedStyle(picture), sides = ["paddingLeft", "paddingRight", "borderLeftWidth", "borderRightWidth"];
      return picture.getBoundingClientRect().width - sides.reduce((sum, side) => sum + parseFloat(style[side]), 0);
    }),
  };
}"""
TABLES = """() => [...document.querySelectorAll(".mstask-table")].map(e => {
  const table = e.querySelector("table");
  const rows = table ? [...table.rows].map(row => row.cells.length) : [];
  return {caption: table?.caption?.textContent ?? "", heads: table?.tHead?.querySelectorAll("th").length ?? 0,
          even: new Set(rows).size === 1, rows: rows.length};
})"""
CONTROLS = """() => {
  const asked = "a[href], button, input, select, textarea, summary, audio[controls], [role=button], [onclick], [tabindex]";
  window.controls = [...document.querySelectorAll(asked)].filter(e =>
    e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !e.disabled && !e.closest("[inert]"));
  return window.controls.map(e => {
    e.focus({preventScroll: true});
    return {name: `${e.tagName}.${e.className}`, order: e.tabIndex, focused: document.activeElement === e};
  });
}"""
RECORDINGS = """() => Promise.all([...document.querySelectorAll("audio")].map(audio => new Promise(done => {
  const say = state => done({name: audio.getAttribute("aria-label"), state, seconds: audio.duration});
  audio.addEventListener("loadedmetadata", () => say("loaded"));
  audio.addEventListener("error", () => say(`error ${audio.error?.message}`));
  audio.preload = "metadata";
  audio.load();
})))"""
WATCH_FOCUS = """() => {
  document.activeElement?.blur();
  window.reached = new Set();
  document.addEventListener("focusin", event => window.reached.add(event.target));
}"""
AT_REST = """() => {
  document.activeElement?.blur();
  return !document.querySelector(".tooltip");
}"""
"""Nothing has the focus, and what the theme had shown beside the control that had it is gone."""
ALIKE = """() => {
  const properties = ["color", "backgroundColor", "backgroundImage", "opacity", "position", "fontSize", "fontWeight",
    "textShadow", "filter", "mixBlendMode"];
  const looks = new Map(), seen = new Set();
  const look = element => {
    if (element && !looks.has(element)) {
      const style = getComputedStyle(element);
      const own = [element.tagName, element.getAttribute("class"), ...properties.map(property => style[property])];
      looks.set(element, `${look(element.parentElement)} > ${own.join()}`);
    }
    return looks.get(element);
  };
  for (const element of document.body.querySelectorAll("*")) {
    const single = !element.firstElementChild && !element.matches(":disabled") &&
      element.checkVisibility({visibilityProperty: true, opacityProperty: true});
    element.toggleAttribute("data-alike", single && seen.has(look(element)));
    if (single) seen.add(look(element));
  }
}"""
"""Marks the elements that have the look of an earlier one, as has all that each of the two stands in: their contrast is one."""
NOT_REACHED = """() => window.controls.filter(e => e.tabIndex >= 0 && !window.reached.has(e))
  .map(e => `${e.tagName}.${e.className} ${e.innerText.slice(0, 40)}`)"""


@dataclass
class Visit:
    """What was found on one page."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)
    recordings: list[dict[str, Any]] = field(default_factory=list)
    sideways: dict[str, list[str]] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    barriers: list[str] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    height: int = 0


@pytest.fixture(scope="module")
def visits(context, html, tmp_path_factory):
    """Every page of the book by its address in the build, visited once by whichever test worker asks first."""

    def visit_all(_):
        pages = [page for page in sorted(html.rglob("*.html")) if "_static" not in page.parts and page != html / "index.html"]
        tab = context.new_page()
        tab.add_init_script(AXE)
        tab.emulate_media(reduced_motion="reduce")
        found = {page.relative_to(html).as_posix(): asdict(visited(tab, page)) for page in pages}
        tab.close()
        return json.dumps(found)

    found = json.loads(made_once(tmp_path_factory, "visits.json", visit_all).read_text("utf-8"))
    return {address: Visit(**visit) for address, visit in found.items()}


def given_up(request) -> bool:
    """Whether the browser itself stopped reading a recording, as it does when it knows enough; that it plays is asked apart."""
    return request.resource_type == "media" and request.failure == "net::ERR_ABORTED"


def visited(tab, page: Path) -> Visit:
    """Open a page and look at it in every way."""
    visit = Visit()
    listeners = {
        "request": lambda request: visit.requests.append(request.url),
        "requestfailed": lambda request: None if given_up(request) else visit.errors.append(f"not loaded: {request.url}"),
        "pageerror": lambda error: visit.errors.append(str(error)),
        "console": lambda message: visit.errors.append(message.text) if message.type == "error" else None,
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    tab.set_viewport_size(DESK)
    tab.emulate_media(color_scheme="light")
    tab.goto(page.as_uri())
    tab.evaluate(FORMULAS)
    visit.pictures, visit.tables, visit.controls = (tab.evaluate(asked) for asked in (PICTURES, TABLES, CONTROLS))
    tab.wait_for_function(AT_REST)
    visit.recordings = tab.evaluate(RECORDINGS)
    visit.sideways["desk"] = tab.evaluate(SIDEWAYS)
    visit.height = tab.evaluate("document.documentElement.scrollHeight")
    visit.barriers = barriers(tab, {"runOnly": RULES})
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    visit.colours = barriers(tab, CONTRAST)
    tab.set_viewport_size(TELEPHONE)
    visit.sideways["telephone"] = tab.evaluate(SIDEWAYS)
    found = tab.evaluate(TELEPHONE_PAGE)
    visit.hidden, visit.widths = found["hidden"], found["pictures"]
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    return visit


def barriers(tab, options, marks=ALIKE) -> list[str]:
    """Return what axe finds, but for what others do; of texts that look alike it judges the contrast of the first."""
    tab.evaluate(marks)
    response = tab.evaluate("o => axe.run(':root', o)", options | {"resultTypes": ["violations"], "preload": False})
    return [
        f"{violation['id']}: {node['target'][0]} {node['html'][:120]}"
        for violation in response["violations"]
        for node in violation["nodes"]
        if not any(violation["id"] == rule and part in str(node["html"]) for rule, part in FOREIGN)
    ]


def test_texts_that_look_alike_are_judged_by_one_of_them_and_no_other_is_left_out(context):
    tab = context.new_page()
    tab.add_init_script(AXE)
    tab.goto("about:blank")
    style = "td { color: black; background: white } .faint { color: silver } .dark { background: #444 }"
    cells = {"good": "", "faint": "faint", "dark": "dark", "gone": "faint new' hidden='", "late": "faint new"}
    row = "".join(f"<td class='{kind}'>{text}</td>" for text, kind in cells.items())
    tab.set_content(f"<style>{style}</style><table>{5 * f'<tr>{row}</tr>'}</table>")
    every, found = (
        [re.search(r">(\w+)</td>", text)[1] for text in told]
        for told in (barriers(tab, CONTRAST, "0"), barriers(tab, CONTRAST))
    )
    assert (sorted(every), sorted(found)) == (sorted(5 * ["faint", "dark", "late"]), ["dark", "faint", "late"])
    tab.close()


def across(visits, asked) -> dict[str, list]:
    """Return what is found by page, pages without any left out."""
    return {name: found for name, visit in visits.items() if (found := asked(visit))}


class TestEveryPage:
    def test_asks_nothing_of_the_network(self, visits):
        assert across(visits, lambda visit: [url for url in visit.requests if not url.startswith(LOCAL)]) == {}

    def test_loads_whole_and_without_an_error(self, visits):
        assert across(visits, lambda visit: visit.errors) == {}

    def test_shows_and_describes_every_picture(self, visits):
        def poor(picture):
            file = picture["source"].rpartition("/")[2]
            return not picture["drawn"] or not picture["alt"].strip() or picture["alt"].strip() == file

        assert across(visits, lambda visit: [picture for picture in visit.pictures if poor(picture)]) == {}

    def test_has_tables_with_a_caption_a_head_and_even_rows(self, visits):
        def poor(table):
            return not (table["caption"].strip() and table["heads"] and table["even"] and table["rows"] > 1)

        assert sum(len(visit.tables) for visit in visits.values()) > 10
        assert across(visits, lambda visit: [table for table in visit.tables if poor(table)]) == {}

    @pytest.mark.parametrize("screen", ["desk", "telephone"])
    def test_never_scrolls_sideways(self, visits, screen):
        assert across(visits, lambda visit: visit.sideways[screen]) == {}

    def test_shows_every_cell_of_a_table_on_a_telephone(self, visits):
        assert across(visits, lambda visit: visit.hidden) == {}

    def test_shows_figures_on_a_telephone_as_wide_as_their_text_needs(self, visits):
        """`tests/test_drawn.py` has the height that text has at this width."""
        widths = [width for visit in visits.values() for width in visit.widths]
        assert widths and min(widths) >= 358

    def test_is_no_higher_than_12000_pixels(self, visits):
        assert {
            name: visit.height for name, visit in visits.items() if visit.height > 12_000 and "references" not in name
        } == {}

    def test_lets_the_keyboard_reach_every_control(self, visits):
        def poor(control):
            return not control["focused"] or control["order"] > 0

        assert across(visits, lambda visit: [control for control in visit.controls if poor(control)]) == {}

    def test_has_no_barrier_that_axe_can_find(self, visits):
        assert across(visits, lambda visit: visit.barriers) == {}

    def test_can_be_read_in_the_dark(self, visits):
        assert across(visits, lambda visit: visit.colours) == {}

    def test_has_recordings_that_can_be_played(self, visits):
        recordings = [recording for visit in visits.values() for recording in visit.recordings]
        assert recordings
        assert [one for one in recordings if one["state"] != "loaded" or not one["seconds"] or not one["name"]] == []


@pytest.fixture
def tab(context, html):
    tab = context.new_page()
    tab.set_viewport_size(DESK)
    yield tab
    tab.close()


def opened(tab, page: Path):
    tab.goto(page.as_uri())
    return tab


class TestReading:
    def test_the_front_page_leads_into_the_book(self, tab, html):
        opened(tab, html / "index.html").wait_for_url("**/book/intro.html")

    def test_formulas_are_drawn(self, tab, html):
        opened(tab, html / "book" / "methods.html").evaluate(FORMULAS)
        assert tab.locator("mjx-container svg").count() > 10
        assert tab.locator("mjx-merror, [data-mjx-error]").count() == 0

    def test_a_recording_plays(self, tab, html):
        opened(tab, html / "book" / "speech.html")
        heard = tab.locator("audio").first
        heard.evaluate("audio => audio.play()")
        tab.wait_for_function("document.querySelector('audio').currentTime > 0.05")

    def test_the_page_follows_the_systems_colours(self, tab, html):
        shown = {}
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            opened(tab, html / "book" / "intro.html")
            shown[scheme] = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        light, dark = (sum(map(int, shown[scheme].strip("rgba()").split(",")[:3])) for scheme in ("light", "dark"))
        assert light > 600 and dark < 200

    @pytest.mark.parametrize("screen", [DESK, TELEPHONE])
    def test_numbers_tell_where_they_come_from(self, tab, html, screen):
        tab.set_viewport_size(screen)
        number = opened(tab, html / "book" / "intro.html").locator(".result").first
        assert re.fullmatch(r"(results|claims ledger|mstask/).+: .+ = .+", number.get_attribute("aria-description"))
        shown = "e => getComputedStyle(e, '::after').content"
        assert number.evaluate(shown) == "none"
        number.focus()
        assert number.get_attribute("aria-description") in number.evaluate(shown).replace("\\", "")
        assert tab.evaluate(SIDEWAYS) == []


class TestTheLedger:
    """Of one page, which each test leaves whole and in its own order."""

    @pytest.fixture(scope="class")
    @classmethod
    def ledger(cls, context, html):
        tab = context.new_page()
        tab.set_viewport_size(DESK)
        yield opened(tab, html / "book" / "claims.html")
        tab.close()

    def test_is_filtered_by_what_the_claims_say_and_whole_again(self, ledger):
        every, shown = ledger.locator("div.claim"), ledger.locator("div.claim:visible")
        assert shown.count() == every.count() > 30
        ledger.get_by_label("voice").first.select_option("embedded")
        ledger.locator("label:has-text('verdict') select").first.select_option("contradicted")
        found = shown.evaluate_all("claims => claims.map(claim => claim.dataset.embedded)")
        assert 0 < len(found) < every.count() and set(found) == {"contradicted"}
        ledger.get_by_role("button", name="Show all").press("Enter")
        assert shown.count() == every.count()

    def test_is_sorted_by_paper_chapter_and_the_verdicts_of_a_voice(self, ledger):
        told = "(claims, name) => claims.map(claim => claim.dataset[name])"
        every, before = ledger.locator("div.claim"), ledger.locator("div.claim").evaluate_all(told, "paper")
        for name in ("paper", "chapter", "embedded"):
            ledger.get_by_label("sorted by").select_option(name)
            found = every.evaluate_all(told, name)
            runs = [value for at, value in enumerate(found) if at == 0 or value != found[at - 1]]
            assert len(runs) == len(set(found)) > 2
        ledger.get_by_role("button", name="Show all").press("Enter")
        assert every.evaluate_all(told, "paper") == before

    def test_unfolds_its_evidence_by_keyboard(self, ledger):
        evidence = ledger.locator("div.claim details").first
        assert not evidence.locator("p").first.is_visible()
        evidence.locator("summary").press("Enter")
        assert evidence.locator("p").first.is_visible()


class TestSearching:
    def test_a_word_is_found(self, tab, html):
        opened(tab, html / "search.html").goto((html / "search.html").as_uri() + "?q=Doppler")
        tab.wait_for_selector("#search-results li a")
        assert tab.locator("#search-results li a").count() > 3

    def test_the_keyboard_is_enough(self, tab, html):
        opened(tab, html / "book" / "intro.html").keyboard.press("Control+k")
        tab.keyboard.type("speakers")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#search-results li a")
        assert tab.url.partition("?")[0] == (html / "search.html").as_uri()


@pytest.mark.parametrize("page", ["book/intro", "book/zoo", "book/speech", "book/claims", "book/status", "notebooks/ablation"])
def test_tabbing_through_a_page_comes_by_every_control(tab, html, page):
    controls = len(opened(tab, html / f"{page}.html").evaluate(CONTROLS))
    tab.evaluate(WATCH_FOCUS)
    for presses in range(2 * controls):  # a recording's player has several stops
        if presses >= controls and presses % 10 == 0 and not tab.evaluate(NOT_REACHED):
            break
        tab.keyboard.press("Tab")
    assert tab.evaluate(NOT_REACHED) == []
