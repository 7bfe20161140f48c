"""Mask passwords, tokens and signatures in everything that a run prints or writes.

Whoever writes a text that others read (an error, a record, a report, a terminal's line) passes it
through here. Of an address the user's part, the password and every value of the query go; of other
texts the values of keys that name a secret, and tokens that are known by their look.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MASK = "***"

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
#: An address in a sentence ends where quotes or blanks begin, but for blanks in a password.
_ADDRESS = re.compile(
    rf"(?P<scheme>{_SCHEME})(?P<loose>[^\s/?#@:\"']*:(?!\d+\b)[^\n@\"']*@)?(?P<rest>[^\s\"'<>`|\\]*)"
)
_ENDS_SENTENCE = ".,;:!)]}…"
#: What stands in front of the host: all of it, up to the last @, unless a port or a path came first.
_USERINFO = re.compile(r"(?:[^/?#@:]*:(?!\d+(?:[/?#]|$)).*|[^/?#@]*)@", re.DOTALL)
#: No port, and no user either: what is left of a password that held a character of the syntax.
_BAD_PORT = re.compile(r"(^[^/?#@:\[]*:)(?!\d*(?:[/?#]|$))[^/?#]+")
_VALUE = re.compile(r"(?P<key>[?&;#][^=&;#?]*=)[^&;#]*")
_BARE_QUERY = re.compile(r"(?<=[?&;])[^=&;#?]+(?=[&;#]|$)")
_NAME = (
    r"[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|signature|credential)s?(?:[_-][\w.-]*)?"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_ASSIGNED = re.compile(
    rf"(?P<key>(?<![\w.-])-{{0,2}}{_NAME}=)(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?P<key>\bauthorization:\s*\w+\s+|\bbearer\s+)[A-Za-z0-9+/_.=~-]{6,}", re.IGNORECASE
)
_KNOWN = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z]\w{19,}|"
    r"xox[abprs]-[\w-]{10,}|A[KS]IA[0-9A-Z]{16}|eyJ[\w-]{10,}\.[\w-]+\.[\w-]*)"
)
#: Texts without any of these hold nothing that is masked: names of images by the thousand.
_SUSPICIOUS = re.compile(r"://|=|[Bb]earer|uthorization|_|glpat-|xox|eyJ|A[KS]IA")

_NUMBERS = frozenset({int, float})
#: As long as ``pwd=x``.
_SHORTEST = 5


@lru_cache(maxsize=4096)  # names of images and classes stand in one table after the other
def redacted(text: str) -> str:
    """Mask the secrets in a text; what holds none comes back as it was."""
    if len(text) < _SHORTEST or not _SUSPICIOUS.search(text):
        return text
    if "://" in text:
        text = _ADDRESS.sub(lambda found: _in_sentence(found[0]), text)
    text = _ASSIGNED.sub(rf"\g<key>{MASK}", text)
    text = _HEADER.sub(rf"\g<key>{MASK}", text)
    return _KNOWN.sub(MASK, text)


def redacted_url(url: str) -> str:
    """Mask an address that is the whole text, whatever characters its password holds."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return redacted(url)
    found = _USERINFO.match(rest)
    rest = f"{MASK}@{rest[found.end() :]}" if found else _BAD_PORT.sub(rf"\1{MASK}", rest)
    rest = _BARE_QUERY.sub(MASK, _VALUE.sub(rf"\g<key>{MASK}", rest))
    return f"{scheme}://{rest}"


def redacted_tree(value: Any) -> Any:
    """Mask the secrets in all texts of plain lists and mappings."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: redacted_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        # Most values by far are numbers of tables: they are spared the call.
        return [item if type(item) in _NUMBERS else redacted_tree(item) for item in value]
    return value


def redacted_command(arguments: Sequence[str]) -> str:
    """Write a command as a shell would read it, its secrets masked argument by argument."""
    return shlex.join(_arguments(arguments))


def holds_password(url: str) -> bool:
    """Whether an address has a password: beside the user, or as a value of its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True  # brackets in a password look like a broken IPv6 host
    userinfo = _USERINFO.match(url.partition("://")[2])
    if userinfo is not None and ":" in userinfo[0]:
        return True
    query = parse_qsl(f"{parts.query}&{parts.fragment}", keep_blank_values=False)
    return any(_SECRET_NAME.fullmatch(key) for key, _ in query)


def _in_sentence(address: str) -> str:
    kept = address.rstrip(_ENDS_SENTENCE)
    return redacted_url(kept) + address[len(kept) :]


def _arguments(arguments: Sequence[str]) -> Iterator[str]:
    secret = False
    for argument in arguments:
        if secret and not argument.startswith("-"):
            yield MASK
        elif "://" in argument:
            start = re.search(_SCHEME, argument)
            at = start.start() if start else 0
            yield redacted(argument[:at]) + redacted_url(argument[at:])
        else:
            yield redacted(argument)
        secret = argument.startswith("-") and bool(_SECRET_NAME.fullmatch(argument.lstrip("-")))
