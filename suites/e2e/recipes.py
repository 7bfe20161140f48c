"""The recipes of docs/ci, read as their services read them: jobs, commands, what is handed over."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

FOLDER = ROOT / "docs" / "ci"
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
#: Jenkins' shell steps: '''…''' over several lines, or '…'.
_SH = re.compile(r"\bsh\s+(?:'''(.*?)'''|'([^'\n]*)')", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to run shards on a service.

    Parameters
    ----------
    judge, merge
        Shell commands of a shard's job, and of the job that joins them.
    environment
        Variables that the service sets in shard ``index`` of ``count``, in a folder.
    hand_over
        Brings what a shard's job keeps from its folder to where the last job finds it.
    plan, unfit
        Commands of the jobs that plan the shards, and that list those to be judged again.
    """

    judge: Sequence[str]
    merge: Sequence[str]
    environment: Callable[[int, int, Path], dict[str, str]]
    hand_over: Callable[[int, Path, Path], None]
    plan: Sequence[str] = ()
    unfit: Sequence[str] = ()


def github(name: str = "github-actions.yml") -> dict[str, Any]:
    """Read a workflow; YAML 1.1 takes its key ``on`` for a truth value."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return found


def commands(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the shell commands of a job's steps."""
    return [step["run"] for step in steps if "run" in step]


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put values for expressions; an expression without one is an error."""
    return _EXPRESSION.sub(lambda match: values[match[1]], text)


def steps_using(steps: Sequence[Mapping[str, Any]], action: str) -> Iterator[Mapping[str, Any]]:
    """List what is given to each use of an action."""
    return (step["with"] for step in steps if step.get("uses", "").startswith(action))


def github_recipe() -> Recipe:
    """Read the workflow of planned shards."""
    jobs = github()["jobs"]
    shard, last = jobs["shard"], jobs["quantgate"]

    def environment(index: int, count: int, folder: Path) -> dict[str, str]:
        values = {"matrix.shard": str(index), "matrix.shards": str(count)}
        values["github.workspace"] = str(folder)
        return {name: filled(value, values) for name, value in shard["env"].items()}

    def hand_over(index: int, folder: Path, merging: Path) -> None:
        kept = next(steps_using(shard["steps"], "actions/upload-artifact"))
        brought = next(steps_using(last["steps"], "actions/download-artifact"))
        path, name = (filled(kept[key], {"matrix.shard": str(index)}) for key in ("path", "name"))
        assert Path(name).match(brought["pattern"])
        shutil.copytree(folder / path, merging / brought["path"] / name)

    planned, listed = (commands(jobs[name]["steps"]) for name in ("plan", "unfit"))
    judge, merge = commands(shard["steps"]), commands(last["steps"])
    assert commands(jobs["again"]["steps"]) == judge
    return Recipe(judge, merge, environment, hand_over, planned, listed)


def gitlab_recipe() -> Recipe:
    """Read GitLab's jobs."""
    document = yaml.safe_load((FOLDER / "gitlab-ci.yml").read_text("utf-8"))
    shard, last = document["shard"], document["merge"]
    before = document["default"]["before_script"]

    def environment(index: int, count: int, folder: Path) -> dict[str, str]:
        return {
            "CI_NODE_INDEX": str(index),
            "CI_NODE_TOTAL": str(count),
            "CI_PROJECT_DIR": str(folder),
        }

    def hand_over(index: int, folder: Path, merging: Path) -> None:
        del index
        for path in shard["artifacts"]["paths"]:
            shutil.copytree(folder / path, merging / path, symlinks=True, dirs_exist_ok=True)

    return Recipe([*before, *shard["script"]], [*before, *last["script"]], environment, hand_over)


def jenkins_recipe() -> Recipe:
    """Read the shell steps of the Jenkinsfile's two stages."""
    text = (FOLDER / "Jenkinsfile").read_text("utf-8")
    judge, merge = text.split("stage('Merge')")

    def environment(index: int, count: int, folder: Path) -> dict[str, str]:
        del folder
        return {"SHARD": str(index), "SHARDS": str(count)}

    def hand_over(index: int, folder: Path, merging: Path) -> None:
        assert 'dir("reports/shard-${SHARD}/latest")' in judge
        assert 'dir("reports/shard-${shard}") { unstash' in merge
        name = f"reports/shard-{index}"
        shutil.copytree(folder / name / "latest", merging / name)

    return Recipe(shell_steps(judge), shell_steps(merge), environment, hand_over)


def shell_steps(text: str) -> list[str]:
    """List what the ``sh`` steps of a Jenkinsfile run."""
    return [(long or short).replace("\\\n", " ").strip() for long, short in _SH.findall(text)]


def _is_argument(word: str) -> bool:
    """Whether a word of a shell command comes before any redirection."""
    return not word.startswith(">")


RECIPES = {"github": github_recipe, "gitlab": gitlab_recipe, "jenkins": jenkins_recipe}


def quantgate_calls(lines: Sequence[str]) -> Iterator[list[str]]:
    """List the arguments of every call of ``quantgate`` in shell commands."""
    for line in lines:
        for part in line.split("&&"):
            words = [*takewhile(_is_argument, shlex.split(part, comments=True))]
            if words and Path(words[0]).name == "quantgate":
                yield words[1:]
