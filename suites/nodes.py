"""Real Ray nodes for tests: each has a raylet and workers of its own, and all of them share this machine."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What nodes and runs have to know of each other: without it Ray asks for a token, which it keeps in the user's home.
OPEN = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
#: What the command lines of those have in common that do the work.
SEAT, CHILD, ENGINE = "ray::Seat", "quantgate.session.seat", "quantgate.engine.worker.process"


@dataclass(slots=True)
class Nodes:
    """A cluster; its first node only leads it, and has no core to work with."""

    cluster: Any

    @property
    def address(self) -> str:
        """Of the cluster, as ``--ray`` takes it."""
        return str(self.cluster.address)

    def add(self, *, speed: bool = False, **environ: str) -> Any:
        """Start a node of one core whose processes have more environment variables."""
        with mock.patch.dict(os.environ, {**OPEN, **environ}):
            return self.cluster.add_node(
                num_cpus=1, resources={"quantgate_speed": 1} if speed else {}
            )

    def kill(self, node: Any) -> None:
        """Lose a node: its raylet is killed, as all that hangs on it."""
        with suppress(psutil.NoSuchProcess):
            psutil.Process(raylet(node)).send_signal(signal.SIGKILL)
        self.cluster.remove_node(node, allow_graceful=False)


def raylet(node: Any) -> int:
    """Process id of a node's raylet."""
    (found,) = node.all_processes["raylet"]
    return int(found.process.pid)


def at_work(node: Any, mark: str) -> list[psutil.Process]:
    """Find the processes of a node whose command line holds a mark."""
    found = []
    with suppress(psutil.Error):
        for one in psutil.Process(raylet(node)).children(recursive=True):
            with suppress(psutil.Error):
                if any(mark in part for part in one.cmdline()):
                    found.append(one)
    return found


@contextmanager
def nodes(**environ: str) -> Iterator[Nodes]:
    """Lead a cluster that has no node to work on yet."""
    with mock.patch.dict(os.environ, {**OPEN, **environ}):
        from ray.cluster_utils import Cluster

        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, "num_gpus": 0},
        )
    try:
        yield Nodes(cluster)
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call] # of Ray
