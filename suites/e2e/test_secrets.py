"""Passwords, tokens and signatures that a run is given are in nothing that it leaves."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, inspect, select, text

from quantgate.history.connection import parse
from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from suites.e2e.world import World
    from suites.postgres import Cluster

#: One for each place in which people keep them; with a blank and marks where the place allows them.
SECRETS = {
    "password of the history": "pw 01/QmVydGhh",
    "password in the history's query": "pw02QmVydGhh",
    "user of a source": "pw03:QmVydGhh",
    "signature of a source": "pw04/QmVydGhh+=",
    "signature of an archive": "pw05QmVydGhh",
    "reason of an expected failure": "pw06QmVydGhh",
    "PGPASSWORD": "pw07QmVydGhh",
    "pgpass": "pw08QmVydGhh",
    "proxy": "pw09QmVydGhh",
    "token of the pipeline": "pw10QmVydGhh",
    "argument": "pw11QmVydGhh",
    "address of the build": "pw12QmVydGhh",
}
#: What all of them have in common, so that half a secret is found too.
MARK = b"QmVydGhh"


def manifest() -> str:
    """Declare a model that is judged, and two that are skipped because they were never fetched."""
    source = (
        f"https://me:{SECRETS['user of a source']}@models.invalid/a.onnx"
        f"?X-Amz-Signature={quote(SECRETS['signature of a source'], safe='')}"
    )
    archive = f"https://models.invalid/b.zip?sig={SECRETS['signature of an archive']}"
    reason = f"see https://bugs.invalid/7?token={SECRETS['reason of an expected failure']}"
    rest = tiny.MANIFEST.partition("[models.tiny]")[2].replace('source = "parent.xml"\n', "")
    limits = "limits = { max_size_ratio = 0.9 }\n"
    return (
        f"{tiny.MANIFEST}limits = {{ min_agreement = 0.999, max_size_ratio = 0.9 }}\n"
        f'expected_failure.min_agreement = {{ reason = "{reason}", floor = 0.5, expires = 2099-01-01 }}\n'
        f'[models.signed]{rest}source = {{ url = "{source}", sha256 = "{"a" * 64}" }}\n{limits}'
        f'[models.packed]{rest}source = {{ url = "{archive}", sha256 = "{"b" * 64}", member = "m.onnx" }}\n'
        f"{limits}"
    )


def environment(home: Path) -> dict[str, str]:
    """Give what a pipeline's environment holds."""
    return {
        "HOME": str(home),
        "PGPASSWORD": SECRETS["PGPASSWORD"],
        "HTTPS_PROXY": f"http://me:{SECRETS['proxy']}@127.0.0.1:9",
        "GITHUB_TOKEN": SECRETS["token of the pipeline"],
        "JENKINS_URL": "https://ci.invalid",
        "BUILD_URL": f"https://me:{SECRETS['address of the build']}@ci.invalid/7/",
    }


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give the name and the content of every file below a folder but what the user wrote."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in {"models.toml", ".pgpass"}:
            yield str(path), path.read_bytes()


def leaks(found: Iterator[tuple[str, bytes]]) -> list[str]:
    """Name what holds a secret, spelled in any of the usual ways."""
    spelled = {MARK, *(quote(secret, safe="").encode() for secret in SECRETS.values())}
    return [name for name, data in found if any(secret in data for secret in spelled)]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide a home with a password file as libpq wants it."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".pgpass").write_text(f"*:*:*:*:{SECRETS['pgpass']}\n")
    (folder / ".pgpass").chmod(0o600)
    return folder


def test_no_secret_is_in_anything_that_a_run_leaves(
    world: World, project: Callable[[str], Path], home: Path, cluster: Cluster
) -> None:
    """Of twelve, not one is in the terminal, the report, Allure, the store or the database."""
    folder, database = project(manifest()), cluster.create("secrets")
    password = quote(SECRETS["password of the history"], safe="")
    url = database.replace("@/", f":{password}@/") + (
        f"&password={SECRETS['password in the history' + chr(39) + 's query']}"
    )
    asked = (f"--record={url}", "-W", f"ignore:api_key={SECRETS['argument']}", "--junit-xml=j.xml")

    ran = world.gate(folder, *asked, **environment(home))
    fetched = world.run(folder, "-m", "quantgate", "fetch", "signed", "packed", **environment(home))
    shown = [
        world.run(folder, "-m", "quantgate", *verb, "--history", url, **environment(home))
        for verb in (("trend",), ("history", "export"))
    ]
    again = world.run(
        folder, "-m", "quantgate", "history", "record", str(ran.latest), "--history", url
    )

    assert ran.verdicts["tiny", "max_size_ratio"]["outcome"] == "passed", ran.said
    assert "recorded: " in ran.said
    assert again.status == 0, again.said
    assert fetched.status == 1
    said = [
        (f"line: {line!r}", line)
        for one in (ran, fetched, again, *shown)
        for line in one.said.encode().splitlines()
    ]
    kept = [*everything(folder), *everything(world.root / "store"), *rows(database)]
    assert len(kept) > 20
    assert leaks(iter([*said, *kept])) == []


def rows(url: str) -> Iterator[tuple[str, bytes]]:
    """Give every row of every table of a database."""
    engine = create_engine(parse(url))
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(select(text("*")).select_from(text(table))):
                yield table, repr(tuple(row)).encode()
    engine.dispose()


def test_a_history_with_a_password_is_refused_in_a_shared_file(
    world: World, project: Callable[[str], Path]
) -> None:
    """Beside the user or in the query: models.toml is read by many, and so is what check says."""
    for url in (
        "postgresql://me:pw01QmVydGhh@h/d",
        "postgresql://h/d?password=pw02QmVydGhh",
        "postgresql://me:pw 03 QmVydGhh@h/d",
    ):
        folder = project(f'history = "{url}"\n{tiny.MANIFEST}limits = {{ max_size_ratio = 0.9 }}\n')
        checked = world.run(folder, "-m", "quantgate", "check", "models.toml")
        assert checked.status == 4
        assert "expected no password" in checked.said
        assert "QmVydGhh" not in checked.said


def test_an_address_that_cannot_be_reached_is_told_without_its_password(
    world: World, project: Callable[[str], Path]
) -> None:
    """Errors of drivers and of our own name the server, not who may enter."""
    folder = project(f"{tiny.MANIFEST}limits = {{ max_size_ratio = 0.9 }}\n")
    for url in (
        "postgresql://me:pw01QmVydGhh@127.0.0.1:9/d?connect_timeout=2",
        "postgresql://me:pw 02 QmVydGhh@127.0.0.1:9/d",
        "postgresql://me:pw@03QmVydGhh@127.0.0.1:9/d",
        "postgresql://me:pw04QmVydGhh@127.0.0.1:port/d",
        "mysql://me:pw05QmVydGhh@127.0.0.1/d",
        "postgresql://127.0.0.1:9/d?password=pw06QmVydGhh&nonsense=pw07QmVydGhh",
    ):
        ran = world.gate(folder, f"--record={url}")
        assert ran.status == 4, ran.said
        assert "QmVydGhh" not in ran.said
        assert not os.path.exists(folder / "reports")  # noqa: PTH110 - nothing is left at all


def test_the_sqlite_file_holds_no_secret_either(
    world: World, project: Callable[[str], Path], home: Path
) -> None:
    """The command and the entries that a history keeps are masked before they are kept."""
    folder = project(manifest())

    ran = world.gate(
        folder, "--record", "-W", f"ignore:api_key={SECRETS['argument']}", **environment(home)
    )

    assert "recorded: " in ran.said, ran.said
    with closing(sqlite3.connect(folder / "reports" / "history.sqlite")) as database:
        dump = "\n".join(database.iterdump()).encode()
    assert b"quantgate_runs" in dump
    assert leaks(iter([("dump", dump), ("said", ran.said.encode())])) == []
