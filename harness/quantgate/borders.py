"""Where foreign bytes are read: what parsers and libraries raise on damage becomes one sentence of ours."""

from __future__ import annotations

import csv
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.errors import HarnessError

#: What Python's own readers raise on bytes that are not what they expect, from a truncated file to lists
#: nested a thousand deep (RecursionError is a RuntimeError, ParseError of XML a SyntaxError).
DAMAGE: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    csv.Error,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
_LONGEST = 200


@contextmanager
def border(
    kind: type[HarnessError], what: str, advice: str = "", *, also: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Read foreign bytes inside the block; damage is reported as ``what: reason; advice``.

    Parameters
    ----------
    what
        What cannot be read, with the file's path in it.
    also
        What a library raises beyond `DAMAGE`.

    Raises
    ------
    HarnessError
        Of the given kind; errors that are ours already pass as they are.
    """
    try:
        yield
    except (*DAMAGE, *also) as error:
        raise kind(f"{what}: {reason_of(error)}{f'; {advice}' if advice else ''}") from error


def reason_of(error: BaseException) -> str:
    """Say what a foreign error says, within one short sentence."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        # Of a folder that was copied: every file with its reason, "[Errno 28] No space left on device: 'a'".
        why = str(error.args[0][0][-1])
        return why.partition("] ")[2].partition(": ")[0] or why
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, MemoryError):
        return "it would take more memory than there is"
    text = " ".join(str(error).split())
    if isinstance(error, KeyError):
        text = f"no {text}"
    return (
        text
        if len(text) <= _LONGEST
        else f"{text[: _LONGEST - 1]}…"
        if text
        else type(error).__name__
    )
