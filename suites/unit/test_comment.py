"""The comment on a change: what it says, and how it is posted and updated."""

from __future__ import annotations

import http.server
import json
import re
import stat
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.estimate import Estimate
from quantgate.errors import ReportError
from quantgate.report.compare import compare_runs
from quantgate.report.digest import MARK, MOST_CHARACTERS, comment, digest
from quantgate.report.forge import change_of, post
from quantgate.report.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GITHUB = {"GITHUB_REPOSITORY": "team/models", "GITHUB_REF": "refs/pull/7/merge"}
GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_ID": "42", "CI_MERGE_REQUEST_IID": "7"}
#: Stands in for gh and glab: keeps comments in a file, and every call beside it.
CLI = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
kept = here / "comments.json"
comments = json.loads(kept.read_text()) if kept.exists() else []
method, path = sys.argv[3], sys.argv[4]
with (here / "calls").open("a") as calls:
    calls.write(method + " " + path + "\\n")
if method == "GET":
    page = int(path.rpartition("page=")[2])
    print(json.dumps(comments[(page - 1) * 100 : page * 100]))
else:
    body = json.load(sys.stdin)["body"]
    if method == "POST":
        comments.append({{"id": 1000 + len(comments), "body": body}})
    else:
        next(c for c in comments if str(c["id"]) == path.rpartition("/")[2])["body"] = body
    kept.write_text(json.dumps(comments))
    print(json.dumps({{"html_url": "https://forge/7"}}))
"""


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put stand-ins for gh and glab on an otherwise empty PATH."""
    for name in ("gh", "glab"):
        tool = tmp_path / name
        tool.write_text(CLI.format(python=sys.executable))
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("environ", "updated"),
    [
        (GITHUB, "PATCH repos/team/models/issues/comments/1150"),
        (GITLAB, "PUT projects/42/merge_requests/7/notes/1150"),
    ],
)
def test_one_comment_is_updated_in_place(
    forge: Path, environ: dict[str, str], updated: str
) -> None:
    """The first run adds it behind 150 comments of others, the second changes it."""
    others = [{"id": 1000 + i, "body": f"talk {i}, not {MARK}"} for i in range(150)]
    (forge / "comments.json").write_text(json.dumps(others))
    change = change_of(environ)

    first = post(change, f"{MARK}\none")
    post(change, f"{MARK}\ntwo")

    kept = json.loads((forge / "comments.json").read_text())
    assert first == "https://forge/7"
    assert [one["body"] for one in kept[150:]] == [f"{MARK}\ntwo"]
    assert (forge / "calls").read_text().splitlines()[-1] == updated


class Api(http.server.BaseHTTPRequestHandler):
    """Holds comments as a forge's API does; refuses a wrong token."""

    comments: list[dict[str, Any]] = []  # noqa: RUF012 - one server, one list

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, status: int, value: object) -> None:
        """Send JSON."""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def do_GET(self) -> None:
        """List."""
        right = self.headers.get("Authorization") == "Bearer secret"
        self.answer(200 if right else 403, self.comments if right else {})

    def do_POST(self) -> None:
        """Add."""
        length = int(self.headers["Content-Length"])
        self.comments.append({"id": 1, **json.loads(self.rfile.read(length))})
        self.answer(201, {"html_url": "https://forge/1"})


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the API on the loopback device, with neither gh nor glab on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    Api.comments = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_token_serves_where_there_is_no_command_line(api: str) -> None:
    """The API is asked directly; a token that may not write is one sentence without the token."""
    right = change_of({**GITHUB, "GITHUB_API_URL": api, "GITHUB_TOKEN": "secret"})
    wrong = change_of({**GITHUB, "GITHUB_API_URL": api, "GITHUB_TOKEN": "ghp_wrong"})

    assert post(right, f"{MARK}\nx") == "https://forge/1"
    assert Api.comments[0]["body"] == f"{MARK}\nx"
    with pytest.raises(ReportError, match="answered 403") as caught:
        post(wrong, f"{MARK}\nx")
    assert "ghp_wrong" not in str(caught.value)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No change, no means to comment, a command line that fails: each says what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReportError, match="give its number with --change N"):
        change_of({})
    with pytest.raises(ReportError, match="install gh, or set GITHUB_TOKEN"):
        post(change_of(GITHUB), "x")
    tool = tmp_path / "gh"
    tool.write_text("#!/bin/sh\necho 'gh: Not Found (HTTP 404)' >&2\nexit 1\n")
    tool.chmod(0o755)
    with pytest.raises(ReportError, match=r"ended with 1: gh: Not Found \(HTTP 404\)"):
        post(change_of(GITHUB), "x")


def test_the_comment_says_what_moved_and_answers(sample: Any) -> None:
    """What moved against the base, an answer a model, a link; pictures only where they are served."""
    report = sample.report
    first = report.judged[0]
    good = replace(
        first,
        verdict=replace(
            first.verdict,
            outcome=report.judged[1].verdict.outcome,
            estimate=Estimate(0.97, 0.96, 0.98, 200),
        ),
    )
    base = replace(report, run="run-0", judged=(good, *report.judged[1:]))
    moved = compare_runs(base, report)

    plain = digest(report, link="https://ci/1", moved=moved)
    shown = digest(report, images="https://pages/run", moved=moved)

    assert "| regressed | ssd | Match rate | ✅ 0.970 | ❌ 0.912 |" in plain
    assert "### ❌ ssd" in plain
    assert "[The whole report](https://ci/1)" in plain
    assert "![" not in plain
    assert re.findall(
        r"!\[.*\]\((https://pages/run/pictures/ssd/00-img-00000.png.overlay.webp)\)", shown
    )


def test_a_reason_is_told_once_and_the_length_is_bounded(sample: Any) -> None:
    """Fourteen gates of a model that broke for one reason are one line; 2,000 models fit into a comment."""
    gates = tuple(Problem("odd", f"gate-{i}", "broken", "cannot be read") for i in range(14))
    many = tuple(Problem(f"m{i}", "integrity", "broken", f"lost {i} " * 9) for i in range(2000))

    once = digest(replace(sample.report, problems=gates))
    long = comment(digest(replace(sample.report, problems=many)))

    assert once.count("cannot be read") == 2  # the answer, and the folded table
    assert len(long) <= MOST_CHARACTERS
    assert long.startswith(MARK)
    assert "The rest is in the report" in long
