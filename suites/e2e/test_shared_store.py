"""A store on S3, on a server of this machine: built once, fetched everywhere, and gone without harm."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from suites.e2e import tiny
from suites.e2e.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from suites.e2e.world import Ran

LIMITS = "limits = { max_accuracy_drop = 0.05, min_agreement = 0.9 }\n"
#: What a run says of a model that it had to make.
MADE = "made INT8 model"
NETWORK = {
    "AWS_ACCESS_KEY_ID": "here",
    "AWS_SECRET_ACCESS_KEY": "only-here-0123456789",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMotoServer]:
    """Start S3 with one empty bucket."""
    started = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    started.start()
    boto3.client(
        "s3",
        endpoint_url=endpoint(started),
        aws_access_key_id="here",
        aws_secret_access_key="here",  # noqa: S106 - of a server that asks for none
        region_name="us-east-1",
    ).create_bucket(Bucket="models")
    yield started
    started.stop()


def endpoint(server: ThreadedMotoServer) -> str:
    """Address of the service."""
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the manifest beside the images and the parent."""
    made = tmp_path_factory.mktemp("fleet")
    for name in ("calibration", "evaluation", "parent.xml", "parent.bin"):
        (made / name).symlink_to(world.root / name)
    (made / "models.toml").write_text(tiny.MANIFEST + LIMITS, encoding="utf-8")
    return made


def machine(folder: Path, server: ThreadedMotoServer, name: str) -> dict[str, str]:
    """Environment of a machine of its own: a home, and the way to the service."""
    cache = folder / name
    return {**NETWORK, "AWS_ENDPOINT_URL": endpoint(server), "XDG_CACHE_HOME": str(cache)}


def gate(folder: Path, environ: dict[str, str], place: str) -> Ran:
    """Gate with a shared store."""
    reports = f"reports-{environ['XDG_CACHE_HOME'].rpartition('/')[2]}"
    ran = World(folder, {}).gate(
        folder, "--store", f"s3://models/{place}", "--reports", reports, **environ
    )
    (folder / "reports").unlink(missing_ok=True)
    (folder / "reports").symlink_to(folder / reports)
    return ran


def test_a_second_machine_quantizes_nothing(folder: Path, server: ThreadedMotoServer) -> None:
    """The same verdicts to the last digit, from what the first one built; the report names the address."""
    first = gate(folder, machine(folder, server, "a"), "warm")
    told = first.verdicts
    second = gate(folder, machine(folder, server, "b"), "warm")

    assert first.status == second.status == 0, first.said + second.said
    assert "store s3://models/warm" in first.said
    assert MADE in first.said
    assert MADE not in second.said
    values = [
        {key: (one["outcome"], one.get("value"), one.get("low")) for key, one in verdicts.items()}
        for verdicts in (told, second.verdicts)
    ]
    assert values[0] == values[1]
    assert NETWORK["AWS_SECRET_ACCESS_KEY"] not in first.said


def test_two_at_once_do_not_disturb_each_other(folder: Path, server: ThreadedMotoServer) -> None:
    """Both build what neither finds, and a third finds all of it whole."""
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "quantgate", "gate", "models.toml"),
                *("--store", "s3://models/both", "--reports", f"both-{name}"),
            ],
            cwd=folder,
            env={**environment(), **machine(folder, server, name)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in ("c", "d")
    ]
    said = [one.communicate(timeout=300)[0] for one in started]
    third = gate(folder, machine(folder, server, "e"), "both")

    assert [one.returncode for one in started] == [0, 0], said
    assert third.status == 0
    assert MADE not in third.said
    assert "damaged" not in third.said


def test_a_service_that_is_away_costs_sharing_only(
    folder: Path, server: ThreadedMotoServer
) -> None:
    """The run judges what it makes itself, and says once why nothing was shared."""
    away = machine(folder, server, "f") | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}

    ran = gate(folder, away, "away")

    assert ran.status == 0, ran.said
    assert MADE in ran.said
    assert ran.said.count("s3://models/away cannot be reached (3 attempts") == 1


def environment() -> dict[str, str]:
    """Give what a process of this machine has, without a store of its own."""
    return {key: value for key, value in os.environ.items() if key != "QUANTGATE_STORE"}
