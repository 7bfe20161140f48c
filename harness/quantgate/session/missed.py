"""What a missed limit is told with beside its numbers: which layers lose the accuracy, and a recipe that was found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantgate.core.explained import Explanation
    from quantgate.pipeline.evidence import Finding
    from quantgate.session.remedied import Found


def with_explanation(finding: Finding, found: Explanation | None) -> Finding:
    """Add which layers lose the accuracy, where that was asked and could be told."""
    if found is None:
        return finding
    from quantgate.pipeline.evidence import explanation_evidence
    from quantgate.report.words.explained import verdict_text

    detail = "; ".join(filter(None, (finding.detail, verdict_text(found))))
    evidence = (*finding.evidence, *explanation_evidence(found))
    return replace(finding, detail=detail, evidence=evidence)


def with_recipe(finding: Finding, found: Found | None) -> Finding:
    """Add what a search for a recipe found."""
    if found is None:
        return finding
    remedy = "; ".join(filter(None, (finding.remedy, found.sentence)))
    return replace(finding, remedy=remedy, evidence=(*finding.evidence, *found.evidence))
