"""Damage: bytes of a good file after what disks, networks, editors and strangers do to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

#: What parsers stumble over, put where a number or a word of a text stood.
_ODD = (
    b"",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e999",
    b"NaN",
    b"-Infinity",
    b"9" * 5000,
    b"1" + b"0" * 30,
    "٣".encode(),
    "²".encode(),
    b'"\\ud800"',
    b'"\x00"',
    b"[]",
    b"{}",
    b'""',
    b"\xff\xfe",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"../../../etc/passwd",
    b"\x1b[31m\n::error::x",
    "é\u202e".encode(),
)
_TOKEN = re.compile(rb'-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|"[^"\n]{0,40}"|\b[A-Za-z_][\w-]{0,30}\b')
_ENCODINGS = ("utf-16", "utf-32", "utf-7", "cp037", "big5", "nonsense", "utf-8-sig", "ebcdic")


def mutant(data: bytes, rng: random.Random) -> bytes:
    """Damage bytes once to four times, each time in another way."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_WAYS)(data, rng)
    return data


def _flip(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    at = rng.randrange(len(changed))
    changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _early_flip(data: bytes, rng: random.Random) -> bytes:
    """Flip a bit where formats keep what they say of themselves."""
    return _flip(data[:128], rng) + data[128:]


def _truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _remove(data: bytes, rng: random.Random) -> bytes:
    start, length = _span(data, rng)
    return data[:start] + data[start + length :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start, length = _span(data, rng)
    return data[: start + length] + data[start:]


def _zero(data: bytes, rng: random.Random) -> bytes:
    """Lose a block, as disks do."""
    start, length = _span(data, rng)
    return data[:start] + bytes(length) + data[start + length :]


def _noise(data: bytes, rng: random.Random) -> bytes:
    start, length = _span(data, rng)
    return data[:start] + rng.randbytes(length) + data[start + length :]


def _overwrite_word(data: bytes, rng: random.Random) -> bytes:
    """Write an extreme 32-bit number over four bytes."""
    if len(data) < 4:
        return data
    at = rng.randrange(len(data) - 3)
    word = rng.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000))
    return data[:at] + word.to_bytes(4, rng.choice(("little", "big"))) + data[at + 4 :]


def _odd_token(data: bytes, rng: random.Random) -> bytes:
    """Put something odd in the place of a number, a string or a word."""
    tokens = list(_TOKEN.finditer(data[:200_000]))
    if not tokens:
        return _noise(data, rng)
    found = rng.choice(tokens)
    return data[: found.start()] + rng.choice(_ODD) + data[found.end() :]


def _encoded(data: bytes, rng: random.Random) -> bytes:
    """Claim an encoding, or change to one."""
    name = rng.choice(_ENCODINGS)
    head = f"<?xml version='1.0' encoding='{name}'?>".encode()
    if data.startswith(b"<?xml") and b"?>" in data[:200]:
        return head + data[data.index(b"?>") + 2 :]
    try:
        return data.decode().encode(name)
    except (UnicodeError, LookupError):
        return b"\xff\xfe" + data


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    return rng.randrange(len(data) + 1), min(len(data), rng.choice((1, 2, 7, 64, 512, 4096)))


_WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _flip,
    _early_flip,
    _early_flip,
    _truncate,
    _remove,
    _repeat,
    _zero,
    _noise,
    _overwrite_word,
    _odd_token,
    _odd_token,
    _odd_token,
    _encoded,
)
