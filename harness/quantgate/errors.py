"""Errors of the harness itself: never an AssertionError, so never a red gate.

A limit missed is an AssertionError (the model regressed). Everything here means that the harness
could not tell: bad input, a crash, a measurement that did not decide.
"""

from __future__ import annotations

from quantgate.escaping import one_line, terminal
from quantgate.redaction import redacted


class HarnessError(Exception):
    """Something kept the harness from judging.

    The message is one sentence for people: what happened, where (dotted path, file or image), what
    was expected, what was found, and what to do. Whatever file names, servers and libraries put into
    it is made harmless here, and no password or token stays in it.
    """

    def __str__(self) -> str:
        return redacted(one_line(super().__str__()))


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
        super().__init__(f"{path}: {count}")

    def __str__(self) -> str:
        told = (redacted(one_line(problem)) for problem in self.problems)
        return "\n".join([super().__str__(), *(f"  - {line}" for line in told)])


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
    """A verdict is UNDECIDED: the interval contains the limit or the machine is unfit.

    Its message is the lines that the terminal shows of the verdict.
    """

    def __str__(self) -> str:
        return redacted(terminal(Exception.__str__(self)))


class ShardError(HarnessError):
    """A run cannot be split as requested, or its shards do not form one run."""


class FleetError(HarnessError):
    """The machines that were to judge together cannot."""


class ReportError(HarnessError):
    """Evidence or a report could not be made or written."""


class HistoryError(HarnessError):
    """The history of runs cannot be opened, read or written, or what it is given does not fit it."""


class PackageError(HarnessError):
    """A package cannot be made, or is not as it was made."""
