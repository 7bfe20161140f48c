"""One comment on a change, kept up to date: through ``gh`` or ``glab`` where they are, else with an API token."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from quantgate.errors import ReportError
from quantgate.redaction import redacted
from quantgate.report.digest import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PAGE = 100
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull or merge request on GitHub or GitLab.

    Parameters
    ----------
    cli
        The forge's command line, ``gh`` or ``glab``.
    comments, comment
        Paths of the API: of all comments, and of one (``{}`` is its number).
    verb
        HTTP method by which a comment is changed.
    api, header, token
        Root of the API, and name and value of the header that carries the token; empty without a token.
    """

    cli: str
    comments: str
    comment: str
    verb: str
    api: str = ""
    header: str = ""
    token: str = ""


def change_of(environ: Mapping[str, str], number: str = "") -> PullRequest:
    """Recognize the change that a pipeline belongs to; ``number`` names another one.

    Raises
    ------
    ReportError
        Where this is no pipeline of a change, saying what to set.
    """
    if environ.get("GITLAB_CI") == "true":
        return _gitlab(environ, number or environ.get("CI_MERGE_REQUEST_IID", ""))
    repository = environ.get("GITHUB_REPOSITORY", "")
    parts = environ.get("GITHUB_REF", "").split("/")
    number = number or (parts[2] if parts[:2] == ["refs", "pull"] else "")
    if not repository or not number.isdigit():
        raise ReportError(
            "no pull or merge request to comment on: expected GITHUB_REPOSITORY and GITHUB_REF=refs/pull/N/merge, "
            "or GitLab's CI_MERGE_REQUEST_IID; give its number with --change N, or --dry-run to see the comment"
        )
    token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN", "")
    return PullRequest(
        "gh",
        f"repos/{repository}/issues/{number}/comments",
        f"repos/{repository}/issues/comments/{{}}",
        "PATCH",
        environ.get("GITHUB_API_URL", "https://api.github.com"),
        "Authorization",
        f"Bearer {token}" if token else "",
    )


def _gitlab(environ: Mapping[str, str], number: str) -> PullRequest:
    project = environ.get("CI_PROJECT_ID", "")
    if not project or not number.isdigit():
        raise ReportError(
            "no merge request to comment on: expected CI_PROJECT_ID and CI_MERGE_REQUEST_IID, which GitLab sets "
            "in pipelines of merge requests; give its number with --change N"
        )
    notes = f"projects/{quote(project, safe='')}/merge_requests/{number}/notes"
    token = environ.get("GITLAB_TOKEN", "")
    api = environ.get("CI_API_V4_URL", "")
    return PullRequest("glab", notes, f"{notes}/{{}}", "PUT", api, "PRIVATE-TOKEN", token)


def post(change: PullRequest, body: str) -> str:
    """Write the comment: the one that is there is changed, else a new one is made. Return its address.

    Raises
    ------
    ReportError
        Where the forge refuses or cannot be reached.
    """
    found = next(
        (one for one in _comments(change) if str(one.get("body", "")).startswith(MARK)), None
    )
    if found is None:
        answer = _call(change, "POST", change.comments, {"body": body})
    else:
        answer = _call(change, change.verb, change.comment.format(found["id"]), {"body": body})
    return (
        str(answer.get("html_url") or answer.get("web_url") or "")
        if isinstance(answer, dict)
        else ""
    )


def _comments(change: PullRequest) -> Iterator[dict[str, Any]]:
    page = 1
    while True:
        listed = _call(change, "GET", f"{change.comments}?per_page={_PAGE}&page={page}", None)
        if not isinstance(listed, list):
            raise ReportError(
                f"{change.cli}: expected a list of comments, found {type(listed).__name__}"
            )
        yield from (one for one in listed if isinstance(one, dict))
        if len(listed) < _PAGE:
            return
        page += 1


def _call(change: PullRequest, method: str, path: str, body: object) -> Any:
    data = None if body is None else json.dumps(body).encode()
    by_cli = shutil.which(change.cli) is not None
    if not by_cli and not (change.token and change.api):
        raise ReportError(
            f"nothing to comment with: install {change.cli}, or set "
            f"{'GITHUB_TOKEN' if change.cli == 'gh' else 'GITLAB_TOKEN'} to a token that may write comments"
        )
    answer = (
        _by_cli(change, method, path, data) if by_cli else _by_token(change, method, path, data)
    )
    try:
        return json.loads(answer) if answer.strip() else None
    except ValueError as error:
        raise ReportError(f"{change.cli}: the answer to {method} {path} is no JSON") from error


def _by_cli(change: PullRequest, method: str, path: str, data: bytes | None) -> bytes:
    command = [change.cli, "api", "--method", method, path]
    if data is not None:
        command += ["--header", "Content-Type: application/json", "--input", "-"]
    try:
        done = subprocess.run(  # noqa: S603 - the forge's own command line
            command, input=data, capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReportError(f"{change.cli} api {method} {path}: {error}") from error
    if done.returncode:
        said = redacted(done.stderr.decode(errors="replace").strip())
        raise ReportError(f"{change.cli} api {method} {path} ended with {done.returncode}: {said}")
    return done.stdout


def _by_token(change: PullRequest, method: str, path: str, data: bytes | None) -> bytes:
    headers = {change.header: change.token, "Content-Type": "application/json"}
    request = urllib.request.Request(  # noqa: S310 - the pipeline's own API
        f"{change.api.rstrip('/')}/{path}", data, headers, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
            read: bytes = answer.read()
            return read
    except urllib.error.HTTPError as error:
        error.close()
        raise ReportError(
            f"{method} {path}: the server answered {error.code}; the token must be allowed to write comments"
        ) from error
    except OSError as error:
        raise ReportError(f"{method} {path}: {redacted(str(error))}") from error
