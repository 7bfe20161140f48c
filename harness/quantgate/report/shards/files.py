"""The files of shards, laid together in one run's folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from quantgate.borders import border
from quantgate.errors import ReportError
from quantgate.report.allure.session import attach_page_after
from quantgate.report.files import on_disk, point_latest, write_atomic
from quantgate.report.publish import load_run, run_folder, tell_pipeline, write_run
from quantgate.report.shards.reports import merge_reports
from quantgate.shard import DURATIONS, read_durations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quantgate.report.shards.reports import Merged

#: Of each shard alone: the merged run writes its own.
_OF_A_SESSION = ("environment.properties", "categories.json", "executor.json")
_WHOLE = "pass the complete folder of each shard"
_GLOBALS = "-globals.json"
_OF_A_SESSION_END = ("-perf.json", _GLOBALS)


def lay_together(shards: Sequence[Path], target: Path) -> None:
    """Join pictures, tallies, pages of searches, Allure results, JUnit XML, timings and durations of shards in ``target``.

    Raises
    ------
    ReportError
        Where a file of a shard cannot be read, or the disk is full.
    """
    for shard in shards:
        for name, ignore in (
            ("pictures", None),
            ("tallies", None),
            ("remedies", None),
            ("answers", None),
            ("allure-results", _of_a_session),
        ):
            if (shard / name).is_dir():
                with on_disk(target):
                    shutil.copytree(shard / name, target / name, ignore=ignore, dirs_exist_ok=True)
    _join(shards, target, "junit.xml", _junit)
    _join(shards, target, "benchmark.json", _benchmarks)
    _join(shards, target, DURATIONS, _durations)


def _of_a_session(folder: str, names: list[str]) -> set[str]:
    """Leave out what speaks of one shard's session, with the page that was attached to it."""
    left = {name for name in names if name in _OF_A_SESSION or name.endswith(_OF_A_SESSION_END)}
    for name in [name for name in left if name.endswith(_GLOBALS)]:
        path = Path(folder, name)
        with border(ReportError, f"{path} cannot be read", _WHOLE):
            document = json.loads(path.read_text(encoding="utf-8"))
            left |= {str(item["source"]) for item in document.get("attachments", ())}
    return left


def _join(
    shards: Sequence[Path], target: Path, name: str, join: Callable[[list[bytes]], bytes]
) -> None:
    found = [shard / name for shard in shards if (shard / name).is_file()]
    if not found:
        return
    where = ", ".join(map(str, found))
    with border(ReportError, f"{name} of a shard cannot be read ({where})", _WHOLE):
        joined = join([path.read_bytes() for path in found])
    write_atomic(target / name, joined)


def _junit(documents: list[bytes]) -> bytes:
    """Put all test cases into one suite, its counts added up."""
    suites = [s for d in documents for s in ET.fromstring(d).iter("testsuite")]  # noqa: S314 - a run's own file
    merged = ET.Element("testsuites", {"name": "pytest tests"})
    whole = ET.SubElement(merged, "testsuite", dict(suites[0].attrib))
    for name in ("errors", "failures", "skipped", "tests"):
        whole.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    whole.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")
    whole.set("timestamp", min(suite.get("timestamp", "") for suite in suites))
    for suite in suites:
        whole.extend(suite)
    written: bytes = ET.tostring(merged, encoding="utf-8", xml_declaration=True)
    return written


def _benchmarks(documents: list[bytes]) -> bytes:
    read = [json.loads(document) for document in documents]
    records = [record for document in read for record in document["benchmarks"]]
    return json.dumps({**read[0], "benchmarks": records}, indent=1).encode()


def _durations(documents: list[bytes]) -> bytes:
    seconds = {model: s for d in documents for model, s in json.loads(d).items()}
    return json.dumps(seconds, indent=1).encode()


def _renewed(path: Path, known: Mapping[str, float], merged: Merged) -> bytes:
    """Keep what is known of models that no shard judged: a model that broke at once is not a short one."""
    judged = {one.verdict.model for one in merged.report.judged}
    took = json.loads(path.read_bytes()) if path.is_file() else {}
    told = {model: s for model, s in took.items() if model in judged or model not in known}
    data = json.dumps({**known, **told}, indent=1).encode()
    write_atomic(path, data)
    return data


def merge_runs(
    shards: Sequence[Path],
    output: Path,
    *,
    mixed: bool = False,
    environ: Mapping[str, str],
    durations: Path | None = None,
) -> Merged:
    """Join shards' folders in ``output``, and point ``latest`` beside it at it.

    Parameters
    ----------
    durations
        File of durations to renew: the merged run's own holds what it says of other models, too.

    Raises
    ------
    ShardError
        Where the shards do not make one run.
    ReportError
        Where one cannot be read, or ``output`` is taken or cannot be written.
    """
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise ReportError(f"{output} exists already: give another --output, or remove it first")
    reports = [load_run(shard) for shard in shards]
    merged = merge_reports(reports, mixed=mixed)
    known = read_durations(durations) if durations and durations.exists() else {}
    aside = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        lay_together([run_folder(shard) for shard in shards], aside)
        renewed = _renewed(aside / DURATIONS, known, merged)
        results = aside / "allure-results"
        page = write_run(merged.report, aside, allure=results, environ=environ)
        attach_page_after(page, results)
        with on_disk(output):
            aside.replace(output)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    if durations is not None:
        write_atomic(durations, renewed)
    point_latest(output)
    tell_pipeline(merged.report, environ)
    return merged
