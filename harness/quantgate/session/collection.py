"""From options and models.toml to tests: which gates run, in which order, and where they write."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import ReportError
from quantgate.run import Run
from quantgate.shard import owner_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.entries import ModelEntry

#: The gates in the order of one model: cheap and decisive ones first, timing last.
SUITES = (
    "test_integrity.py",
    "test_accuracy.py",
    "test_agreement.py",
    "test_release.py",
    "test_devices.py",
    "test_execution.py",
    "test_plugged.py",
    "test_speed.py",
)
#: Not a limit of the manifest: every model is asked whether it was quantized at all.
INTEGRITY = "integrity"
#: The gates' own pytest configuration: where it lies, there are the gates.
SETTINGS = "gate.ini"
#: Where a checkout keeps its gates, seen from its top and from its suites.
_OF_A_CHECKOUT = ("suites/gates", "gates")
_DEFAULT_CHARS = "fE"

_CASES: pytest.StashKey[dict[str, list[object]]] = pytest.StashKey()


def gates_directory() -> Path:
    """Find the gates: inside the installed package, or in the checkout beside it."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "gates"
    return shipped if shipped.is_dir() else package.parents[1] / "suites" / "gates"


def gate_arguments(manifest: Path) -> list[str]:
    """Give pytest's arguments that judge a manifest with the gates' own configuration."""
    path, gates = manifest.absolute(), gates_directory()
    own = ["--manifest", str(path), "--rootdir", str(path.parent)]
    return [str(gates), *own, "-c", str(gates / SETTINGS)]


def requested_manifest(config: pytest.Config) -> Path | None:
    """Decide whether this session runs gates, add them to its arguments, and name the manifest.

    Gates run when ``--manifest`` is given, or when the ini option ``quantgate_manifest`` names a
    manifest and pytest is called without arguments or with the gates among them.
    """
    gates = gates_directory()
    explicit = config.getoption("--manifest")
    default = Path(config.rootpath, str(config.getini("quantgate_manifest")))
    if not _covers(config, gates):
        called_bare = config.args_source is not pytest.Config.ArgsSource.ARGS
        if explicit is None and not called_bare:
            return None
        config.args.append(str(gates))
    return Path(config.invocation_params.dir, explicit) if explicit else default


def prepare(config: pytest.Config, manifest: Path) -> Run:
    """Check the installation, read the manifest and name the run's directory.

    Raises
    ------
    StackError
        Where the installed libraries do not fit together.
    ManifestError
        With every problem of the manifest.
    ShardError
        Where the part of the models to judge is not given well.
    MeasurementError
        Where a device of ``evaluate`` is not on this machine.
    """
    from quantgate.manifest import load_manifest
    from quantgate.session.dry_run import runs_nothing
    from quantgate.session.lanes import refuse_absent_devices, with_lanes
    from quantgate.shard import part_of
    from quantgate.stack import check_stack
    from quantgate.store import store_root

    check_stack()
    here = config.invocation_params.dir
    files = [Path(here, name) for name in config.getoption("--limits-from")]
    predictions = config.getoption("--predictions-from")
    other = Path(here, predictions) if predictions else None
    loaded = with_lanes(load_manifest(manifest, (config.getoption("--limit"), files)), other)
    now = dt.datetime.now(dt.UTC)
    given = getattr(config, "workerinput", {}).get("quantgate")
    if given is None and config.getoption("--ray") is None and not runs_nothing(config):
        refuse_absent_devices(loaded)
    reports = Path(config.invocation_params.dir, config.getoption("--reports") or _reports(config))
    store = config.getoption("--store")
    shard, recorded = config.getoption("--shard"), config.getoption("--shard-durations")
    durations = Path(config.invocation_params.dir, recorded) if recorded else None
    # Containers start at the same second under the same process id: only chance keeps a fleet's apart.
    name = f"{now:%Y-%m-%dT%H-%M-%SZ}-{secrets.token_hex(3)}"
    return Run(
        manifest=loaded,
        directory=Path(given["directory"]) if given else reports / name,
        store=store_root(store, config.invocation_params.dir),
        strict_sources=bool(config.getoption("--strict-sources")),
        worker=(given or {}).get("worker") or os.environ.get("PYTEST_XDIST_WORKER", "main"),
        started=given["started"] if given else now.isoformat(timespec="seconds"),
        part=part_of(shard, durations) if shard else None,
    )


def route_output(config: pytest.Config, run: Run) -> None:
    """Send Allure results and JUnit XML into the run's directory, unless the user said where."""
    option = config.option
    if option.reportchars == _DEFAULT_CHARS:
        option.reportchars = ""  # every verdict has its line and its row in the table already
    if option.verbose <= 0:
        option.no_header = True  # pytest's own tells of itself and its plugins: with -v it does
    if getattr(option, "allure_report_dir", "absent") is None:
        option.allure_report_dir = str(run.directory / "allure-results")
    if getattr(option, "xmlpath", "absent") is None:
        option.xmlpath = str(run.directory / "junit.xml")
    if getattr(option, "numprocesses", None) and getattr(option, "dist", "no") in {"no", "load"}:
        option.dist = "loadgroup"


def check_outputs(config: pytest.Config) -> None:
    """Refuse a place for results that cannot be written, before anything is computed.

    Raises
    ------
    ReportError
        Says the option and why.
    """
    for option, name in (("--junit-xml", "xmlpath"), ("--alluredir", "allure_report_dir")):
        given = getattr(config.option, name, None)
        if not given:
            continue
        path = Path(os.path.expandvars(given)).expanduser().absolute()
        folder = path.parent if name == "xmlpath" else path
        try:
            folder.mkdir(parents=True, exist_ok=True)
            writable = os.access(path if path.exists() else folder, os.W_OK)
            problem = "" if writable else "permission denied"
        except OSError as error:
            problem = error.strerror or str(error)
        if problem:
            raise ReportError(
                f"{option} {given}: nothing can be written there ({problem}); name another place, or "
                "leave the option out, then it goes into the run's own folder"
            )


def declare_tags(config: pytest.Config, run: Run) -> None:
    """Make the tags of models.toml marks of pytest: ``-m nightly``."""
    for tag in sorted({tag for entry in run.manifest.models.values() for tag in entry.tags}):
        config.addinivalue_line("markers", f"{tag}: a tag of models.toml")


def cases(config: pytest.Config, run: Run, key: str) -> list[object]:
    """List the models that declare the limit ``key``, as pytest parameters with their tags."""
    if _CASES not in config.stash:
        config.stash[_CASES] = _all_cases(config, run)
    return config.stash[_CASES].get(key, [])


def chosen(run: Run, marker: pytest.Mark | None) -> list[object]:
    """List the models that a test which is no gate runs for: all, or those of its ``models`` mark.

    Raises
    ------
    CollectError
        Where the mark names a model that the manifest does not have, or an unknown argument.
    """
    names = marker.args if marker else ()
    wanted = dict(marker.kwargs) if marker else {}
    unknown = [name for name in names if name not in run.manifest.models]
    strange = wanted.keys() - {"task", "tag"}
    if unknown or strange:
        problem = f"no model {unknown[0]!r} in the manifest" if unknown else f"{min(strange)!r}?"
        raise pytest.Collector.CollectError(
            f"pytest.mark.models(*names, task=None, tag=None): {problem}"
        )
    return [
        pytest.param(model, id=model)
        for model, entry in run.manifest.models.items()
        if entry.lane is None
        if not names or model in names
        if wanted.get("task") in {None, entry.task}
        if wanted.get("tag") is None or wanted["tag"] in entry.tags
    ]


def ordered(run: Run, items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Sort gates by model, then by kind; leave other tests before them, in their own order."""
    rank = {model: place for place, model in enumerate(run.manifest.models)}
    gates: list[tuple[tuple[int, int], pytest.Item]] = []
    others: list[pytest.Item] = []
    for item in items:
        gate = gate_of(item)
        if gate is not None:
            suite = SUITES.index(item.path.name) if item.path.name in SUITES else len(SUITES)
            gates.append(((rank[gate[0]], suite), item))
        else:
            others.append(item)
    gates.sort(key=lambda pair: pair[0])
    return others + [item for _, item in gates]


def is_placeholder(node: pytest.Item | pytest.Collector) -> bool:
    """Whether this is what pytest collects of a gate that no model declares."""
    return (
        isinstance(node, pytest.Item)
        and node.get_closest_marker("limit") is not None
        and gate_of(node) is None
    )


def gate_of(item: pytest.Item) -> tuple[str, str] | None:
    """Name the model and the limit that an item judges; None where it is no gate."""
    marker = item.get_closest_marker("limit")
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    if marker is None or not isinstance(parameters.get("model_id"), str):
        return None
    return parameters["model_id"], marker.args[0]


def declared(run: Run) -> list[tuple[str, str]]:
    """Every (model, limit) that a full run has to judge, in the order of the manifest."""
    return [
        (model, key) for model, entry in run.manifest.models.items() for key in gate_keys(entry)
    ]


def gate_keys(entry: ModelEntry) -> tuple[str, ...]:
    """Keys of the gates of one model: its integrity and every limit that it declares."""
    from quantgate.declared import declared_limits

    return (*(() if entry.lane else (INTEGRITY,)), *declared_limits(entry))


def _all_cases(config: pytest.Config, run: Run) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    grouped = config.pluginmanager.hasplugin("xdist")
    for model, entry in run.manifest.models.items():
        marks = [getattr(pytest.mark, tag) for tag in entry.tags]
        if grouped:
            marks.append(pytest.mark.xdist_group(owner_of(model)))
        for key in gate_keys(entry):
            found.setdefault(key, []).append(pytest.param(model, id=model, marks=marks))
    return found


def _covers(config: pytest.Config, gates: Path) -> bool:
    """Whether gates are among the arguments: the installed ones, or those of a checkout."""
    for argument in config.args:
        path = Path(config.invocation_params.dir, argument.split("::", 1)[0]).resolve()
        if path == gates or gates in path.parents or path in gates.parents:
            return True
        nested = (path, *path.parents, *(path / place for place in _OF_A_CHECKOUT))
        if any((folder / SETTINGS).is_file() for folder in nested):
            return True
    return False


def _reports(config: pytest.Config) -> Path:
    return config.rootpath / "reports"
