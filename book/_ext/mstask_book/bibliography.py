"""The list of references names a work as the text does: "Goupy et al., 2024a"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pybtex.database import Entry
from pybtex.style.formatting.unsrt import Style as Plain
from pybtex.style.labels import BaseLabelStyle


class AuthorYearLabels(BaseLabelStyle):
    """The last names of one or two authors, or that of the first of more, and the year."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        for entry in sorted_entries:
            names = [" ".join(map(str, person.rich_last_names)) for person in entry.persons["author"]]
            named = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
            yield f"{named}, {entry.fields['year']}"


class AuthorYearStyle(Plain):
    """Works by author and year, in the plain style of BibTeX."""

    default_sorting_style = "author_year_title"
    default_label_style = AuthorYearLabels
