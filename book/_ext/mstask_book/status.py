"""What is locked, as a table with the files of each result: its document, its cells as CSV, and its notebook."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes

from mstask import paths, show
from mstask.errors import MstaskError
from mstask.lab.locked import Locked
from mstask.results import voices

from .directives import Exhibit, Options
from .offered import offered
from .rendering import docutils_table
from .sources import Absent, Reference


class StatusDirective(Exhibit):
    """The locked results of one voice, by `mstask.show.table_status`, `table_published` for the papers' figures."""

    required_arguments = 1
    optional_arguments = 0
    option_spec: ClassVar[Options] = {"name": directives.unchanged}
    kind = "table"

    @property
    def topic(self) -> str:
        return "published" if self.reference.section == "published" else "status"

    @property
    def reference(self) -> Reference:
        reference = Reference.parse(self.arguments[0])
        if reference.source != "locked":
            known = "locked/published, locked/embedded, locked/real or locked/recorded"
            raise MstaskError(f"mstask-status {self.arguments[0]!r}: expected {known}")
        return reference

    def named(self) -> list[Reference]:
        return [self.reference]

    def exhibit(self) -> list[nodes.Node]:
        (locked,) = self.inputs().values()
        if locked is None:
            raise Absent(voices.VOICES[self.reference.voice].absent)
        function = self.function("table")
        frame = function(locked)
        frame["files"] = [self.files(one) for one in locked]
        table = docutils_table(frame, nodes.title("", "", *self.caption()))
        self.set_source_info(table)
        return self.with_provenance(table, show.data_status(locked), function)

    def files(self, one: Locked) -> list[nodes.Node]:
        """Return the downloads of one result, separated by dots."""
        found = [self.download("JSON", self.document(one), one)] if one.path.is_file() else []
        if one.document is not None and one.document.cells:
            csv = self.folder / f"{one.section}.csv"
            csv.write_text(show.data_cells(one.document).to_csv(index=False, lineterminator="\n"), encoding="utf-8")
            found.append(self.download("CSV", csv, one))
        notebook = paths.ROOT / "notebooks" / f"{one.section}.ipynb"
        if notebook.is_file():
            found.append(self.download("notebook", notebook, one))
        return [node for download in found for node in (nodes.Text(" · "), download)][1:]

    @property
    def folder(self) -> Path:
        folder = Path(self.env.app.outdir).parent / "generated" / "locked" / self.reference.section
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def document(self, one: Locked) -> Path:
        """Return a copy of the document beside the book, compressed where it is large; equal contents are equal bytes."""
        return offered(self.folder / one.path.name, one.path.read_bytes())

    def download(self, text: str, path: Path, one: Locked) -> addnodes.download_reference:
        """Return a link to a file, which is copied with the page; a screen reader also hears of which result."""
        place = {"reftarget": self.relative(path), "refdoc": self.env.docname, "refexplicit": True}
        spoken = nodes.inline("", f" of {one.title}", classes=["visually-hidden"])
        return addnodes.download_reference("", "", nodes.Text(text), spoken, **place)
