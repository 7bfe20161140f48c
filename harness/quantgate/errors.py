"""Every way in which the harness itself can fail: never an AssertionError, so never a red gate.

A limit missed is an AssertionError (the model regressed). Everything here means that the harness
could not tell: bad input, a crash, a measurement that did not decide.
"""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Spell a text that may hold bytes of a file name which Python could not decode.

    Where the system's own encoding is narrower than UTF-8 (``LC_ALL=C`` without Python's UTF-8 mode)
    the letters come back; bytes that are no UTF-8 are written as Python writes them, ``\xe9``.
    """
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate of another origin: an escape in somebody's JSON
        data = text.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace")


class HarnessError(Exception):
    """Something kept the harness from judging.

    The message is one sentence for people: what happened, where (dotted path, file or image), what
    was expected, what was found, and what to do.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class ManifestError(HarnessError):
    """models.toml is wrong; carries every problem found, not only the first.

    Attributes
    ----------
    problems
        One sentence each, in the order of the file, each starting with its dotted path.
    """

    def __init__(self, path: str, problems: tuple[str, ...]) -> None:
        self.path = path
        self.problems = problems
        count = f"{len(problems)} problem" + ("" if len(problems) == 1 else "s")
        super().__init__("\n".join([f"{path}: {count}", *(f"  - {line}" for line in problems)]))


class UsageError(HarnessError):
    """The command line names something that there is not."""


class StackError(HarnessError):
    """The installed libraries do not fit together (two stacks mixed, or none installed)."""


class SourceError(HarnessError):
    """A model could not be obtained or read."""


class SourceUnavailableError(SourceError):
    """A model is not on this machine and has to be fetched first: skipped unless sources are strict."""


class PluginError(HarnessError):
    """What another package adds through an entry point cannot be used."""


class StoreError(HarnessError):
    """The content-addressed store cannot be written or read (full or read-only disk)."""


class DatasetError(HarnessError):
    """A dataset is missing, empty, inconsistent, or too many of its images are unreadable."""


class PreprocessError(HarnessError):
    """An image cannot be brought into the form that the model's input asks for."""


class DecoderError(HarnessError):
    """The model's outputs do not fit the decoder, or hold NaN or infinity."""


class QuantizationError(HarnessError):
    """The optimizer refused or crashed, or the model is quantized already."""


class MeasurementError(HarnessError):
    """A number could not be measured (nothing to measure, or the run broke)."""


class WorkerError(HarnessError):
    """The process in which models run died, or took longer than it may.

    Attributes
    ----------
    evidence
        What it wrote at last: messages of native code, and where every thread was.
    """

    def __init__(self, sentence: str, evidence: str = "") -> None:
        super().__init__(sentence)
        self.evidence = evidence


class OutOfMemoryError(WorkerError):
    """The memory of this machine, or of its container, did not suffice."""


class UndecidedError(HarnessError):
    """A verdict is UNDECIDED: the interval straddles the limit or the machine is unfit."""


class ShardError(HarnessError):
    """A run cannot be split over machines as asked, or its shards do not make one run."""


class ReportError(HarnessError):
    """Evidence or a report could not be made or written."""


class HistoryError(HarnessError):
    """The history of runs cannot be opened, read or written, or what it is given does not fit it."""
