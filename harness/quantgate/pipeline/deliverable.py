"""From a judged model to what its package holds."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate import __version__
from quantgate.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.package.build import Contents
    from quantgate.package.licences import Licence
    from quantgate.pair import Pair
    from quantgate.pipeline.data import Data
    from quantgate.report.model import ModelReport, RunReport

#: What a package needs to run, and the distribution that it comes with.
_RUNS_WITH = {"openvino": "openvino", "numpy": "numpy", "cv2": "opencv-python-headless"}
_TEMPLATE = Path(__file__).parents[1] / "package" / "predict.py"
#: PASSED, WARNED and FAILED are the words of in-toto's Test Result.
PASSED, WARNED, FAILED, INCOMPLETE = "PASSED", "WARNED", "FAILED", "INCOMPLETE"


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A model as a finished run judged it.

    Parameters
    ----------
    forced
        Whether it is packaged although its gate is not green.
    """

    entry: ModelEntry
    artifacts: Pair[Artifact]
    data: Data
    report: RunReport
    forced: bool = False

    @property
    def model(self) -> ModelReport:
        """What the run reported of it.

        Raises
        ------
        PackageError
            Where the run did not judge it.
        """
        for model in self.report.models:
            if model.id == self.entry.id:
                return model
        raise PackageError(
            f"run {self.report.run} did not judge {self.entry.id}: run quantgate gate first"
        )


def refuse_other_digests(judged: JudgedRun) -> None:
    """Refuse a model that is not the one that the run judged.

    Raises
    ------
    PackageError
        Names what changed since.
    """
    told = dict(judged.model.digests)
    calibration = judged.data.calibration
    now = {
        "parent": judged.artifacts.parent.digest,
        "optimized": judged.artifacts.optimized.digest,
        "evaluation": judged.data.evaluation.digest,
        **({} if calibration is None else {"calibration": calibration.digest}),
    }
    changed = [name for name, digest in now.items() if told.get(name) != digest]
    if changed:
        raise PackageError(
            f"run {judged.report.run} judged {judged.entry.id} before {', '.join(changed)} changed: "
            "run quantgate gate again, then package it"
        )


def gate_of(judged: JudgedRun) -> dict[str, Any]:
    """Sum up what the run found of the model; ``green`` where the run does not fail for it."""
    from quantgate.declared import declared_limits
    from quantgate.report.export import verdict_record
    from quantgate.report.words.run import outcome_summary

    report, name = judged.report, judged.entry.id
    verdicts = [item for item in report.judged if item.verdict.model == name]
    ended = [item for item in report.problems if item.status != "unjudged"]
    problems = [item for item in ended if item.model == name]
    answered = {item.verdict.limit.key for item in verdicts} | {item.gate for item in problems}
    missing = [key for key in ("integrity", *declared_limits(judged.entry)) if key not in answered]
    wrong = any(item.fails or item.unexpected for item in verdicts)
    wrong |= any(item.status in {"failed", "broken"} for item in problems)
    whole = all(item.verdict.outcome.value == "passed" for item in verdicts)
    whole &= all(item.status == "passed" for item in problems)
    result = (PASSED if whole else WARNED) if not wrong else FAILED
    if missing and not wrong:
        result = INCOMPLETE
    green = result in {PASSED, WARNED}
    said = outcome_summary(verdicts, problems)
    said += f"; not judged: {', '.join(missing)}" if missing else ""
    wanted = ("key", "outcome", "value", "interval", "n", "of", "unit", "limit", "margin")
    records = [verdict_record(item) for item in verdicts]
    return {
        "result": result,
        "green": green,
        "forced": judged.forced and not green,
        "sentence": said,
        "missing": missing,
        "verdicts": [{key: record[key] for key in wanted} for record in records],
        "problems": [
            {"gate": item.gate, "status": item.status, "sentence": item.sentence}
            for item in problems
        ],
        "run": report.run,
        "started": report.started,
        "commit": report.commit,
        "manifest": {"path": report.manifest, "sha256": report.manifest_digest},
    }


def contents_of(judged: JudgedRun, licence: Licence, gate: Mapping[str, Any]) -> Contents:
    """Collect everything that the package of a judged model holds."""
    from quantgate.engine.artifact import hand_out, input_shape
    from quantgate.package.build import Contents
    from quantgate.package.settings import settings_of
    from quantgate.report.card import Card, card_document, card_markdown
    from quantgate.report.evidence import json_evidence

    artifact = judged.artifacts.optimized
    settings = settings_of(judged.entry, input_shape(artifact))
    labels = tuple(label.replace("\n", " ") for label in judged.data.evaluation.labels)
    terms = {"name": licence.name, "kind": licence.kind, "origin": licence.origin}
    card = Card(judged.model, judged.report, gate, terms, settings.document, labels)
    texts = {
        "settings.json": settings.text(),
        "labels.txt": "".join(f"{label}\n" for label in labels),
        "model_card.md": card_markdown(card),
        "model_card.json": json_evidence("card", card_document(card)).data.decode(),
        **_code(judged),
    }
    copies = {f"licences/{path.name}": path for path in licence.texts}
    rt_info = {"digest": artifact.digest, "gate": str(gate["result"])}
    return Contents(
        lambda folder: hand_out(artifact, folder, rt_info),
        texts,
        {**copies, **settings.files},
        _said(judged, gate, terms),
    )


def _code(judged: JudgedRun) -> dict[str, str]:
    """Write predict.py, the code that it needs, and the libraries to install for it."""
    from quantgate.decoders.ports import with_own_names
    from quantgate.engine.naming import model_ports
    from quantgate.engine.preprocess import prepare
    from quantgate.package.vendor import vendor

    code = vendor(
        {
            "Decoder": type(judged.entry.decoder),
            "Preprocess": type(judged.entry.preprocess),
            "ports_of": model_ports,
            "prepare": prepare,
            "with_own_names": with_own_names,
        }
    )
    libraries = sorted({_distribution(name) for name in {*_RUNS_WITH, *code.libraries}})
    files = {f"decode/{name}": text for name, text in code.files.items()}
    return {
        "predict.py": _TEMPLATE.read_text(encoding="utf-8"),
        "requirements.txt": "".join(f"{name}=={metadata.version(name)}\n" for name in libraries),
        "licences/LICENSE.decode": _own_licence(),
        **files,
    }


def _distribution(module: str) -> str:
    """Name the distribution that a module is installed from."""
    known = _RUNS_WITH.get(module)
    return known or next(iter(metadata.packages_distributions().get(module, [module])))


def _own_licence() -> str:
    """Give the licence of quantgate, whose code is in ``decode``."""
    for file in metadata.files("quantgate") or ():
        if file.name == "LICENSE":
            return file.read_text(encoding="utf-8")
    raise PackageError(
        "this installation of quantgate has no LICENSE, which its code in a package needs: "
        "install it from a wheel"
    )


def _said(judged: JudgedRun, gate: Mapping[str, Any], terms: Mapping[str, str]) -> dict[str, Any]:
    """Collect what the certificate says."""
    from quantgate.report.codec import encode

    report, entry = judged.report, judged.entry
    parent, optimized = judged.artifacts.map(lambda artifact: artifact.digest)
    return {
        "quantgate": __version__,
        "model": {"name": entry.id, "task": entry.task, "digest": optimized, "parent": parent},
        "gate": gate,
        "data": {
            name: digest
            for name, digest in judged.model.digests
            if name not in {"parent", "optimized"}
        },
        "machine": encode(report.machine),
        "fingerprint": report.fingerprint,
        "versions": encode(report.versions),
        "licence": terms,
    }
