"""What stands around the pages: repository address, launch buttons, lock state in the footer, local scripts."""

from __future__ import annotations

import html
import importlib.util
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from mstask.errors import MstaskError
from mstask.lab import locked, pairs
from mstask.results import locks
from mstask.section import section

from .elements import card, pictured
from .provenance import revisions

log = logging.getLogger(__name__)
MATHJAX = "tex-svg-full.js"
FOLD = "Notebooks of this chapter"


def configure_theme(app: Sphinx, config: Config) -> None:
    """Derive the theme's repository, launch and footer options; they are part of the build's fingerprint."""
    config.myst_substitutions = {**config.myst_substitutions, "repository": pairs.project()[0]}
    if config.html_theme != "sphinx_book_theme":
        return
    repository, tag = pairs.project()
    config.html_theme_options |= {
        "repository_url": repository,
        "repository_branch": tag,
        "path_to_docs": "",
        "launch_buttons": {"colab_url": pairs.COLAB},
        "use_repository_button": True,
        "use_issues_button": True,
        "extra_footer": lock_state(app.mstask_sources.problems),
    }


def lock_state(problems: Sequence[str]) -> str:
    """Return the footer: whether the locked results are intact, how many there are, and which code made them."""
    if problems:
        listed = "".join(f"<li>{html.escape(problem)}</li>" for problem in problems)
        return f'<div class="lock-state lock-broken"><strong>Locked results: broken.</strong><ul>{listed}</ul></div>'
    entries = locks.kept_entries().values()
    published = sum(entry["source"] == "published" for entry in entries)
    own = [entry for entry in entries if entry["source"] != "published"]
    made = revisions(own)
    text = f"Documents unchanged since locking: {published} published, {len(own)} of this project"
    text += f" (revision {html.escape(made[0])})" if len(made) == 1 else f" ({len(made)} revisions)" if made else ""
    return f'<div class="lock-state">✓ {text}. {cells_by_present_code(problems)}</div>'


def cells_by_present_code(problems: Sequence[str]) -> str:
    """Say how many of the locked cells the present code made, as `mstask.lab.status` finds it."""
    voices = {name.partition("/")[0] for name in locks.kept_entries()} - {"published"}
    made = [one.made for voice in sorted(voices) for one in locked.locked(voice, problems) if one.made]
    total = {key: sum(one[key] for one in made) for key in ("cells", "present_code", "earlier_scheme", "unknown_code")}
    untold = total["earlier_scheme"] + total["unknown_code"]
    said = f"Made by the present code: {total['present_code']:,} of {total['cells']:,} cells"
    rest = f", {untold:,} by code that was not recorded or can't be compared" if untold else ""
    return f"{said}{rest}." if made else ""


def add_notebook_button(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Give a chapter whose front matter says `notebook: ...` the launch button of that notebook."""
    notebook = (context.get("meta") or {}).get("notebook")
    if not notebook:
        return
    if notebook not in app.env.found_docs:
        log.warning("%s is no notebook of this book (front matter, notebook)", notebook, location=pagename, type="mstask")
    if "header_buttons" not in context:
        return
    button = {
        "type": "link",
        "text": "Colab",
        "icon": "_static/images/logo_colab.png",
        "tooltip": "Open this chapter's notebook in Colab",
        "url": pairs.colab_url(notebook),
    }
    group = {
        "type": "group",
        "label": "launch-buttons",
        "icon": "fas fa-rocket",
        "tooltip": "Run this chapter's notebook",
        "buttons": [button],
    }
    context["header_buttons"].append(group)


def drop_repeated_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Drop the scripts of a live-code service this book doesn't use, and inline scripts that come twice."""
    kept, seen = [], set()
    for script in context.get("script_files", []):
        attributes = getattr(script, "attributes", {})
        body = attributes.get("body") or ""
        if "thebe" in (body + str(getattr(script, "filename", script))).casefold() or (body and body in seen):
            continue
        seen.add(body)
        kept.append(script)
    context["script_files"] = kept


def tell_sidebar(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Tell in the sidebar which section of the paper a chapter follows (front matter, `follows`), and what its folds unfold."""
    made = context.get("generate_toctree_html")
    if made is None:
        return
    chapters = {page: section(told["follows"]).number for page, told in app.env.metadata.items() if "follows" in told}

    def told(kind: str, *arguments: Any, **options: Any) -> Any:
        found = made(kind, *arguments, **options)
        if kind != "sidebar":
            return found
        text = str(found).replace("<summary>", f'<summary aria-label="{FOLD}">')
        for page, number in chapters.items():
            here = re.escape(app.builder.get_relative_uri(pagename, page) or "#")
            follows = f'<span class="mstask-follows" title="Section {number} of the paper">§ {number}</span>'
            text = re.sub(f'(<a [^>]*href="{here}"[^>]*>[^<]*)(</a>)', rf"\1 {follows}\2", text, count=1)
        return text

    context["generate_toctree_html"] = told


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Give a page with claims their filter, and one with figures that answer the pointer the script by which they do."""
    for element, script in ((card, "ledger.js"), (pictured, "figures.js")):
        if doctree is not None and next(doctree.findall(element), None) is not None:
            app.add_js_file(script)


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Serve the formulas' script from the build, so that no page needs the network."""
    if exception or app.builder.format != "html":
        return
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise MstaskError("sphinx-mathjax-offline is not installed; requirements.txt lists it, for formulas offline")
    source = Path(package.origin).parent / "static" / "mathjax" / MATHJAX
    target = Path(app.outdir) / "_static" / "mathjax" / MATHJAX
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


UNUSED = ("*.map", "fa-*.ttf", "booktheme.*")
"""Of the theme's files those that no page needs: maps from compiled to written code, icons for browsers that know no woff2, and
translations, which are used when a book is built."""


def drop_unused(app: Sphinx, exception: Exception | None) -> None:
    """Leave out megabytes that no reader's browser asks for."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for name in UNUSED:
        for path in static.rglob(name):
            path.unlink()
    drawing = static / "scripts" / "fontawesome.js"
    if drawing.exists():  # every page asks for it, but its megabyte would only redraw what the web fonts show
        drawing.write_text("// Icons are shown by the fonts in vendor/fontawesome.\n", "utf-8")
