"""``quantgate package``: package a model that passed its gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import complain, say
from quantgate.commands.prepare import add_arguments, prepared
from quantgate.errors import PackageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from quantgate.package.licences import Licence
    from quantgate.pipeline.deliverable import JudgedRun

_TERMS = {
    "copyleft": "whoever gets the model may demand its sources, and hands it on on the same terms",
    "research-only": "it may not be used in a product",
    "unknown": "nobody has said what may be done with it",
}


def add(verbs: Any) -> None:
    """Declare the verb."""
    package = verbs.add_parser(
        "package",
        help="package a model that passed its gate as a folder to deploy, with predict.py, model card "
        "and certificate",
    )
    add_arguments(package)
    package.add_argument(
        "--run",
        dest="judged",
        type=Path,
        metavar="DIR",
        help="use the verdicts of this run (default: reports/latest beside the manifest)",
    )
    package.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="write the package here (default: packages/MODEL)",
    )
    package.add_argument(
        "--force",
        action="store_true",
        help="package it even if its gate did not pass; the certificate says so",
    )
    package.add_argument(
        "--accept-licence",
        action="store_true",
        help="package it even if the licence of its weights is copyleft, research only, or unknown",
    )
    package.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Find the model and the run that judged it, and write the package."""
    import os

    from quantgate.package.build import build
    from quantgate.package.licences import licence_of
    from quantgate.pipeline.deliverable import JudgedRun, contents_of, gate_of, refuse_other_digests
    from quantgate.report.files import file_name
    from quantgate.report.publish import load_run
    from quantgate.sources.kind import Place
    from quantgate.store import Store

    target = options.output or Path("packages") / file_name(options.model)
    report = load_run(options.judged or options.manifest.parent / "reports" / "latest")
    with prepared(options) as model:
        judged = JudgedRun(model.entry, model.artifacts, model.data, report, forced=options.force)
        _refuse_other_entry(judged, model.run.manifest.root)
        refuse_other_digests(judged)
        gate = gate_of(judged)
        licence = licence_of(model.entry, Place(model.run.manifest.root, Store(model.run.store)))
        notices = [
            _refuse_red(judged, gate),
            _refuse_terms(judged, licence, accepted=options.accept_licence),
        ]
        build(contents_of(judged, licence, gate), target)
    for notice in filter(None, notices):
        complain(f"quantgate: {notice}")
    count = sum(len(files) for _, _, files in os.walk(target))
    say(f"{target}: {count} files, gate {gate['result']} ({gate['sentence']})")
    say(f"predict: python {target / 'predict.py'} IMAGE")
    say(f"check:   quantgate verify {target}")
    return 0


def _refuse_other_entry(judged: JudgedRun, root: Path) -> None:
    from quantgate.session.segments import declared_text

    if declared_text(judged.entry, root) != judged.model.declared:
        raise PackageError(
            f"models.{judged.entry.id} is not as run {judged.report.run} judged it: run quantgate "
            "gate again, then package it"
        )


def _refuse_red(judged: JudgedRun, gate: Mapping[str, Any]) -> str:
    """Refuse what is not green; give the notice where it is forced."""
    if gate["green"]:
        return ""
    found = f"the gate of {judged.entry.id} is not green in run {gate['run']}: {gate['sentence']}"
    if not judged.forced:
        raise PackageError(f"{found}; mend it, or use --force, and the certificate says so")
    return f"packaged by force: {found}"


def _refuse_terms(judged: JudgedRun, licence: Licence, *, accepted: bool) -> str:
    """Refuse terms that need consent; give the notice where they are accepted."""
    if licence.kind == "permissive":
        return ""
    notice = (
        f"the licence of {judged.entry.id} is {licence.name} ({licence.kind}), according to "
        f"{licence.origin}: {_TERMS[licence.kind]}"
    )
    if not accepted:
        raise PackageError(
            f"{notice}; write models.{judged.entry.id}.licence where you know better, or use "
            "--accept-licence"
        )
    return f"licence accepted: {notice}"
