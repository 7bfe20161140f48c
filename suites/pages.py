"""Pages of the documentation as programs: files that they show, commands, and what these say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>.*?) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)
_NUMBER = re.compile(r"[−-]?\d[\d.,]*")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, and the comment above it that tells a test what it is: ``file: NAME``, ``exits: N``."""

    kind: str
    text: str
    note: str = ""

    def told(self, key: str) -> str | None:
        """Give what the comment says of a key."""
        found, colon, value = self.note.partition(": ")
        return value if colon and found == key else None


@dataclass(frozen=True, slots=True)
class Command:
    """A line after a prompt and the lines below it, which its output must contain in this order."""

    line: str
    says: tuple[str, ...]


def blocks(page: Path) -> list[Block]:
    """Read the fenced blocks of a page."""
    text = page.read_text("utf-8")
    return [Block(m["kind"], m["text"], m["note"] or "") for m in _BLOCK.finditer(text)]


def commands(block: Block) -> list[Command]:
    """Read the commands of a transcript; a comment behind a command is no part of it."""
    found: list[Command] = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
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
