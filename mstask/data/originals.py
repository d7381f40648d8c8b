"""Recordings that others publish under open licences: where they come from, and how a copy of them is opened.

A copy is the repository's archive as `python -m mstask data fetch NAME` downloads it, an archive or a folder that an
environment variable names, or a zip archive inside one of these. Nothing of it is trusted: the number of members and what
they unpack to are limited, and a member is read whole or not at all.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from mstask import paths
from mstask.data import DataError, checks

MAX_MEMBERS = 20_000
"""No copy has more files; the largest, that of the spoken digits, has about 3,100."""
MAX_MEMBER = 1 << 26
"""Bytes that one file of a copy may have."""


@dataclass(frozen=True)
class Original:
    """A repository on GitHub that holds recordings.

    Attributes
    ----------
    name, variable : its name for `data fetch` and `--data recorded`, and the environment variable that names a copy.
    repository, commit : "owner/name", and the commit whose tree is downloaded.
    holds : what a copy holds, for error messages.
    wanted : matches the end of the path of every file that is used; its first group is the file's name here.
    inner : name of an archive inside the copy that holds these files; "" where they lie in the copy itself.
    sha256 : of all files that are used (see `digest`), where the original bytes are known; else "".
    licence_file, licence : the file that states the licence, and words that must stand in it.
    attribution : one sentence on licence and source.
    host : where archives of repositories are downloaded from.
    """

    name: str
    variable: str
    repository: str
    commit: str
    holds: str
    wanted: re.Pattern[str]
    inner: str
    sha256: str
    licence_file: str
    licence: str
    attribution: str
    host: str = "https://codeload.github.com"

    @property
    def url(self) -> str:
        """Address of the repository's archive at the pinned commit."""
        return f"{self.host}/{self.repository}/zip/{self.commit}"

    @property
    def file(self) -> str:
        """Name of the downloaded archive."""
        return f"{self.name}-{self.commit[:12]}.zip"

    @property
    def archive(self) -> Path:
        """Where `data fetch` puts the archive."""
        return paths.cache_dir() / self.name / self.file


class MissingRecordings(DataError):
    """Nobody has said where a copy of the recordings is, and none was downloaded."""


@dataclass(frozen=True)
class Copy:
    """The files of a copy that are used: by name, in the order of the names, a function that reads each."""

    where: Path
    files: dict[str, Callable[[], bytes]]

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return self.files[name]()


def located(original: Original, root: str | os.PathLike[str] | None = None) -> Path:
    """Return the copy to use: `root`, else what the environment variable names, else the downloaded archive."""
    chosen = Path(root).expanduser() if root else paths.named(original.variable)
    if chosen is None and not original.archive.is_file():
        raise MissingRecordings(
            f"no recordings {original.name}: run python -m mstask data fetch {original.name}, "
            f"or set {original.variable} to a folder or archive with {original.holds}"
        )
    path = chosen or original.archive
    if not path.exists():
        where = "root" if root else original.variable
        raise DataError(f"{where} names {path}, which does not exist; expected {original.holds}")
    return path


@contextmanager
def opened(original: Original, path: Path) -> Iterator[Copy]:
    """Open a copy, a folder or an archive, for reading.

    Raises
    ------
    DataError : it holds none of the files that are used, two of one name, or more than it may.
    """
    with _members(path) as members:
        copy = _used(original, path, members)
        inner = [name for name in members if original.inner and PurePosixPath(name).name == original.inner]
        if copy.files or not inner:
            yield _complete(original, copy)
            return
        with _zip(Path(f"{path}: {inner[0]}"), io.BytesIO(members[inner[0]]())) as members:
            yield _complete(original, _used(original, Path(f"{path}: {inner[0]}"), members))


def digest(copy: Copy) -> str:
    """Return the SHA-256 of the names and the bytes of all files that are used."""
    found = hashlib.sha256()
    for name in copy.files:
        found.update(name.encode() + b"\0" + copy.read(name))
    return found.hexdigest()


def require_content(original: Original, path: Path) -> None:
    """Refuse a copy whose files aren't, byte by byte, those that were published; nothing where their bytes aren't known."""
    if not original.sha256:
        return
    with opened(original, path) as copy:
        if (found := digest(copy)) != original.sha256:
            raise DataError(
                f"{path} holds other files than were published: the SHA-256 of the {len(copy.files)} that are used is {found}, "
                f"expected {original.sha256}"
            )


def require_licence(original: Original, path: Path) -> None:
    """Refuse an archive that lacks the file that states its licence, or in which that file says something else."""
    with _members(path) as members:
        found = [name for name in members if PurePosixPath(name).parts[1:] == (original.licence_file,)]
        if not found:
            raise DataError(
                f"{path} has no {original.licence_file}, which states the licence of {original.name}: refused, as nobody knows "
                "then what may be done with it"
            )
        text = " ".join(members[found[0]]().decode("utf-8", "replace").split())
    if original.licence not in text:
        raise DataError(f"{path}: {found[0]} does not say {original.licence!r}, expected the licence of {original.name}")


def _complete(original: Original, copy: Copy) -> Copy:
    if not copy.files:
        raise DataError(f"{copy.where} holds none of the files of {original.name}, expected {original.holds}")
    return copy


def _used(original: Original, where: Path, members: dict[str, Callable[[], bytes]]) -> Copy:
    used: dict[str, Callable[[], bytes]] = {}
    for name in sorted(members):
        if match := original.wanted.search(name):
            if match[1] in used:
                raise DataError(f"{where} holds {match[1]} twice, the second time as {name}; expected one file of each name")
            used[match[1]] = members[name]
    return Copy(where, dict(sorted(used.items())))


@contextmanager
def _members(path: Path) -> Iterator[dict[str, Callable[[], bytes]]]:
    """All files of a folder or an archive: a function that reads each, by path."""
    if path.is_dir():
        yield dict(_in_folder(path))
        return
    checks.require_readable(path, checks.ZIP)
    with path.open("rb") as file, _zip(path, file) as members:
        yield members


def _in_folder(folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for number, path in enumerate(folder.rglob("*")):
        if number > MAX_MEMBERS:
            raise DataError(f"{folder} holds more than {MAX_MEMBERS:,} files; name the folder of the recordings itself")
        if path.is_file():
            yield path.relative_to(folder).as_posix(), partial(_read_file, path)


def _read_file(path: Path) -> bytes:
    checks.require_readable(path)
    if path.stat().st_size > MAX_MEMBER:
        raise DataError(f"{path} has {path.stat().st_size:,} bytes, expected at most {MAX_MEMBER:,}")
    return path.read_bytes()


@contextmanager
def _zip(where: Path, file: io.BufferedIOBase) -> Iterator[dict[str, Callable[[], bytes]]]:
    try:
        with zipfile.ZipFile(file) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if len(infos) > MAX_MEMBERS:
                raise DataError(f"{where} holds {len(infos):,} files, expected at most {MAX_MEMBERS:,}")
            checks.require_size(where, sum(info.file_size for info in infos), "unpacks to")
            names = [info.filename for info in infos]
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise DataError(f"{where} holds {twice} twice, expected one file of each name")
            yield {info.filename: partial(_read_member, where, archive, info) for info in infos}
    except zipfile.BadZipFile as error:
        raise DataError(f"{where} is no intact zip archive ({error}); copy or download it again") from None


def _read_member(where: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > MAX_MEMBER:
        raise DataError(f"{where}: {info.filename} claims {info.file_size:,} bytes, expected at most {MAX_MEMBER:,}")
    try:
        with archive.open(info) as file:
            content = file.read(info.file_size + 1)
    except (OSError, EOFError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or "its data ends early"
        raise DataError(f"{where}: {info.filename} is damaged ({reason}); copy or download the archive again") from None
    if len(content) != info.file_size:
        raise DataError(f"{where}: {info.filename} has {len(content):,} bytes, its entry promises {info.file_size:,}")
    return content
