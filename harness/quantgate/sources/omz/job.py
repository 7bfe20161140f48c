"""Downloading and converting one model with openvino-dev's tools."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quantgate.errors import SourceError, SourceUnavailableError, StoreError
from quantgate.sources.omz.running import ToolResult, run_tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantgate.progress import Progress
    from quantgate.sources.omz.environment import OmzTools
    from quantgate.sources.omz.index import OmzModel

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a download is tried, and how the pause between is waited for."""

    count: int
    sleep: Callable[[float], None]
    backoff_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """One model to download into a folder, at one precision, with the tools of an environment.

    ``command`` is what a person types to fetch it, named where there is no network.
    """

    model: OmzModel
    precision: str
    tools: OmzTools
    command: str
    progress: Progress

    def run(self, folder: Path, cache: Path, attempts: Attempts) -> None:
        """Write NAME.xml and NAME.bin into the folder, and nothing else.

        Raises
        ------
        SourceUnavailableError, SourceError, StoreError
            In one sentence, where it cannot be downloaded or converted, or the disk is full.
        """
        work = folder / "work"
        try:
            self._download(work, cache, attempts)
            if self.model.framework != "dldt":
                self._convert(work)
        finally:
            self.progress.close()
        self._collect(work, folder)
        shutil.rmtree(work)

    def _download(self, work: Path, cache: Path, attempts: Attempts) -> None:
        relay = _DownloadRelay(self.model.name, self.progress)
        arguments = ["--output_dir", str(work / "download"), "--cache_dir", str(cache)]
        arguments += ["--progress_format", "json", "--num_attempts", "1"]
        for attempt in range(attempts.count):
            if attempt:
                # What came whole is in the cache already, so only the rest is tried again.
                attempts.sleep(attempts.backoff_s * 2 ** (attempt - 1))
            outcome = self._run("omz_downloader", arguments, relay)
            if outcome.status == 0:
                return
            error = _why_not_downloaded(self.model, self.command, outcome)
            if not isinstance(error, SourceUnavailableError):
                raise error
        raise error

    def _convert(self, work: Path) -> None:
        self.progress.start(f"convert {self.model.name}", 0)
        arguments = ["--download_dir", str(work / "download")]
        arguments += ["--output_dir", str(work / "converted")]
        outcome = self._run("omz_converter", arguments, lambda line: log.info("%s", line))
        if outcome.status != 0:
            _refuse_full_disk(outcome)
            raise SourceError(
                f"omz model {self.model.name!r} cannot be converted by openvino-dev {self.model.release}: "
                f"{outcome.reason()}"
            )

    def _run(self, tool: str, arguments: list[str], relay: Callable[[str], None]) -> ToolResult:
        chosen = ["--name", self.model.name, "--precisions", self.precision]
        return run_tool(self.tools, [f"{self.tools.package}.{tool}", *chosen, *arguments], relay)

    def _collect(self, work: Path, folder: Path) -> None:
        found = sorted(work.rglob(f"{self.precision}/{self.model.name}.xml"))
        if len(found) != 1 or not found[0].with_suffix(".bin").is_file():
            raise SourceError(
                f"omz model {self.model.name!r}: expected one IR in {self.precision} from "
                f"openvino-dev's tools, found {len(found)}"
            )
        for path in (found[0], found[0].with_suffix(".bin")):
            path.rename(folder / path.name)


class _DownloadRelay:
    """Turns the downloader's events into progress, and every other line into a log line."""

    def __init__(self, model: str, progress: Progress) -> None:
        self._model, self._progress, self._done = model, progress, 0

    def __call__(self, line: str) -> None:
        event = _event(line)
        size = event.get("size", 0)
        match event.get("$type"):
            case "model_file_download_begin":
                self._progress.start(f"{self._model}: {event.get('model_file')}", size)
                self._done = 0
            case "model_file_download_progress":
                # Sizes count from the start of the file.
                self._progress.advance(size - self._done)
                self._done = size
            case None:
                log.info("%s", line)


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) and "$type" in event else {}


def _why_not_downloaded(model: OmzModel, command: str, outcome: ToolResult) -> SourceError:
    _refuse_full_disk(outcome)
    if outcome.last("Hash mismatch"):
        expected, actual = (outcome.last(mark) or "" for mark in ("Expected:", "Actual:"))
        return SourceError(
            f"omz model {model.name!r}: expected SHA-384 {expected.split()[-1]}, found "
            f"{actual.split()[-1]}; the download was removed: the publisher has changed the file"
        )
    refused = outcome.last("Client Error:")
    if refused:
        return SourceError(f"omz model {model.name!r}: its server refuses it ({refused[-200:]})")
    return SourceUnavailableError(
        f"omz model {model.name!r} cannot be downloaded ({outcome.reason()}); where there is a "
        f"network, run `{command}`"
    )


def _refuse_full_disk(outcome: ToolResult) -> None:
    if outcome.last("No space left on device"):
        raise StoreError("the disk is full: free space in the store, or set QUANTGATE_STORE")
