"""Claims about reading Python's source: threads that parse at once don't disturb each other."""

import ast
import time
from concurrent.futures import ThreadPoolExecutor

from mstask import syntax


def test_one_thread_parses_at_a_time(monkeypatch):
    at_work, most = [], []

    def parse(source):
        at_work.append(source)
        most.append(len(at_work))
        time.sleep(0.001)
        at_work.remove(source)
        return ast.Module([], [])

    monkeypatch.setattr(syntax.ast, "parse", parse)
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(syntax.tree, map(str, range(20))))
    assert len(trees) == 20 and max(most) == 1
