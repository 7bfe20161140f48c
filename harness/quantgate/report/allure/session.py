"""What Allure wants to know once a session: environment, executor, categories, metrics, the page."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker

from quantgate.redaction import redacted
from quantgate.report.ci import pipeline_of
from quantgate.report.files import write_atomic
from quantgate.report.words import run as run_words
from quantgate.report.words.int8 import load_line

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from quantgate.report.model import Judged, RunReport

#: Larger pages stay in the run's directory only.
_MOST_PAGE_BYTES = 10_000_000
CATEGORIES: tuple[dict[str, Any], ...] = (
    {"name": "Regressed: a limit was missed", "matchedStatuses": ["failed"]},
    {
        "name": "Undecided: the interval contains the limit, or the machine is unfit",
        "matchedStatuses": ["broken"],
        "messageRegex": ".*UNDECIDED.*",
    },
    {
        "name": "Known: expected in models.toml",
        "matchedStatuses": ["skipped"],
        "messageRegex": ".*KNOWN.*",
    },
    {
        "name": "Broken: the harness could not judge",
        "matchedStatuses": ["broken"],
        "messageRegex": "(?!.*UNDECIDED).*",
    },
)


def write_session(report: RunReport, results: Path, environ: Mapping[str, str]) -> None:
    """Write the session's files into an Allure results directory; controlling process only."""
    results.mkdir(parents=True, exist_ok=True)
    write_atomic(results / "environment.properties", _environment(report).encode())
    write_atomic(results / "categories.json", json.dumps(CATEGORIES, indent=1).encode())
    write_atomic(results / "executor.json", json.dumps(_executor(report, environ)).encode())
    metrics = [metric for judged in report.judged for metric in _metric(judged, report)]
    if metrics:
        write_atomic(results / f"{uuid.uuid4()}-perf.json", json.dumps(metrics).encode())


def attach_page(page: Path) -> None:
    """Attach the run's page to the whole run, where it is small enough."""
    import allure

    from quantgate.report.allure.results import is_on

    if is_on() and page.stat().st_size <= _MOST_PAGE_BYTES:
        allure.global_attach(page.read_bytes(), page.name, "text/html", "html")


def attach_page_after(page: Path, results: Path) -> None:
    """Attach a page to the whole run where no test session writes the results any more."""
    from allure_commons import plugin_manager
    from allure_commons.lifecycle import AllureLifecycle
    from allure_commons.logger import AllureFileLogger

    if page.stat().st_size > _MOST_PAGE_BYTES:
        return
    writer = AllureFileLogger(results)
    plugin_manager.register(writer)
    try:
        AllureLifecycle().global_attach_data(
            str(uuid.uuid4()), page.read_bytes(), page.name, "text/html", "html"
        )
    finally:
        plugin_manager.unregister(writer)


def _environment(report: RunReport) -> str:
    facts = {
        **report.versions,
        **report.machine,
        "fingerprint": report.fingerprint,
        "manifest": report.manifest,
        "manifest.sha256": report.manifest_digest,
        "outcome": run_words.run_summary(report),
        **{f"int8.{model.id}": load_line(model) for model in report.models if model.load},
    }
    return "".join(f"{_key(name)}={_one_line(value)}\n" for name, value in facts.items())


def _executor(report: RunReport, environ: Mapping[str, str]) -> dict[str, str]:
    executor = {"name": "quantgate", "type": "local", "buildName": report.run}
    pipeline = pipeline_of(environ)
    if pipeline is not None:
        executor |= {
            "name": pipeline.name,
            "type": pipeline.kind,
            "buildName": pipeline.build,
            "buildOrder": pipeline.number,
            "buildUrl": redacted(pipeline.build_url),
        }
    return executor


def _metric(judged: Judged, report: RunReport) -> list[dict[str, Any]]:
    verdict = judged.verdict
    if verdict.estimate is None:
        return []
    start = dt.datetime.fromisoformat(report.started).timestamp() * 1000
    return [
        {
            "id": str(uuid.uuid4()),
            "key": f"{verdict.model}.{verdict.limit.key}",
            "value": verdict.estimate.value,
            "start": round(start),
            "stop": round(start + report.duration_s * 1000),
            "title": f"{verdict.model}: {verdict.quantity}",
            "unit": verdict.estimate.unit,
            "group": verdict.model,
            "groupTitle": verdict.model,
            "better": "higher" if verdict.limit.relation == "min" else "lower",
        }
    ]


def _key(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name)


def _one_line(value: str) -> str:
    return " ".join(str(value).replace("\\", "\\\\").split())


#: Allure's own mark, which its package exports without types.
hookimpl = HookimplMarker("allure")


@dataclass(slots=True, eq=False)  # pluggy keeps plugins in sets
class Losses:
    """Stands around Allure's own writer; ``reasons`` has one entry for each file that is missing."""

    reasons: list[str] = field(default_factory=list)

    @hookimpl(wrapper=True)
    def report_result(self) -> Generator[None, object, object]:
        """Let a test's result be written, or count it."""
        return (yield from self._written())

    @hookimpl(wrapper=True)
    def report_container(self) -> Generator[None, object, object]:
        """Let the fixtures of a test be written, or count them."""
        return (yield from self._written())

    @hookimpl(wrapper=True)
    def report_attached_file(self) -> Generator[None, object, object]:
        """Let an attached file be written, or count it."""
        return (yield from self._written())

    @hookimpl(wrapper=True)
    def report_attached_data(self) -> Generator[None, object, object]:
        """Let an attachment be written, or count it."""
        return (yield from self._written())

    def _written(self) -> Generator[None, object, object]:
        try:
            return (yield)
        except OSError as error:
            self.reasons.append(str(error.strerror or error))
            return None

    def sentence(self) -> str:
        """Say what is missing; empty where everything was written."""
        if not self.reasons:
            return ""
        count = f"{len(self.reasons)} file{'' if len(self.reasons) == 1 else 's'}"
        return f"{count} of the Allure results could not be written: {self.reasons[0]}"


def watch_losses() -> Losses:
    """Register a counter with Allure for the rest of this process."""
    from allure_commons import plugin_manager

    losses = Losses()
    plugin_manager.register(losses)
    return losses
