"""What the command line says of itself, and of arguments that it does not know."""

from __future__ import annotations

import argparse
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
