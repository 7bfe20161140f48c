"""The container file's own lines: what it installs is installed here, and judges a model."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from suites.e2e import tiny

ROOT = Path(__file__).parents[2]
FILE = (ROOT / "docs" / "ci" / "Containerfile").read_text("utf-8").replace("\\\n", " ")


def lines(kind: str) -> list[str]:
    """Give the file's instructions of a kind."""
    return re.findall(rf"^{kind} (.*)$", FILE, re.MULTILINE)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the install line in an environment of its own, the checkout's wheel beside the package index."""
    folder = tmp_path_factory.mktemp("image")
    uv = find_uv_bin()
    subprocess.run([uv, "build", "-q", "--wheel", "-o", folder / "dist", ROOT], check=True)
    subprocess.run([uv, "venv", "-q", "--seed", folder / "venv"], check=True)
    (run,) = lines("RUN")
    install = run.split("&&")[0]
    environ = {
        **os.environ,
        "PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(folder / "dist"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",
    }
    done = subprocess.run(
        ["sh", "-ec", install], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


def test_what_it_runs_is_there(image: Path) -> None:
    """Entry point and command judge a model in a folder that is mounted, with nothing else but the store."""
    entry, command = (json.loads(line) for kind in ("ENTRYPOINT", "CMD") for line in lines(kind))
    work = image / "work"
    work.mkdir()
    tiny.make(work)
    limits = "limits = { max_accuracy_drop = 0.05 }\n"
    (work / "models.toml").write_text(tiny.MANIFEST + limits, encoding="utf-8")

    done = subprocess.run(
        [image / "venv" / "bin" / entry[0], *command],
        cwd=work,
        env={"PATH": "/usr/bin:/bin", "HOME": str(image), "QUANTGATE_STORE": str(image / "store")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "PASSED  tiny: accuracy drop" in done.stdout


def test_nothing_of_it_needs_root() -> None:
    """The user that gates are run by is made before, owns the store, and is not root."""
    (run,), (user,) = lines("RUN"), lines("USER")
    made = next(shlex.split(part) for part in run.split("&&") if "useradd" in part)

    assert user != "0"
    assert user == made[made.index("--uid") + 1]
    assert f"chown {made[-1]} /store" in run
