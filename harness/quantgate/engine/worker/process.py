"""The worker's side: answers calls until its run is gone."""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import logging
import os
import signal
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from quantgate.engine.worker.border import Relay, RelayedLog, answer_of, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def main(descriptor: int, parent: int, warm: Sequence[str]) -> None:
    """Run until the other end of the pipe is closed.

    Parameters
    ----------
    descriptor
        This end of the pipe.
    parent
        Process id of the run.
    warm
        Modules to import before the first call, while the run is still reading images.
    """
    die_with(parent)
    faulthandler.enable(all_threads=True)  # to standard error, which the run keeps as evidence
    with Connection(descriptor) as connection:
        relay = Relay(connection)
        logging.getLogger().addHandler(RelayedLog(relay))
        logging.captureWarnings(capture=True)
        for name in warm:
            importlib.import_module(name)
        relay.send("ready")
        serve(connection, relay)


def serve(connection: Connection, relay: Relay) -> None:
    """Answer one call after the other."""
    while True:
        try:
            data = connection.recv_bytes()
        except EOFError:
            return
        relay.send_bytes(_answer(data, relay))


def die_with(parent: int) -> None:
    """Be killed when the process that started this one ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it could be asked for
        os._exit(1)


def _answer(data: bytes, relay: Relay) -> bytes:
    def call() -> object:
        function, args, kwargs = unpack(data, relay)
        return function(*args, **kwargs)

    return answer_of(call)
