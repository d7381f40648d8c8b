"""Two clean builds of the book are the same, byte for byte. It takes minutes, so `make check-book` asks for it."""

import os
import shutil
import time

import pytest
from conftest import built_book

pytestmark = pytest.mark.skipif(os.environ.get("CHECK_BOOK") != "1", reason="builds the book twice: make check-book")


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_clean_builds_are_equal_byte_for_byte(tmp_path, capsys):
    """In one place, since the address of a download follows from where its file lies."""
    started = time.perf_counter()
    first = contents(built_book(tmp_path))
    seconds = time.perf_counter() - started
    shutil.rmtree(tmp_path / "_build")
    second = contents(built_book(tmp_path))
    size = sum(map(len, first.values())) / 1e6
    with capsys.disabled():
        print(f"\nclean build: {seconds:.0f} s; {len(first)} files, {size:.1f} MB")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
