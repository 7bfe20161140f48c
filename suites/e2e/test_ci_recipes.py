"""The ready-made workflows of docs/ci: what they run exists, and works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml

from quantgate import cli
from quantgate.commands import gate
from suites.e2e import recipes, tiny
from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from suites.e2e.world import World

pytest_plugins = ["pytester"]

STACKS = recipes.github("github-two-stacks.yml")["jobs"]
MACHINES = (ROOT / "docs" / "many-machines.md").read_text("utf-8")
DOCUMENT = (ROOT / "docs" / "ci.md").read_text("utf-8") + MACHINES
KUBERAY = (recipes.FOLDER / "kuberay.yaml").read_text("utf-8")
#: Commands of a recipe that prepare its machine: not run here.
_PREPARING = re.compile(r"python\S* -m (pip|venv) |apt-get |git config ")


def all_commands() -> list[str]:
    """Every command of every recipe, and those that docs/ci.md shows."""
    found = [
        line
        for recipe in (make() for make in recipes.RECIPES.values())
        for line in (*recipe.plan, *recipe.judge, *recipe.unfit, *recipe.merge)
    ]
    single = [recipes.github(f"github-{name}.yml")["jobs"] for name in ("one-job", "nightly")]
    for jobs in (STACKS, *single):
        found += [line for job in jobs.values() for line in recipes.commands(job["steps"])]
    found += [
        step["script"]
        for step in recipes.github("azure-pipelines.yml")["steps"]
        if "script" in step
    ]
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    found.append(f"{hook['entry']} models.toml")
    found.append(yaml.safe_load(KUBERAY)["spec"]["entrypoint"])
    return found + [line.removeprefix("$ ") for line in DOCUMENT.splitlines() if line[:2] == "$ "]


def calls() -> list[list[str]]:
    """Every call of quantgate, each once."""
    return [
        list(call) for call in dict.fromkeys(map(tuple, recipes.quantgate_calls(all_commands())))
    ]


@pytest.mark.parametrize("call", calls(), ids=" ".join)
def test_every_option_exists(
    call: list[str], pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line and pytest accept all that the recipes give them."""
    own, rest = gate.split(call)

    options = cli._parser().parse_args(own)
    if rest:
        pytester.parseconfig(*rest)

    assert options.verb == call[0]
    assert capsys.readouterr().err == ""


def test_installed_extras_exist() -> None:
    """What the recipes install is declared by the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = [item["requirement"] for item in STACKS["stack"]["strategy"]["matrix"]["include"]]
    image = (recipes.FOLDER / "Containerfile").read_text("utf-8")
    said = "\n".join([*all_commands(), *listed, image, KUBERAY, MACHINES])
    asked = [one for many in re.findall(r"quantgate\[([\w,]+)\]", said) for one in many.split(",")]

    assert {"shards", "shared", "omz", "postgres", "ray"} == set(asked)
    assert set(asked) <= set(project["optional-dependencies"])


def test_actions_are_pinned_as_here() -> None:
    """Each action is the commit that this project's own workflow uses, or pinned to one at least."""
    own = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    pinned = dict(re.findall(r"uses: (\S+)@(\S+)", own))
    for name in sorted(path.name for path in recipes.FOLDER.glob("github-*.yml")):
        used = re.findall(r"uses: (\S+)@(\S+) # v\d", (recipes.FOLDER / name).read_text("utf-8"))
        assert used
        assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit in used)
        assert all(pinned.get(action, commit) == commit for action, commit in used)


def test_the_jenkinsfile_is_whole() -> None:
    """A declarative pipeline with a matrix as wide as its number of shards, every block closed."""
    text = re.sub(r"//.*|'''.*?'''|'[^'\n]*'", "''", (recipes.FOLDER / "Jenkinsfile").read_text())
    source = (recipes.FOLDER / "Jenkinsfile").read_text("utf-8")
    shards = re.search(r"SHARDS = '(\d+)'", source)
    values = re.search(r"values (.*)", source)

    assert text.count("{") == text.count("}")
    assert [word in source for word in ("pipeline {", "agent none", "matrix {", "junit")] == [
        True
    ] * 4
    assert shards is not None
    assert values is not None
    assert re.findall(r"'(\d+)'", values[1]) == [str(i + 1) for i in range(int(shards[1]))]


def make_project(world: World, folder: Path) -> Path:
    """Make a user's repository of two models, with the command quantgate on its machine."""
    for name in ("calibration", "evaluation", "parent.xml", "parent.bin"):
        (folder / name).symlink_to(world.root / name)
    datasets, body = tiny.MANIFEST.split("[models.tiny]")
    limits = "limits = { max_accuracy_drop = 0.03 }\n"
    text = "\n".join([datasets, *(f"[models.{name}]{body}{limits}" for name in ("one", "two"))])
    (folder / "models.toml").write_text(text, encoding="utf-8")
    command = folder / ".venv" / "bin" / "quantgate"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m quantgate "$@"\n')
    command.chmod(0o755)
    return folder


def run_job(world: World, folder: Path, lines: list[str], **environment: str) -> None:
    """Run a job's commands as its service does: in a shell that stops at the first error."""
    for line in lines:
        if _PREPARING.match(line) or _PREPARING.match(line.split("&&")[-1].strip()):
            continue
        done = subprocess.run(
            ["bash", "-e", "-c", line],
            cwd=folder,
            env={
                **os.environ,
                **environment,
                "PYTHONPATH": str(ROOT),
                "QUANTGATE_STORE": str(world.root / "store"),
                "PATH": f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout + done.stderr)


@pytest.mark.skipif(os.name != "posix", reason="the recipes are for POSIX shells")
@pytest.mark.parametrize("service", recipes.RECIPES)
def test_two_shards_and_a_merge(world: World, tmp_path: Path, service: str) -> None:
    """The recipe's own commands judge two models on two machines and join them."""
    recipe = recipes.RECIPES[service]()
    merging = tmp_path / "merging"
    merging.mkdir()
    make_project(world, merging)
    told = tmp_path / "outputs"
    run_job(world, merging, list(recipe.plan), GITHUB_OUTPUT=str(told))
    for index in (1, 2):
        folder = tmp_path / f"machine-{index}"
        folder.mkdir()
        make_project(world, folder)
        run_job(world, folder, list(recipe.judge), **recipe.environment(index, 2, folder))
        recipe.hand_over(index, folder, merging)

    run_job(world, merging, list(recipe.unfit), GITHUB_OUTPUT=str(told))
    run_job(world, merging, list(recipe.merge))

    if recipe.plan:
        planned, count, again, none = told.read_text("utf-8").splitlines()
        judged = [set(job["models"].split()) for job in json.loads(planned[7:])["include"]]
        assert judged == [
            set(json.loads((merging / "reports" / f"shard-{i}" / "durations.json").read_text()))
            for i in (1, 2)
        ]
        assert (count, again, none) == ("count=2", 'matrix={"include": []}', "count=0")
    verdicts = json.loads((merging / "reports" / "merged" / "verdicts.json").read_text("utf-8"))
    assert [v["model"] for v in verdicts["verdicts"]] == ["one", "two"]
    assert (merging / "reports" / "merged" / "junit.xml").is_file()
    assert (merging / "reports" / "merged" / "index.html").is_file()


@pytest.mark.skipif(os.name != "posix", reason="the recipes are for POSIX shells")
def test_two_stacks_are_compared(world: World, tmp_path: Path) -> None:
    """The recipe's own commands leave two runs and the page that compares them."""
    folder = make_project(world, tmp_path)
    stacks = [item["stack"] for item in STACKS["stack"]["strategy"]["matrix"]["include"]]
    for stack in stacks:
        run_job(world, folder, recipes.commands(STACKS["stack"]["steps"]), STACK=stack)
        (folder / "reports" / f"stack-{stack}" / "latest" / "run.json").rename(
            folder / "reports" / f"stack-{stack}" / "run.json"
        )

    run_job(world, folder, recipes.commands(STACKS["compare"]["steps"]))

    assert stacks == ["default", "omz"]
    assert "one" in (folder / "reports" / "stacks.html").read_text("utf-8")


def single_jobs() -> dict[str, list[str]]:
    """Commands of what runs in one job, by name; the action's have the variables that its inputs set."""
    made = {
        name: [
            line
            for job in recipes.github(f"github-{name}.yml")["jobs"].values()
            for line in recipes.commands(job["steps"])
        ]
        for name in ("one-job", "nightly")
    }
    azure = recipes.github("azure-pipelines.yml")["steps"]
    made["azure"] = [step["script"] for step in azure if "script" in step]
    action = yaml.safe_load((ROOT / ".github/actions/gate/action.yml").read_text("utf-8"))
    made["action"] = [
        line
        for line in recipes.commands(action["runs"]["steps"])
        if not line.startswith("python -m pip")
    ]
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    made["pre-commit"] = [f"{hook['entry']} models.toml"]
    return made


@pytest.mark.skipif(os.name != "posix", reason="the recipes are for POSIX shells")
@pytest.mark.parametrize("name", single_jobs())
def test_one_job_is_the_gate(world: World, tmp_path: Path, name: str) -> None:
    """The commands are green as they stand, and end with an error once the manifest cannot be met."""
    folder = make_project(world, tmp_path)
    told = tmp_path / "outputs"
    inputs = {"MANIFEST": "models.toml", "ARGUMENTS": "-k one", "GITHUB_OUTPUT": str(told)}
    lines = single_jobs()[name]

    run_job(world, folder, lines, **inputs)

    if name == "action":
        assert told.read_text("utf-8") == "report=./reports/latest\n"
    if name == "nightly":
        assert (folder / "reports" / "trend.html").is_file()
    if name != "pre-commit":
        assert (folder / "reports" / "latest" / "index.html").is_file()
    text = (folder / "models.toml").read_text("utf-8")
    (folder / "models.toml").write_text(text.replace("0.03", '"much"'), encoding="utf-8")
    with pytest.raises(AssertionError):
        run_job(world, folder, lines, **inputs)
