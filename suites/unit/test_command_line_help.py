"""What the command line says of itself, and of arguments that it does not know."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from quantgate.cli import USAGE, VERBS, main

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [verb.__name__.rpartition(".")[2] for verb in VERBS]


@pytest.mark.parametrize("verb", NAMES)
def test_a_verbs_help_says_what_it_does(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a verb begins with its usage and a sentence, as the list of verbs has it."""
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])

    said = capsys.readouterr().out
    sentence = " ".join(said.split("\n\n")[1].split())
    assert ended.value.code == 0
    assert said.startswith(f"usage: quantgate {verb}")
    assert sentence[0].isupper()
    assert sentence.endswith(".")


@pytest.mark.parametrize("verb", VERBS, ids=NAMES)
def test_every_argument_is_explained(verb: object) -> None:
    """No argument of any verb stands in the help without a word about it."""
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers()
    verb.add(verbs)  # type: ignore[attr-defined] # a module

    (own,) = verbs.choices.values()
    silent = [action.dest for action in own._actions if not action.help]
    assert [name for name in silent if name != "what"] == []


@pytest.mark.parametrize(
    "arguments",
    [["nope"], [], ["check", "--nope"], ["explore"], ["compare"], ["accept", "a", "b"]],
)
def test_wrong_arguments_are_wrong_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 4, what is wrong, and where help is."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    said = capsys.readouterr().err
    assert ended.value.code == USAGE
    assert said.startswith("quantgate: ")
    assert said.endswith(" --help\n")


@pytest.mark.parametrize("arguments", [["one"], ["one", "two", "--against", "last-green"]])
def test_a_comparison_needs_two_runs(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two that are named, or one and the last green run before it."""
    assert main(["compare", *arguments]) == USAGE
    assert "give two runs, or one run with --against last-green" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["explore", "m", "--streams", "0"],
            "--streams: expected a whole number above 0, found '0'",
        ),
        (["explore", "m", "--batch", "1,x"], "--batch: expected a whole number above 0, found 'x'"),
        (["explore", "m", "--hint", "fast"], "expected latency or throughput, found 'fast'"),
        (["explore", "m", "--latency-ms", "-1"], "of milliseconds above 0, found '-1'"),
        (["explore", "m", "--latency-ms", "nan"], "of milliseconds above 0, found 'nan'"),
        (["suggest", "m", "--runs", "0"], "--runs: expected a whole number above 0, found '0'"),
    ],
)
def test_a_value_that_cannot_be_measured_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was expected and what was found, before a model is built."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["explore", "suggest"])
def test_a_model_that_the_manifest_lacks_is_wrong_usage(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 4, and the model that was probably meant."""
    manifest = tmp_path / "models.toml"
    text = """
[datasets.images]
kind = "digits"
subject = "clean"
size = [192, 192]
count = 8
[models.net]
source = { zoo = "digits-restoration" }
calibrate = "images"
evaluate = { dataset = "images", hold_out = true }
"""
    manifest.write_text(text, "utf-8")

    assert main([verb, "nett", "--manifest", str(manifest)]) == USAGE
    assert "has no model 'nett'; did you mean net?" in capsys.readouterr().err


def test_no_verb_says_where_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever types the name alone is told the first commands; it is no success, for scripts."""
    with pytest.raises(SystemExit) as ended:
        main([])

    said = capsys.readouterr().err
    assert ended.value.code == USAGE
    assert "quantgate init MODEL --images DIR" in said


@pytest.mark.parametrize(("typed", "meant"), [("gat", "gate"), ("comparison", "compare")])
def test_a_mistyped_verb_is_guessed(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verb that was meant most likely, instead of all of them."""
    with pytest.raises(SystemExit):
        main([typed])

    assert f"did you mean {meant}?" in capsys.readouterr().err


def test_the_schema_is_named_and_its_line_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The path exists; in a manifest the line stands on top, once however often it is written."""
    assert main(["schema"]) == 0
    path, line = capsys.readouterr().out.splitlines()
    assert (line, path[-5:]) == (f"#:schema {path}", ".json")
    manifest = tmp_path / "models.toml"
    manifest.write_text("# mine\n", "utf-8")

    for _ in range(2):
        assert main(["schema", str(manifest)]) == 0
    first, second = manifest.read_text("utf-8").splitlines()
    assert first.startswith("#:schema ")
    assert second == "# mine"
    assert main(["schema", str(tmp_path / "none.toml")]) == USAGE


def test_a_shell_completes_verbs_and_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bash itself, given the script, completes the beginning of a verb and of an option."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "complete.bash"
    script.write_text(capsys.readouterr().out, "utf-8")
    ask = (
        f"source {script}; for typed in 'ini' 'init --ann'; do COMP_WORDS=(quantgate $typed); "
        'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _shtab_quantgate; echo "${COMPREPLY[@]}"; done'
    )
    done = subprocess.run([bash, "-c", ask], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["init", "--annotations"]
