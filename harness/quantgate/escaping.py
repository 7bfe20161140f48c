r"""Foreign text made harmless for each medium: terminal, Markdown, workflow commands, TOML, CSV, HTML.

Names of images, classes and files, reasons of servers and messages of libraries hold whatever somebody put
there: line ends, escape sequences, marks that turn the direction of writing, Markdown, formulas. Everywhere
the characters that are not seen are spelled as Python spells them, ``\x1b``; each medium adds its own.
"""

from __future__ import annotations

import html
import json
import re
from functools import lru_cache

#: Controls, and marks that are not seen but change how the rest is shown: C0, DEL, C1, Arabic letter mark,
#: zero width space, directions, line and paragraph ends, invisible operators, byte order, annotations, tags.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
#: What runners of pipelines take for commands: GitHub's at the start of a line, its old ones and those of
#: Azure and TeamCity wherever they stand.
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#(?:\[|[a-z]+\[))", re.MULTILINE)
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>()#+!|~$&:]|(?<=www)\.", re.IGNORECASE)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_FORMULA = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def printable(text: str) -> str:
    r"""Spell bytes of a file name that are no UTF-8 so that terminals, JSON and pages can hold them.

    Where the system's own encoding is narrower than UTF-8 (``LC_ALL=C`` without Python's UTF-8 mode)
    the letters come back; bytes that are no UTF-8 are written as Python writes them, ``\xe9``.
    """
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate of another origin: an escape in somebody's JSON
        data = text.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace")


def one_line(text: str) -> str:
    """Spell out whatever is not seen, line ends too: a name, a reason, a sentence."""
    shown = text if text.isascii() else printable(text)
    return shown if shown.isascii() and shown.isprintable() else _UNSEEN.sub(_spelled, shown)


def visible_lines(text: str) -> str:
    """Spell out whatever is not seen, but for the ends of lines of our own."""
    return "\n".join(map(one_line, text.split("\n")))


def terminal(text: str) -> str:
    """Make lines of our own fit for a terminal and for the log of a pipeline; line ends stay.

    Names within them have to be one line already.
    """
    return _COMMAND.sub(_broken, visible_lines(text))


def markdown(text: str) -> str:
    """Write a text for a line or a cell of Markdown, in which nothing of it is alive."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", " ".join(one_line(text).split()))
    # Mentions and references are found in the finished page, where a backslash is gone: a comment parts them.
    return re.sub(r"@|(?<=\\#)(?=\d)", lambda found: f"{found[0]}<!-- -->", escaped)


def markdown_code(text: str) -> str:
    """Write a text as code within a line or a cell of Markdown."""
    shown = " ".join(one_line(text).split())
    fence = _fence(shown, 1)
    padded = f" {shown} " if shown.startswith("`") or shown.endswith("`") else shown
    return f"{fence}{padded.replace('|', chr(92) + '|')}{fence}" if shown else ""


def markdown_block(text: str) -> str:
    """Write lines as a block of code, which they cannot leave."""
    shown = visible_lines(text)
    fence = _fence(shown, 3)
    return f"{fence}\n{shown}\n{fence}"


def workflow_message(text: str) -> str:
    """Write the message of a workflow command, lines and all."""
    return visible_lines(text).replace("%", "%25").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """Write a value of a workflow command's property."""
    return workflow_message(text).replace(":", "%3A").replace(",", "%2C")


def toml_string(text: str) -> str:
    """Write a text as a basic string of TOML, quotes and all: reading it gives the text back."""
    return _UNSEEN.sub(
        lambda found: f"\\U{ord(found[0]):08x}", json.dumps(text, ensure_ascii=False)
    )


def toml_key(key: str) -> str:
    """Write a key as TOML has it: in quotes where it holds a dot, a space or the like."""
    return key if _BARE.fullmatch(key) else toml_string(key)


def table_name(*keys: str) -> str:
    """Write the name of a TOML table.

    Examples
    --------
    >>> table_name("models", "mobilenet-v2-1.0", "limits")
    'models."mobilenet-v2-1.0".limits'
    """
    return ".".join(map(toml_key, keys))


@lru_cache(maxsize=4096)  # names of images and classes stand in one table after the other
def csv_text(text: str) -> str:
    """Write a text as a cell of CSV, in front of which an apostrophe keeps a formula from running."""
    shown = one_line(text)
    return f"'{shown}" if _FORMULA.match(text) else shown


def markup(text: str) -> str:
    """Write a text for HTML, within an element or a quoted attribute."""
    return html.escape(one_line(text), quote=True)


def _spelled(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _broken(found: re.Match[str]) -> str:
    return f"{found[1]}\\x3a" if found[0].endswith(":") else r"\x23"


def _fence(text: str, least: int) -> str:
    runs = (len(run) for run in re.findall("`+", text))
    return "`" * max(least, 1 + max(runs, default=0))
