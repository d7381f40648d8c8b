"""Downloads arrive whole and intact or not at all, whatever the mirrors do; the mirrors here are a local server."""

from __future__ import annotations

import gzip
import hashlib
import http.server
from types import SimpleNamespace

import numpy as np
import pytest
from making import refused, serving

from mstask.data import idx
from mstask.errors import MstaskError
from mstask.lab import downloads

CONTENT = gzip.compress(np.random.default_rng(0).bytes(300_000), mtime=0)
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@pytest.fixture
def web():
    """A server whose folders behave as `web.behaviour` says (name -> list of what each request meets); `web.log` tells."""
    state = SimpleNamespace(behaviour={}, log=[], content=CONTENT)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            _, mirror, _ = self.path.split("/")
            steps = state.behaviour.get(mirror, [])
            step = steps.pop(0) if steps else "whole"
            wanted = self.headers.get("Range")
            state.log.append((mirror, step, wanted))
            if step == "missing":
                return self.send_error(404)
            content = b"<html>moved</html>" if step == "page" else state.content
            if step == "other":
                content = gzip.compress(b"another file")
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and step != "no ranges" else 0
            if start and start >= len(content):
                return self.send_error(416)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            end = (start + len(content)) // 2 if step == "broken" else start if step == "empty" else len(content)
            self.wfile.write(content[start:end])

        def log_message(self, *arguments):
            pass

    with serving(Handler) as state.url:
        state.mirrors = [f"{state.url}/first/", f"{state.url}/second"]
        yield state


@pytest.fixture
def collection(web, monkeypatch):
    """A collection "set" of one file with a known checksum on two mirrors; its `files` may be changed."""
    made = downloads.Collection({"a.h5.gz": MD5}, web.mirrors)
    monkeypatch.setitem(downloads.COLLECTIONS, "set", made)
    return made


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


WHOLE = {"a.h5.gz": CONTENT}


class TestFetch:
    def test_a_file_arrives_as_it_is(self, web, collection, tmp_path):
        assert downloads.fetch("set", tmp_path / "new") == tmp_path / "new"
        assert contents(tmp_path / "new") == WHOLE
        assert web.log == [("first", "whole", None)]

    def test_what_is_there_is_not_downloaded_again(self, web, collection, tmp_path):
        for _ in range(2):
            downloads.fetch("set", tmp_path)
        assert len(web.log) == 1

    def test_a_damaged_file_is_replaced(self, web, collection, tmp_path):
        (tmp_path / "a.h5.gz").write_bytes(CONTENT[:-5])
        downloads.fetch("set", tmp_path)
        assert contents(tmp_path) == WHOLE

    def test_the_data_cache_is_the_default_place(self, web, collection, tmp_path, monkeypatch):
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
        assert downloads.fetch("set") == tmp_path / "set"

    def test_progress_is_shown(self, web, collection, tmp_path, capfd):
        downloads.fetch("set", tmp_path)
        assert "a.h5.gz:" in (shown := capfd.readouterr().err) and "300k" in shown


class TestMirrors:
    @pytest.mark.parametrize(("behaviour", "said"), [("missing", "404"), ("other", "checksum is wrong")])
    def test_second_mirror_when_the_first_lacks_the_file_or_has_another(
        self, web, collection, tmp_path, caplog, behaviour, said
    ):
        web.behaviour["first"] = [behaviour]
        downloads.fetch("set", tmp_path)
        assert contents(tmp_path) == WHOLE
        assert [mirror for mirror, *_ in web.log] == ["first", "second"] and said in caplog.text

    def test_second_mirror_when_the_first_is_unreachable(self, web, collection, tmp_path, monkeypatch):
        monkeypatch.setitem(
            downloads.COLLECTIONS, "set", downloads.Collection({"a.h5.gz": MD5}, ["http://127.0.0.1:9/", web.mirrors[1]])
        )
        downloads.fetch("set", tmp_path)
        assert contents(tmp_path) == WHOLE

    def test_no_mirror_has_it(self, web, collection, tmp_path):
        web.behaviour = {"first": ["missing"], "second": ["page"]}
        message = refused(downloads.fetch, "set", tmp_path)
        assert "SHD_DATA" in message
        assert f"{web.url}/first/a.h5.gz: 404 Client Error: Not Found" in message
        assert f"{web.url}/second/a.h5.gz: its checksum is wrong, expected {MD5}" in message
        assert contents(tmp_path) == {}


class TestResume:
    def test_a_broken_connection_is_taken_up_where_it_broke(self, web, collection, tmp_path):
        web.behaviour["first"] = ["broken", "broken"]
        downloads.fetch("set", tmp_path)
        assert contents(tmp_path) == WHOLE
        half = len(CONTENT) // 2
        assert [wanted for *_, wanted in web.log] == [None, f"bytes={half}-", f"bytes={(half + len(CONTENT)) // 2}-"]

    def test_a_later_attempt_goes_on_too(self, web, collection, tmp_path):
        web.behaviour = {"first": ["broken", "empty"], "second": ["missing"]}
        with pytest.raises(MstaskError, match=r"first/a\.h5\.gz: .*(IncompleteRead|too early)"):
            downloads.fetch("set", tmp_path)
        assert contents(tmp_path) == {"a.h5.gz.part": CONTENT[: len(CONTENT) // 2]}
        web.log.clear()
        downloads.fetch("set", tmp_path)
        assert contents(tmp_path) == WHOLE and web.log == [("first", "whole", f"bytes={len(CONTENT) // 2}-")]

    def test_the_next_mirror_goes_on(self, web, collection, tmp_path):
        web.behaviour["first"] = ["broken", "missing"]
        downloads.fetch("set", tmp_path)
        assert contents(tmp_path) == WHOLE
        assert web.log[-1] == ("second", "whole", f"bytes={len(CONTENT) // 2}-")

    def test_a_mirror_that_knows_no_ranges_sends_it_all(self, web, collection, tmp_path):
        (tmp_path / "a.h5.gz.part").write_bytes(CONTENT[:1000])
        web.behaviour["first"] = ["no ranges"]
        downloads.fetch("set", tmp_path)
        assert contents(tmp_path) == WHOLE

    @pytest.mark.parametrize("rest", [b"of another file", CONTENT + b"more"])
    def test_a_wrong_rest_is_dropped(self, web, collection, tmp_path, rest):
        (tmp_path / "a.h5.gz.part").write_bytes(rest)
        downloads.fetch("set", tmp_path)
        assert contents(tmp_path) == WHOLE and {mirror for mirror, *_ in web.log} == {"first"}


class TestOpenML:
    def test_a_fetched_set_becomes_idx_files(self, tmp_path, monkeypatch):
        assert (downloads.N_TRAIN, downloads.N_ALL) == (60_000, 70_000)
        monkeypatch.setattr(downloads, "N_TRAIN", 600)
        monkeypatch.setattr(downloads, "N_ALL", 700)
        x, y = np.zeros((700, 784), np.uint8), np.arange(700) % 10
        x[:, :2] = np.arange(700)[:, None] >> np.array([8, 0]) & 255
        monkeypatch.setattr(downloads, "_from_openml", lambda name: (x, y.astype(str)))
        folder = downloads.fetch("mnist", tmp_path / "here")
        assert idx.read(folder / "t10k-labels-idx1-ubyte.gz", 1).tolist() == y[600:].tolist()
        np.testing.assert_array_equal(idx.read(folder / "train-images-idx3-ubyte.gz", 3)[7].ravel(), x[7])

    def test_after_a_failure_nothing_counts_as_fetched(self, tmp_path, monkeypatch):
        monkeypatch.setattr(downloads, "_from_openml", lambda name: (np.zeros((10, 784)), np.zeros(10)))
        with pytest.raises(MstaskError, match="expected"):
            downloads.fetch("mnist", tmp_path / "here")
        assert not (tmp_path / "here").exists()

    def test_what_is_there_is_not_fetched_again(self, tmp_path, monkeypatch):
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
            (tmp_path / f"{name}-ubyte.gz").touch()
        monkeypatch.setattr(downloads, "_from_openml", lambda name: pytest.fail("downloaded"))
        assert downloads.fetch("mnist", tmp_path) == tmp_path

    @pytest.mark.parametrize(
        "answer",
        [
            lambda: (np.zeros((10, 784)), np.zeros(10)),
            lambda: (np.broadcast_to(0.5, (70_000, 784)), np.zeros(70_000)),
            lambda: (np.zeros((70_000, 784)), np.full(70_000, "a")),
        ],
        ids=["size", "pixels", "labels"],
    )
    def test_another_set_is_refused_and_nothing_is_left(self, tmp_path, monkeypatch, answer):
        monkeypatch.setattr(downloads, "_from_openml", lambda name: answer())
        with pytest.raises(MstaskError, match="OpenML"):
            downloads.fetch("mnist", tmp_path)
        assert not list(tmp_path.glob("*.gz"))

    def test_no_network_and_unknown_names_are_said(self, tmp_path, monkeypatch):
        def broken(name):
            raise OSError("no route to host")

        monkeypatch.setattr(downloads, "_from_openml", broken)
        with pytest.raises(MstaskError, match=r"could not be fetched from OpenML \(no route to host\).*MNIST_DATA"):
            downloads.fetch("mnist", tmp_path)
        with pytest.raises(MstaskError, match="did you mean 'fashion-mnist'"):
            downloads.fetch("fashion-mnst")


class TestBadUse:
    def test_unknown_name(self):
        with pytest.raises(MstaskError, match="did you mean 'shd'"):
            downloads.fetch("sdh")

    def test_unwritable_folder(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(MstaskError, match=r"file/here can't be written"):
            downloads.fetch("shd", tmp_path / "file" / "here")

    def test_shd_has_two_files_with_checksums_on_two_mirrors(self):
        shd = downloads.COLLECTIONS["shd"]
        assert set(shd.files) == {"shd_train.h5.gz", "shd_test.h5.gz"} and len(shd.mirrors) == 2
        assert all(checksum.startswith("md5:") and len(checksum) == 36 for checksum in shd.files.values())
