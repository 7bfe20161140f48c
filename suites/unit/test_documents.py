"""What README and docs say is what the code has: lists, numbers, names of files, commands."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from quantgate import cli
from quantgate.commands import gate
from quantgate.core.binomial import fewest_units
from quantgate.core.bootstrap import RESAMPLES
from quantgate.core.looks import PLAN
from quantgate.decoders.catalog import DECODERS
from quantgate.engine.rounds import COPIES
from quantgate.entries.kinds import IsaClass
from quantgate.manifest import hints
from quantgate.manifest.draft import DEFAULTABLE
from quantgate.plugin import pytest_addoption
from quantgate.report.export import junit_properties
from quantgate.sources.archive import ArchiveLimits
from quantgate.sources.catalog import AnySource
from quantgate.sources.darknet.activations import ACTIVATIONS
from quantgate.sources.darknet.layers import LAYERS
from quantgate.sources.omz.knowledge import coverage
from quantgate.sources.url import FetchPlan
from quantgate.tasks.catalog import TASKS
from suites import cli_reference

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "reports" / "README.md", *(ROOT / "docs").glob("*.md")])
#: Darknet's other names of layers, which the documentation need not tell, and layers told in a sentence.
_ALIASES = {"avg", "conv", "max", "soft", "empty", "silence"}


def read(name: str) -> str:
    """Read a page with its lines joined, so that a sentence is found wherever it is broken."""
    return " ".join((ROOT / name).read_text("utf-8").split())


def code(page: Path) -> list[str]:
    """Every piece of code of a page: lines of blocks, and what stands in back quotes."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(
        r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    )
    return [line for block in blocks for line in block.splitlines()] + inline


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_are_named_exist(page: Path) -> None:
    """Links lead somewhere, and code, suites and documents that are named are there."""
    text = page.read_text("utf-8")
    links = {link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link}
    named = set(
        re.findall(r"(?<![\w/.])(?:harness|suites|docs)/[\w./{},-]+\w", "\n".join(code(page)))
    )
    spread = {
        f"{head}{part}{tail}"
        for name in named
        for head, parts, tail in [re.fullmatch(r"([^{]*)\{?([^}]*)\}?(.*)", name).groups()]  # type: ignore[union-attr]
        for part in parts.split(",")
    }
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert [name for name in spread if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_verbs_and_their_options_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every `quantgate VERB --option` of a page is in the help of that verb."""
    calls = [piece.partition("quantgate ")[2].partition("#")[0].split() for piece in code(page)]
    for verb, *rest in filter(None, calls):
        if not re.fullmatch(r"[a-z]+", verb):
            continue
        options = [word.partition("=")[0] for word in rest if word.startswith("--")]
        with pytest.raises(SystemExit):
            cli.main([verb, *(rest[:1] if verb in {"history", "ci"} else ()), "--help"])
        said = capsys.readouterr().out
        assert [option for option in options if option not in said] == [], verb


def test_the_first_page_tells_every_verb() -> None:
    """One row a verb, none that there is not."""
    rows = re.findall(
        r"^\| `quantgate (\w+)", (ROOT / "docs" / "index.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted(verb.__name__.rpartition(".")[2] for verb in cli.VERBS)


def test_the_reference_of_the_command_line_is_current() -> None:
    """docs/cli.md is what the parser says; `python -m suites.cli_reference` writes it anew."""
    assert cli_reference.PAGE.read_text("utf-8") == cli_reference.reference()


def test_the_help_of_gate_tells_every_option(pytester_options: list[str]) -> None:
    """Pytest would tell them among hundreds of its own; the manifest is an argument of gate."""
    told = set(re.findall(r"^  (--[a-z-]+)", gate._OPTIONS, re.MULTILINE))
    assert set(pytester_options) - {"--manifest"} <= told


@pytest.fixture
def pytester_options() -> list[str]:
    """Names of the options that the plugin adds to pytest."""
    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    (group,) = [group for group in parser._groups if group.name == "quantgate"]
    return [option.names()[0] for option in group.options]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_keys_that_are_named_exist(page: Path) -> None:
    """Every `calibrate.KEY` and the like, to the last part, is a row of the reference or of a key of NNCF."""
    reference = (ROOT / "docs" / "manifest.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `([\w.]+)`", reference, re.MULTILINE))
    sections = "calibrate|evaluate|preprocess|benchmark|report|expected_failure"
    named = set(
        re.findall(
            rf"(?<![\w./-])(?:{sections})\.([a-z_]+)\b(?!\.(?:py|md))", "\n".join(code(page))
        )
    )
    assert sorted(named - rows - {"json", "md", "py", "html", "advanced"}) == []


def test_what_defaults_may_hold_and_classes_of_machine() -> None:
    """docs/manifest.md names the keys of [defaults] and the ISA classes, all of them."""
    text = read("docs/manifest.md")
    told = re.search(r"\*\*`\[defaults\]`\*\* may hold (.*?)\. They", text)
    classes = re.search(r"a table by ISA class: (.*?)\. On", text)
    assert told
    assert classes
    assert tuple(re.findall(r"`(\w+)`", told[1])) == DEFAULTABLE
    assert tuple(re.findall(r"`(\w+)`", classes[1])) == get_args(IsaClass)


def test_limits_of_downloads_and_archives() -> None:
    """docs/sources.md tells how much is fetched and unpacked at most, and how often it is tried."""
    text, plan, archive = read("docs/sources.md"), FetchPlan(), ArchiveLimits()
    words = {3: "three"}
    assert f"it is tried {words[plan.attempts]} times" in text
    assert f"The limit is {plan.max_bytes >> 30} GB a file" in text
    assert f"unpacks to more than {archive.max_bytes >> 30} GB" in text
    assert f"more than {archive.max_members:,} members" in text


def test_what_darknet_may_hold() -> None:
    """docs/sources.md lists the activations and layers that are read."""
    text = read("docs/sources.md")
    activations = re.search(r"\* Activations: (.*?)\.", text)
    layers = re.search(r"\* Layers: (.*?)\.", text)
    assert activations
    assert layers
    assert activations[1].split(", ") == sorted(ACTIVATIONS)
    assert set(LAYERS) - _ALIASES - {"activation"} <= set(re.findall(r"\w+", layers[1]))


def test_sources_are_told_with_their_keys() -> None:
    """Each row of docs/sources.md is TOML, and has the keys that its kind of source needs."""
    table = (ROOT / "docs" / "sources.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\"[^`]*\"|\{[^`]*\})` \|", table, re.MULTILINE)
    kinds = {next(iter(hints.fields(kind))): kind for kind in get_args(AnySource)}
    told = [tomllib.loads(f"source = {row}")["source"] for row in rows]
    tables = [{"path": one} if isinstance(one, str) else one for one in told]

    assert [next(iter(one)) for one in tables if next(iter(one)) not in kinds] == []
    assert {next(iter(one)) for one in tables} == set(kinds)
    for one in tables:
        kind = kinds[next(iter(one))]
        assert set(hints.required(kind)) <= set(one) <= set(hints.fields(kind))


def test_exports_are_told_with_decoders_that_exist() -> None:
    """The table of what exporters write names decoders of the catalog."""
    table = (
        (ROOT / "docs" / "sources.md").read_text("utf-8").partition("| exported as | decoder |")[2]
    )
    rows = re.findall(r"^\| .* \| `([a-z0-9-]+)`", table.partition("\n\n")[0], re.MULTILINE)
    assert len(rows) > 10
    assert set(rows) <= set(DECODERS)


def test_coverage_of_open_model_zoo_is_told() -> None:
    """The first page and docs/sources.md count as `quantgate check --omz` does."""
    found = [one.support for one in coverage(frozenset(DECODERS), frozenset(TASKS))]
    task, raw, none = (found.count(word) for word in ("task", "tensors", "none"))
    assert (
        f"Zoo's {len(found)} models, {task} are judged by their own task, {raw} more by their raw outputs"
        in read("docs/index.md")
    )
    text = read("docs/sources.md")
    assert f"| of {len(found)} | |" in text
    assert all(
        f"| {count} | {word}" in text
        for count, word in ((task, "judged"), (raw, "fed"), (none, "not"))
    )


def test_units_and_draws_of_accuracy_verdicts() -> None:
    """docs/accuracy.md tells how many units a share takes, and how many draws an interval."""
    text = read("docs/accuracy.md")
    rows = re.findall(r"\| (0\.\d+) \| (\d+) \|", text)
    assert len(rows) == 5
    assert [(share, str(fewest_units(float(share)))) for share, _ in rows] == rows
    assert f"{RESAMPLES:,} times as many images" in text


def test_looks_and_copies_of_the_speed_test() -> None:
    """docs/speed.md tells the looks, the guard and the copies that a gate really takes."""
    text = read("docs/speed.md")
    *first, last = PLAN.looks
    starts = [0, *(sum(COPIES[: n + 1]) for n in range(len(COPIES)))]
    at = [
        next(n for n, (_, end) in enumerate(pairwise(starts), 1) if end >= look)
        for look in PLAN.looks
    ]
    words = {4: "four", 9: "nine"}
    assert f"after {', '.join(map(str, first))} and {last} rounds" in text
    assert f"uses {words[at[0]]} by its first look, {words[at[2]]} by its third" in text
    assert f"{PLAN.guard:.0%}, at most {PLAN.guard_cap:.0%}".replace("%", " %") in text


def test_properties_of_junit_are_listed(judged_names: set[str]) -> None:
    """docs/report.md names each property that a verdict may have."""
    told = re.search(r"as properties \((.*?); what is empty", read("docs/report.md"))
    assert told
    assert set(re.findall(r"`(\w+)`", told[1])) == judged_names


@pytest.fixture
def judged_names() -> set[str]:
    """Names of all properties: of a verdict in which nothing is empty."""
    from quantgate.core.estimate import Estimate
    from quantgate.core.verdict import Limit, Outcome, Verdict
    from quantgate.report.model import Judged, KnownFailure

    estimate = Estimate(1.0, 0.9, 1.1, 9, of="images", unit="dB")
    limit = Limit("min_psnr_db", 2.0, "models.a.limits.min_psnr_db")
    verdict = Verdict("a", "likeness", limit, estimate, Outcome.FAILED, "reason")
    known = KnownFailure("known", 0.5, "2027-01-31")
    judged = Judged(verdict, "detail", "remedy", "repeat", 1.0, known, "unexpected")
    return {name for name, _ in junit_properties(judged)}
