"""What a gate shows besides its number: counts, the worst image, tables and pictures."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.gate import Finding

if TYPE_CHECKING:
    from harness.comparing import Compared
    from harness.core.estimate import Estimate
    from harness.core.profile import Profile
    from harness.core.timing import Timing
    from harness.entries import ModelEntry
    from harness.pair import Pair


def judged_quantity(entry: ModelEntry, key: str, compared: Compared) -> tuple[Estimate, Finding]:
    """Take what the limit judges, and collect its evidence."""
    from harness.core.table import Table
    from harness.derived import quantity
    from harness.report.codec import decode
    from harness.report.evidence import table_csv
    from harness.report.picture import Picture

    derived = compared.derived
    known = derived.judged.get(key)
    estimate, detail = known or quantity(entry, key, compared.comparison)
    tables = [decode(Table, table) for table in derived.fields["tables"][:2]]
    pictures = tuple(decode(Picture, picture) for picture in derived.fields["pictures"])
    return estimate, Finding(detail, "", tuple(map(table_csv, tables)), pictures)


def timing_finding(timing: Timing, profiles: Pair[Profile]) -> Finding:
    """Say what keeps a model from being faster; attach every window, to compute the verdict again."""
    from harness.core.advice import advise
    from harness.core.speed import speedup
    from harness.report.evidence import json_evidence
    from harness.report.wording import sentences

    advice = advise(profiles, speedup(timing, "parent_default"))
    document = [asdict(item) for item in advice]
    return Finding(
        detail=sentences([item.with_layers for item in advice]),
        evidence=(
            json_evidence("timing.json", timing.to_dict()),
            json_evidence("why-slower.json", document),
        ),
    )
