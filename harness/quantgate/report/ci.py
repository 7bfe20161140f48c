"""Detect the CI pipeline of a run from its environment variables, for links in Allure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A build of GitHub Actions, GitLab CI or Jenkins.

    Parameters
    ----------
    name, kind
        As people call it, and as Allure does (``github``, ``gitlab``, ``jenkins``).
    build, number
        Name of the build, and its number, for the order of runs.
    build_url, commit_url
        Addresses; empty where the pipeline does not tell them.
    """

    name: str
    kind: str
    build: str
    number: str
    build_url: str
    commit_url: str = ""


def pipeline_of(environ: Mapping[str, str]) -> Pipeline | None:
    """Recognize the pipeline; None on a machine that is none."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return _github(environ)
    if environ.get("GITLAB_CI") == "true":
        return _gitlab(environ)
    if environ.get("JENKINS_URL"):
        number = environ.get("BUILD_NUMBER", "0")
        build = f"{environ.get('JOB_NAME', 'job')} #{number}"
        return Pipeline("Jenkins", "jenkins", build, number, environ.get("BUILD_URL", ""))
    return None


def links_of(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """List ``(name, address)`` of the build and the commit that a gate was judged in."""
    pipeline = pipeline_of(environ)
    if pipeline is None:
        return []
    named = ((pipeline.build, pipeline.build_url), ("commit", pipeline.commit_url))
    return [(name, redacted(address)) for name, address in named if address.startswith("https://")]


def _github(environ: Mapping[str, str]) -> Pipeline:
    place = f"{environ.get('GITHUB_SERVER_URL', '')}/{environ.get('GITHUB_REPOSITORY', '')}"
    number = environ.get("GITHUB_RUN_NUMBER", "0")
    commit = environ.get("GITHUB_SHA", "")
    return Pipeline(
        "GitHub Actions",
        "github",
        f"{environ.get('GITHUB_WORKFLOW', 'workflow')} #{number}",
        number,
        f"{place}/actions/runs/{environ.get('GITHUB_RUN_ID', '')}",
        f"{place}/commit/{commit}" if commit else "",
    )


def _gitlab(environ: Mapping[str, str]) -> Pipeline:
    number, commit = environ.get("CI_PIPELINE_IID", "0"), environ.get("CI_COMMIT_SHA", "")
    project = environ.get("CI_PROJECT_URL", "")
    return Pipeline(
        "GitLab CI",
        "gitlab",
        f"{environ.get('CI_JOB_NAME', 'job')} #{number}",
        number,
        environ.get("CI_JOB_URL", ""),
        f"{project}/-/commit/{commit}" if project and commit else "",
    )
