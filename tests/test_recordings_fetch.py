"""Recordings are fetched as the archive of their repository, with its licence, whole and unaltered or not at all."""

from __future__ import annotations

import http.server
from dataclasses import replace
from types import SimpleNamespace

import making_recordings as making
import pytest
from making import refused, serving

from mstask.data import fsdd, neuroradar, originals
from mstask.lab import downloads
from mstask.lab.cli import main

TOP = "spike-sampler-d8a32152c7b9c4451776ed8de87901c66dd44ae3/"
LICENCE = {"LICENSE": b"MIT License\n\nCopyright (c) 2024 Kai Zheng\n"}


@pytest.fixture
def web(monkeypatch, tmp_path):
    """A server in GitHub's place, which knows no ranges and no lengths, as GitHub's archives: it sends `web.content`.

    Of the first requests only the given shares are sent; `web.log` has what was asked for.
    """
    inner = making.archive(tmp_path / "gesture_data.zip", making.gestures()).read_bytes()
    state = SimpleNamespace(content=b"", shares=[], log=[], inner=inner, length=False)

    def serve(files):
        state.content = making.archive(tmp_path / "served.zip", files, TOP).read_bytes()

    state.serve = serve
    state.serve(LICENCE | {"dataset/gesture_data.zip": inner, "README.md": b"# radar"})

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            state.log.append((self.path, self.headers.get("Range")))
            share = state.shares.pop(0) if state.shares else 1
            if share is None:
                return self.send_error(404)
            wanted = self.headers.get("Range") if state.length else None
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            sent = state.content[start : start + int(share * (len(state.content) - start))]
            self.send_response(206 if start else 200)
            if state.length:
                self.send_header("Content-Length", str(len(state.content) - start))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(sent)
            else:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(sent), sent) + (b"0\r\n\r\n" if share == 1 else b""))
            self.close_connection = True
            return None

        def log_message(self, *arguments):
            pass

    monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("NEURORADAR_DATA", raising=False)
    with originals.opened(neuroradar.ORIGINAL, tmp_path / "gesture_data.zip") as copy:
        digest = originals.digest(copy)
    with serving(Handler) as host:
        original = replace(neuroradar.ORIGINAL, host=host, sha256=digest)
        monkeypatch.setitem(downloads.RECORDINGS, "neuroradar", SimpleNamespace(ORIGINAL=original, read=neuroradar.read))
        yield state


def files(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def refusal(folder) -> str:
    message = refused(downloads.fetch, "neuroradar", folder)
    assert "NEURORADAR_DATA" in message
    return message


WHOLE = ["neuroradar-d8a32152c7b9.zip"]
PARTIAL = ["unchecked-neuroradar-d8a32152c7b9.zip.part"]


def test_the_archive_of_the_pinned_commit_arrives_and_is_what_is_read(web, capsys):
    assert main(["data", "fetch", "neuroradar"]) == 0
    assert web.log == [("/kaizheng28/spike-sampler/zip/d8a32152c7b9c4451776ed8de87901c66dd44ae3", None)]
    told = capsys.readouterr()
    assert "MIT licence: cite Zheng" in told.err and told.out.strip().endswith("cache/neuroradar")
    assert len(neuroradar.read().y) == 120
    assert main(["data", "fetch", "neuroradar"]) == 0 and len(web.log) == 1


@pytest.mark.parametrize("length", [True, False], ids=["with a length", "in chunks"])
def test_what_is_cut_off_is_taken_up_or_sent_again(web, tmp_path, length):
    web.shares, web.length = [0.5, None], length
    assert "404" in refusal(tmp_path / "here") and files(tmp_path / "here") == PARTIAL
    downloads.fetch("neuroradar", tmp_path / "here")
    assert files(tmp_path / "here") == WHOLE and web.log[-1][1] == f"bytes={len(web.content) // 2}-"


def test_a_rest_that_doesn_t_fit_is_dropped_and_all_is_sent_again(web, tmp_path):
    (tmp_path / "here").mkdir()
    web.length = True
    (tmp_path / "here" / PARTIAL[0]).write_bytes(b"PK\x03\x04" + b"of another commit" * 200)
    downloads.fetch("neuroradar", tmp_path / "here")
    assert files(tmp_path / "here") == WHOLE and [wanted is None for _, wanted in web.log] == [False, True]


def test_an_archive_without_its_licence_is_refused_and_not_kept(web, tmp_path):
    web.serve({"dataset/gesture_data.zip": web.inner})
    assert "has no LICENSE, which states the licence of neuroradar" in refusal(tmp_path / "here")
    web.serve({"LICENSE": b"All rights reserved", "dataset/gesture_data.zip": web.inner})
    assert "does not say 'MIT License'" in refusal(tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_altered_files_are_refused_and_not_kept(web, tmp_path):
    altered = making.gestures()
    altered["gesture_7.txt"] = altered["gesture_7.txt"].replace(b"0.7000", b"0.7001")
    inner = making.archive(tmp_path / "altered.zip", altered).read_bytes()
    web.serve(LICENCE | {"dataset/gesture_data.zip": inner})
    assert "holds other files than were published: the SHA-256 of the 120" in refusal(tmp_path / "here")
    web.content = b"<html>moved</html>"
    assert "is a web page" in refusal(tmp_path / "here")
    web.serve(LICENCE)
    assert "holds none of the files of neuroradar" in refusal(tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_every_recording_says_licence_and_source(capsys):
    assert set(downloads.RECORDINGS) == {"fsdd", "neuroradar", "radhar", "acconeer"}
    for name in downloads.RECORDINGS:
        assert "cite" in downloads.attribution(name) and "licence" in downloads.attribution(name).replace("CC BY", "licence")
    assert downloads.attribution("shd") == ""
    assert all(len(found.ORIGINAL.commit) == 40 for found in downloads.RECORDINGS.values())
    assert fsdd.ORIGINAL.url == f"https://codeload.github.com/Jakobovski/free-spoken-digit-dataset/zip/{fsdd.ORIGINAL.commit}"
