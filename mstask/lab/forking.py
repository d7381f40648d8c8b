"""Kernels as forks of one process that has imported the heavy libraries once; run as a script, that process.

It imports nothing of this package, so every kernel reads the code as it lies there when the kernel starts.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

PRELOADED = (
    "ipykernel.kernelapp",
    "torch",
    "torch._dynamo",
    "numba",
    "pandas",
    "scipy.signal",
    "scipy.stats",
    "sklearn.base",
    "pydantic",
    "matplotlib.pyplot",
)
"""What nearly every kernel imports. None of these starts a thread or looks for a GPU on import: a fork would inherit that.
Every optimiser imports `torch._dynamo` in its first step."""

OWN = "MSTASK_"
"""How the names of variables begin that no preloaded library reads: a kernel gets those of the moment when it starts."""


class Server:
    """The process that is forked; it ends with the one that started it.

    Parameters
    ----------
    python : the interpreter of the kernels.
    environment : their environment variables.
    """

    def __init__(self, python: str, environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [python, __file__, str(theirs.fileno()), *PRELOADED],
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
        self._file = self._socket.makefile("rw", encoding="utf-8")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None

    def fork(self, arguments: Sequence[str], folder: str, own: Mapping[str, str]) -> int:
        """Start a kernel with its arguments, working folder and own variables; returns its process id.

        Raises
        ------
        OSError : the server is gone, or couldn't import a library.
        """
        with self._lock:
            self._file.write(json.dumps([arguments, folder, own]) + "\n")
            self._file.flush()
            answer = self._file.readline()
        if not answer:
            raise ConnectionResetError("the process that kernels are forked from ended")
        return int(answer)


_servers: dict[tuple[str, tuple[tuple[str, str], ...]], Server] = {}
_starting = threading.Lock()


def server(python: str, environment: Mapping[str, str]) -> Server:
    """The running server of this process for an interpreter and variables; one is started where there is none."""
    common = {name: value for name, value in environment.items() if not name.startswith(OWN)}
    key = python, tuple(sorted(common.items()))
    with _starting:
        if key not in _servers or not _servers[key].alive():
            _servers[key] = Server(python, common)
        return _servers[key]


def servers() -> set[int]:
    """The ids of the servers' processes."""
    return {server.pid for server in _servers.values()}


def serve(descriptor: int, modules: Sequence[str]) -> None:
    """Import the modules, then fork a kernel for each request until the one who asks is gone."""
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # a kernel ends where this is its parent no longer
    for name in modules:
        importlib.import_module(name)
    import numba

    numba.njit("float64(float64)")(lambda number: number)  # the first compilation reads the tables that all others use
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system itself clears away kernels that have ended
    with socket.socket(fileno=descriptor) as asked, asked.makefile("rw", encoding="utf-8") as file:
        while request := file.readline():
            arguments, folder, own = json.loads(request)
            if pid := os.fork():
                file.write(f"{pid}\n")
                file.flush()
            else:
                asked.detach()
                os.close(descriptor)
                os.setsid()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.chdir(folder)
                os.environ.update(own)
                kernel(arguments)
                os._exit(0)


def kernel(arguments: Sequence[str]) -> None:
    """Be a kernel until it is shut down; none, without a word, where another program has taken one of its ports meanwhile."""
    import numpy as np
    from ipykernel.kernelapp import launch_new_instance

    np.random.seed()
    sys.argv = ["ipykernel_launcher", *arguments]
    try:
        launch_new_instance()
    except Exception as error:  # a ZMQError, whose package the kernel brings
        if getattr(error, "errno", None) != errno.EADDRINUSE:
            raise


if __name__ == "__main__":
    del sys.path[0]  # this script's folder
    serve(int(sys.argv[1]), sys.argv[2:])
