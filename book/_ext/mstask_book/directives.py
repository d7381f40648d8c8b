"""The role and the directives that put result documents into a page.

    {result}`embedded/ablation:methods.D1_H1.macro_f1.mean|.3f`

    :::{mstask-figure} ablation published/ablation embedded/ablation run/ablation
    :name: fig-ablation
    :alt: One sentence with the finding; {embedded/ablation:best|label} is filled in.
    :plays: embedded/mixed?                                 optional: more documents, for `mstask.show.play_<name>` alone
    The caption, in which roles work.
    :::

    :::{mstask-table} claims claims/published claims/run   the same, without :alt:
    :rows: P1 P2                                           optional: only these, in this order
    :index: id                                             optional: show the index as a column of this name

    :::{mstask-audio} speech_word                          recordings to play, with :alt: and a caption as for a figure
    :::{mstask-status} locked/embedded                     what is locked, with its files to download; a table
    :::{mstask-zoo} published/ablation embedded/ablation   a section for every registered neuron type (see `zoo`)
    :::{mstask-playground}                                 every registered neuron, to be played with (see `playground`)
    :::{mstask-claims} claims/published claims/embedded    every claim with its evidence, or those of :rows: or :verdict:
    :::{mstask-summary} claims/published claims/embedded   a box that says what comes of the claims of :rows:
    :::{mstask-folded} How it was measured                 content that a control of this name unfolds
    :::{mstask-when} embedded/ablation                     content for when that document, or a true value in it, exists
    :::{mstask-when} claims/run:radar-winner.verdict = supported     or for a value; < and > compare numbers
    :::{mstask-unless} embedded/ablation                   and its opposite
    :::{mstask-unlocked} embedded/ablation                 the same as a warning

The argument of a figure is `<name>` of `mstask.show.figure_<name>`, of a table `mstask.show.table_<name>`, of
recordings `mstask.show.audio_<name>`, followed by the documents it is given. The data behind a figure or table, as
CSV, is what `mstask.show.data_<name>` returns, or the table itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from mstask import show
from mstask.errors import MstaskError, nearest
from mstask.results import MissingResult, voices
from mstask.studies.gallery.exhibits_speech import Sound

from . import audio
from .elements import control, folded, sourced
from .offered import offered
from .pointer import answering, playing
from .provenance import provenance_line
from .rendering import docutils_table, in_words, placeholder
from .sources import Absent, BrokenReference, Reference, sources_of

log = logging.getLogger(__name__)
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
CONDITION = re.compile(r"(?P<reference>.+?)\s+(?P<relation>[=<>])\s+(?P<value>.+)")
RELATIONS: dict[str, Callable[[Any, str], bool]] = {
    "=": lambda found, expected: str(found) == expected,
    "<": lambda found, expected: found < float(expected),
    ">": lambda found, expected: found > float(expected),
}
Options = dict[str, Callable[[str], Any]]


def depend(env: BuildEnvironment, *references: Reference) -> None:
    """Read the current page again when what `references` are read from, or the code, changes, appears or goes."""
    recorded = env.mstask_inputs.setdefault(env.docname, {})
    for stem in ("", *(reference.stem for reference in references)):
        recorded[stem] = sources_of(env).fingerprint(stem)


def by_voice(inputs: dict[Reference, Any]) -> dict[str, Any]:
    """Return documents by the voice they speak in."""
    return {reference.voice: found for reference, found in inputs.items()}


def warn(message: object, location: Any) -> None:
    """Report a broken reference; with -W the build fails."""
    log.warning("%s", message, location=location, type="mstask")


class ResultRole(SphinxRole):
    """{result}`source/section:dotted.path|format`: one value, with its file, key and full value."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        try:
            reference = Reference.parse(self.text)
            depend(self.env, reference)
            shown, value = sources_of(self.env).text(reference)
        except Absent as reason:
            return [placeholder(reason)], []
        except MstaskError as error:
            warn(error, self.get_location())
            return [nodes.inline("", "[missing]")], []
        shown = in_words(shown) if isinstance(value, str | list) else shown
        return [
            sourced(
                shown,
                shown,
                source=f"{reference.shown}: {'.'.join(reference.path)} = {value!r}",
                classes=["result", f"voice-{reference.voice}"] + ["result-text"] * isinstance(value, str | list),
            )
        ], []


class Exhibit(SphinxDirective):
    """What figures and tables share: the call of a function of `mstask.show` and the line below it."""

    required_arguments = 1
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[Options] = {"name": directives.unchanged}
    kind = ""
    documents = 1
    """Which of the arguments names the documents."""

    def run(self) -> list[nodes.Node]:
        try:
            return self.exhibit()
        except Absent as reason:
            return [nodes.paragraph("", "", placeholder(reason))]
        except MstaskError as error:
            warn(error, self.get_location())
            return [nodes.paragraph("", "[missing]")]

    def exhibit(self) -> list[nodes.Node]:
        raise NotImplementedError

    @property
    def topic(self) -> str:
        return self.arguments[0]

    @property
    def file_stem(self) -> str:
        stems = (reference.stem.replace("/", "-") for reference in self.references())
        return self.options.get("name") or "-".join([self.kind, self.topic, *stems])

    def references(self) -> list[Reference]:
        """Return what the page names, and locked runs on real data, where there are any, beside the reader's own."""
        named = self.heard(self.named())
        joining = [reference for reference in self.able_to_join(named) if sources_of(self.env).exists(reference)]
        return [*(r for r in named if r.source != "run"), *joining, *(r for r in named if r.source == "run")]

    def named(self) -> list[Reference]:
        texts = self.arguments[self.documents].split() if len(self.arguments) > self.documents else []
        return [reference for text in texts for reference in Reference.every(text)]

    def heard(self, named: Sequence[Reference]) -> list[Reference]:
        """Leave out recordings that weren't run, where they would be one voice of several."""
        return [r for r in named if len(named) == 1 or r.voice != "recorded" or sources_of(self.env).exists(r)]

    def able_to_join(self, named: Sequence[Reference]) -> list[Reference]:
        """Return the locked runs on real data that an exhibit shows, if they exist, between another voice and the reader's."""
        voices = {(reference.section, reference.source) for reference in named}
        compared = {section for section, source in voices if source != "run" and (section, "real") not in voices}
        own = dict.fromkeys(r.section for r in named if r.source == "run" and r.section in compared)
        several = own and show.together(self.function(self.kind))
        return [Reference.parse(f"real/{section}?") for section in own] if several else []

    def inputs(self) -> dict[Reference, Any]:
        """Load the documents, `None` for one that may be absent and is."""
        depend(self.env, *self.named(), *self.able_to_join(self.named()))
        return self.loaded(self.references())

    def loaded(self, references: Sequence[Reference]) -> dict[Reference, Any]:
        """Load documents, `None` for one that may be absent and is."""
        depend(self.env, *references)
        loaded = {}
        for reference in references:
            try:
                loaded[reference] = sources_of(self.env).document(reference)
            except Absent:
                loaded[reference] = None
        return loaded

    @staticmethod
    def call(function: Callable, inputs: dict[Reference, Any]) -> Any:
        """Call with the documents by voice, by section and voice, or one by one; see `mstask.show`."""
        several = show.together(function)
        absent = [voices.VOICES[reference.voice].absent for reference, found in inputs.items() if found is None]
        if absent and (not several or len(absent) == len(inputs)):
            raise Absent(absent[0])
        if several == "section":
            sections = dict.fromkeys(reference.section for reference in inputs)
            return function({s: by_voice({r: found for r, found in inputs.items() if r.section == s}) for s in sections})
        return function(by_voice(inputs)) if several else function(*inputs.values())

    def function(self, kind: str) -> Callable:
        name = f"{kind}_{self.topic}"
        if not hasattr(show, name):
            known = [n for n in dir(show) if n.startswith(f"{kind}_")]
            raise MstaskError(f"mstask.show has no {name!r}; {nearest(name, known)}")
        return getattr(show, name)

    def generated(self, suffix: str) -> Path:
        folder = Path(self.env.app.outdir).parent / "generated"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self.file_stem}{suffix}"

    def relative(self, path: Path) -> str:
        here = Path(self.env.doc2path(self.env.docname)).parent
        return Path(os.path.relpath(path, here)).as_posix()

    def caption(self) -> list[nodes.Node]:
        text = " ".join(line.strip() for line in self.content)
        children, messages = self.state.inline_text(text, self.lineno + self.content_offset)
        return [*children, *messages]

    def alt_text(self) -> str:
        """Return the alternative text with its `{references}` filled in; without one there is no exhibit."""
        text = " ".join(self.options.get("alt", "").split())
        if not text:
            raise MstaskError(f"mstask-{self.kind} {self.topic!r} has no :alt: text; expected a sentence with its finding")
        return PLACEHOLDER.sub(lambda match: self.filled(match[1]), text)

    def filled(self, text: str) -> str:
        reference = Reference.parse(text)
        depend(self.env, reference)
        try:
            return in_words(sources_of(self.env).text(reference)[0])
        except Absent as reason:
            return str(reason)

    def with_provenance(self, exhibit: nodes.Element, data: pd.DataFrame, function: Callable) -> list[nodes.Node]:
        """Wrap an exhibit with the line that says where it comes from and the data as CSV."""
        inputs = self.inputs()
        present = [reference for reference, found in inputs.items() if found is not None]
        line = provenance_line(self.env, present, function, self.as_csv(self.generated(".csv"), data))
        self.add_name(exhibit)
        return [nodes.container("", exhibit, line, classes=["mstask-exhibit", f"mstask-{self.kind}"])]

    def as_csv(self, path: Path, data: pd.DataFrame) -> addnodes.download_reference:
        """Write the data behind an exhibit and return a link to it."""
        path = offered(path, data.to_csv(index=False, lineterminator="\n").encode())
        text = "data (CSV, compressed)" if path.suffix == ".bz2" else "data (CSV)"
        target = {"reftarget": self.relative(path), "refdoc": self.env.docname, "refexplicit": True}
        return addnodes.download_reference("", "", nodes.Text(text), **target)


class FigureDirective(Exhibit):
    """A figure made by `mstask.show.figure_<name>` at build time."""

    option_spec: ClassVar[Options] = {**Exhibit.option_spec, "alt": directives.unchanged, "plays": directives.unchanged}
    kind = "figure"

    def exhibit(self) -> list[nodes.Node]:
        inputs = self.inputs()
        alt = self.alt_text()
        function = self.function("figure")
        svg = self.generated(".svg")
        drawn = self.call(function, inputs)
        drawn.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        image = nodes.image(uri=self.relative(svg), alt=alt, classes=["dark-light"])
        picture = answering(image, drawn, [reference for reference, found in inputs.items() if found is not None])
        figure = nodes.figure("", picture, nodes.caption("", "", *self.caption()))
        self.set_source_info(figure)
        [exhibit] = self.with_provenance(figure, self.call(self.function("data"), inputs), function)
        if hasattr(show, f"play_{self.topic}"):
            exhibit.insert(1, playing(self.topic, self.call(self.function("play"), inputs | self.more())))
        return [exhibit]

    def more(self) -> dict[Reference, Any]:
        """Load what the figure doesn't show but a reader may play with."""
        return self.loaded([reference for text in self.options.get("plays", "").split() for reference in Reference.every(text)])


class TableDirective(Exhibit):
    """A table made by `mstask.show.table_<name>`: a docutils table, so it is numbered and can be referred to."""

    option_spec: ClassVar[Options] = {
        **Exhibit.option_spec,
        "rows": directives.unchanged,
        "index": directives.unchanged,
    }
    kind = "table"

    def exhibit(self) -> list[nodes.Node]:
        inputs = self.inputs()
        function = self.function("table")
        frame = self.selected(self.call(function, inputs))
        table = docutils_table(frame, nodes.title("", "", *self.caption()))
        self.set_source_info(table)
        has_data = hasattr(show, f"data_{self.topic}")
        data = self.call(self.function("data"), inputs) if has_data else frame
        return self.with_provenance(table, data, function)

    def selected(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that the page asks for by their index, all by default, and the index if it is asked for."""
        rows = self.options.get("rows", "").split() or list(frame.index)
        for row in rows:
            if row not in frame.index:
                raise MstaskError(f"table_{self.topic} has no row {row!r}; {nearest(row, map(str, frame.index))}")
        frame = frame.loc[rows]
        return frame.rename_axis(self.options["index"]).reset_index() if "index" in self.options else frame


class AudioDirective(Exhibit):
    """Recordings returned by `mstask.show.audio_<name>`, each with a player."""

    option_spec: ClassVar[Options] = {**Exhibit.option_spec, "alt": directives.unchanged}
    kind = "audio"

    def exhibit(self) -> list[nodes.Node]:
        function, alt = self.function("audio"), self.alt_text()
        sounds = self.call(function, self.inputs())
        group = nodes.container("", *(self.player(sound, number) for number, sound in enumerate(sounds)), classes=["players"])
        spoken = nodes.paragraph("", alt, classes=["visually-hidden"])
        caption = nodes.paragraph("", "", *self.caption())
        line = provenance_line(self.env, [], function)
        exhibit = nodes.container("", spoken, group, caption, line, classes=["mstask-exhibit", "mstask-audio"])
        self.add_name(exhibit)
        return [exhibit]

    def player(self, sound: Sound, number: int) -> nodes.container:
        """Write a recording's file and return its player under its title."""
        file = self.generated(f"-{number}.wav")
        file.write_bytes(audio.wav(sound))
        node = audio.player(reftarget=self.relative(file), refdoc=self.env.docname, label=sound.title)
        return nodes.container("", nodes.paragraph("", sound.title), node)


class FoldedDirective(SphinxDirective):
    """Content that a control unfolds; without a script too, and on paper it is unfolded."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        fold = folded("", control("", self.arguments[0]), classes=["mstask-folded"])
        self.state.nested_parse(self.content, self.content_offset, fold)
        return [fold]


class WhenDirective(SphinxDirective):
    """Content shown only when a document, or a true value in it, exists; its headings are the page's own."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    shown_when = True

    def run(self) -> list[nodes.Node]:
        condition = CONDITION.fullmatch(self.arguments[0])
        try:
            reference = Reference.parse(condition["reference"] if condition else self.arguments[0])
        except BrokenReference as error:
            warn(error, self.get_location())
            return []
        depend(self.env, reference)
        if self.holds(reference, condition) is not self.shown_when:
            return []
        shown = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, shown, match_titles=True)
        return shown.children

    def holds(self, reference: Reference, condition: re.Match[str] | None) -> bool:
        """Say whether the document is there, and its value true or as the condition says; a damaged one is reported."""
        try:
            sources_of(self.env).document(reference)
            if not reference.path:
                return True
            value = sources_of(self.env).value(reference)
            return RELATIONS[condition["relation"]](value, condition["value"]) if condition else bool(value)
        except Absent:
            return False
        except (TypeError, ValueError) as error:
            warn(f"{self.arguments[0]!r} compares what can't be compared: {error}", self.get_location())
            return False
        except BrokenReference as error:
            if not isinstance(error.__cause__, MissingResult):
                warn(error, self.get_location())
            return False


class UnlessDirective(WhenDirective):
    """The opposite of `mstask-when`."""

    shown_when = False


class UnlockedDirective(UnlessDirective):
    """A warning as long as a document isn't locked, which its content explains."""

    def run(self) -> list[nodes.Node]:
        said = super().run()
        title = nodes.title("", "No locked embedded result yet")
        return [nodes.admonition("", title, *said, classes=["warning"])] if said else []
