"""The model card of a package: what it is, what was measured, on what, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quantgate.escaping import markdown
from quantgate.pair import ROLES
from quantgate.report.codec import encode
from quantgate.report.export import verdict_record
from quantgate.report.text_table import markdown_table
from quantgate.report.words import verdicts
from quantgate.report.words.numbers import cell
from quantgate.report.words.performance import role_value
from quantgate.report.words.run import summary_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quantgate.report.model import Judged, ModelReport, Problem, RunReport


_UNKNOWN = (
    "Only the images of the evaluation set were judged, on the machine named below: on others the "
    "numbers are other ones."
)


@dataclass(frozen=True, slots=True)
class Card:
    """Contents of a card besides its run.

    Parameters
    ----------
    gate, licence
        As in the certificate.
    settings
        The document of settings.json.
    """

    model: ModelReport
    report: RunReport
    gate: Mapping[str, Any]
    licence: Mapping[str, Any]
    settings: Mapping[str, Any]
    labels: tuple[str, ...]

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Verdicts of this model."""
        return tuple(item for item in self.report.judged if item.verdict.model == self.model.id)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Gates of this model that gave no number."""
        return tuple(item for item in self.report.problems if item.model == self.model.id)


def card_document(card: Card) -> dict[str, Any]:
    """Write the card for machines."""
    model, report = card.model, card.report
    return {
        "schema": 1,
        "model": model.id,
        "task": model.task,
        "source": model.source,
        "classes": len(card.labels),
        "input": card.settings["input"],
        "compile": card.settings["compile"],
        "gate": card.gate,
        "metrics": encode(model.metrics),
        "verdicts": [verdict_record(item) for item in card.judged],
        "problems": encode(card.problems),
        "speed": {"arms": encode(model.arms), "speedups": encode(model.speedups)},
        "digests": dict(model.digests),
        "notes": list(model.notes),
        "machine": encode(report.machine),
        "versions": encode(report.versions),
        "licence": card.licence,
    }


def card_markdown(card: Card) -> str:
    """Write the card for people."""
    parts = [text for section in _SECTIONS for text in section(card)]
    return "\n\n".join(parts) + "\n"


def _head(card: Card) -> Iterator[str]:
    _, height, width, channels = card.settings["input"]["shape"]
    colour = card.settings["input"]["colour"].upper()
    yield f"# {markdown(card.model.id)}, INT8"
    yield (
        f"A model for {card.model.task.replace('_', ' ')}, quantized to INT8 from "
        f"{markdown(card.model.source)}. Its input is one image of {width}×{height} pixels, {channels} "
        f"channel{'' if channels == 1 else 's'} ({colour}), 8 bits, as `predict.py` makes it: "
        "colour, mean and scale are part of the graph."
    )
    yield "    python predict.py IMAGE ...\n    quantgate verify ."


def _gate(card: Card) -> Iterator[str]:
    gate = card.gate
    yield "## What was judged"
    forced = " Packaged by force." if gate["forced"] else ""
    yield f"{gate['result']} in run {gate['run']}: {markdown(gate['sentence'])}.{forced}"
    rows = [row[:1] + row[2:] for row in summary_rows(card.judged, card.problems)]
    yield markdown_table(rows)


def _accuracy(card: Card) -> Iterator[str]:
    if not card.model.metrics:
        return
    yield "## Accuracy"
    rows: list[tuple[str, ...]] = [("metric", "source, as published", "parent", "INT8")]
    rows += [
        (metric.title, cell(metric.source, "fraction"), *(role_value(metric, of) for of in ROLES))
        for metric in card.model.metrics
    ]
    yield markdown_table(rows)
    yield "In brackets: 95 % intervals over the images of the evaluation set."


def _speed(card: Card) -> Iterator[str]:
    if not card.model.speedups:
        return
    yield "## Speed"
    yield "\n".join(
        f"- {item.title}: {verdicts.speedup_sentence(item)}" for item in card.model.speedups
    )
    options = ", ".join(f"{key}={value}" for key, value in card.settings["compile"].items())
    yield markdown(f"Compile options, on {card.settings['device']}: {options}.")


def _bounds(card: Card) -> Iterator[str]:
    known = [item for item in card.judged if item.known is not None]
    yield "## Known misses, and what nobody measured"
    yield "\n".join(
        [
            *(f"- {markdown(verdicts.verdict_sentence(item))}" for item in known),
            *(f"- {markdown(note)}" for note in card.model.notes),
            f"- {_UNKNOWN}",
        ]
    )


def _origin(card: Card) -> Iterator[str]:
    report, licence = card.report, card.licence
    rows = [("what", "digest"), *((name, digest) for name, digest in card.model.digests)]
    yield "## Where it comes from"
    yield markdown_table(rows)
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in report.versions.items())
    commit = f", commit {report.commit}" if report.commit else ""
    yield markdown(
        f"Run {report.run} of {report.manifest}{commit}. Machine: {machine}. Versions: {versions}."
    )
    yield markdown(
        f"Licence of the weights: {licence['name']} ({licence['kind']}), according to "
        f"{licence['origin']}."
    )


_SECTIONS = (_head, _gate, _accuracy, _speed, _bounds, _origin)
