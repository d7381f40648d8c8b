"""The list of references names a work as the text does: "Goupy et al., 2024a"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pybtex.database import Entry, Person
from pybtex.style.formatting.unsrt import Style as Plain
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle


class AuthorYearLabels(BaseLabelStyle):
    """The last names of one or two authors, or that of the first of more, and the year."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        for entry in sorted_entries:
            names = [" ".join(map(str, person.rich_last_names)) for person in entry.persons["author"]]
            named = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
            yield f"{named}, {entry.fields['year']}"


class AuthorYearSorting(SortingStyle):
    """Braces, which keep the name of a company whole, don't count: otherwise it would stand behind all others."""

    def person_key(self, person: Person) -> str:
        return str(super().person_key(person)).translate(dict.fromkeys(map(ord, "{}")))


class AuthorYearStyle(Plain):
    """Works by author and year, in the plain style of BibTeX."""

    default_sorting_style = AuthorYearSorting
    default_label_style = AuthorYearLabels
