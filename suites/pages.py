"""Pages of the documentation as programs: files that they show, commands, and what these say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>.*?) -->\n)?^```(?P<kind>\w*|\{[\w-]+\})\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
#: What stands before a command: a dollar, after the name of a machine where there are several.
_PROMPT = re.compile(r"^(?:\w+)?\$ +", re.MULTILINE)
_NUMBER = re.compile(r"[−-]?\d[\d.,]*")
_NETWORK = "needs the network, and a release of this package on an index"
#: Commands that no test runs as they stand, by page, each with the reason.
NOT_RUN = {
    (
        "README.md",
        "python -m pip install tox && tox -e gate",
    ): "the first job of every build of this project",
    ("README.md", "tox -e tests"): "the job that these tests are of",
    ("README.md", "pip install quantgate"): _NETWORK,
    (
        "docs/tutorial.md",
        "python -m venv venv && . venv/bin/activate",
    ): "the tests have an environment",
    ("docs/tutorial.md", "pip install quantgate"): _NETWORK,
    ("docs/open-model-zoo.md", 'pip install "quantgate[omz]"'): _NETWORK,
    ("docs/air-gapped.md", "pip download quantgate --dest wheels"): _NETWORK,
    (
        "docs/air-gapped.md",
        "pip install --no-index --find-links wheels quantgate",
    ): "needs the wheels of the line above",
    ("docs/ci.md", 'pip install "quantgate[shared]"'): _NETWORK,
    (
        "docs/ci.md",
        "quantgate gate models.toml --store s3://bucket/quantgate",
    ): "needs a bucket; suites/e2e/test_shared_store.py gates by an address of each kind",
    ("docs/many-machines.md", 'pip install "quantgate[ray,shared]"'): _NETWORK,
    (
        "docs/many-machines.md",
        "quantgate gate models.toml --ray=10.0.0.7:6379 --store s3://bucket/quantgate",
    ): "needs a cluster of several machines; the line above it starts one here",
    (
        "docs/many-machines.md",
        "ray start --address 10.0.0.7:6379 --resources '{\"quantgate_speed\": 1}'",
    ): "Ray's own, on another machine; suites/unit/test_kuberay.py holds the resource against what is looked for",
    (
        "docs/remedy.md",
        "quantgate remedy fragile --minutes 3",
    ): "suites/e2e/test_remedy.py runs it, and holds what it says against the page",
    (
        "docs/explain.md",
        "quantgate explain yolox-nano",
    ): "a real network, which is not in this repository; suites/e2e/test_explain.py holds the words against the page",
    (
        "docs/package.md",
        "cosign sign-blob --bundle certificate.sigstore.json release/ssd/certificate.json",
    ): "a program of others, which signs by an account",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, and the comment above it that tells a test what it is: ``file: NAME; exits: N``."""

    kind: str
    text: str
    note: str = ""

    def told(self, key: str) -> str | None:
        """Give what the comment says of a key."""
        said = (part.partition(": ") for part in self.note.split("; "))
        return next((value for found, colon, value in said if colon and found == key), None)


@dataclass(frozen=True, slots=True)
class Command:
    """A line after a prompt and the lines below it, which its output must contain in this order."""

    line: str
    says: tuple[str, ...]


def blocks(page: Path, until: str = "") -> list[Block]:
    """Read the fenced blocks of a page, or those before a heading."""
    text = page.read_text("utf-8")
    text = text[: text.index(until)] if until else text
    return [Block(m["kind"], m["text"], m["note"] or "") for m in _BLOCK.finditer(text)]


def pages(root: Path) -> list[Path]:
    """List all pages of the documentation, the first one of the repository included."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def commands(block: Block) -> list[Command]:
    """Read the commands of a transcript; a comment behind a command is no part of it."""
    found: list[Command] = []
    for part in _PROMPT.split(block.text)[1:]:
        first, *rest = part.splitlines()
        says = tuple(line for line in rest if line.strip() not in {"", "…"})
        found.append(Command(first.partition("  #")[0].strip(), says))
    return found


def plain(text: str) -> str:
    """Join lines and hide numbers, which machines and versions move."""
    return _NUMBER.sub("#", " ".join(text.split()))


def missing(said: str, says: tuple[str, ...]) -> str | None:
    """Give the first line of a transcript that what was said does not contain, in order."""
    rest = plain(said)
    for line in says:
        _, found, rest = rest.partition(plain(line))
        if not found:
            return line
    return None
