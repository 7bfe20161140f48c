"""One picture more than once among identities: under two of them, or sought where it lies itself."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from quantgate.core.predictions import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.datasets.files import FileFact
    from quantgate.datasets.findings import Draft

_NAMED = 3


def audit_identities(pairs: Sequence[tuple[Draft, FileFact]]) -> Iterator[str]:
    """Note images of the same content that tell nothing, or are annotated otherwise."""
    alike: dict[str, list[tuple[str, Identity]]] = defaultdict(list)
    for draft, fact in pairs:
        if isinstance(draft.truth, Identity):
            alike[fact.digest].append((draft.name, draft.truth))
    copies = [group for group in alike.values() if len(group) > 1]
    other = [group for group in copies if len({truth.name for _, truth in group}) > 1]
    if other:
        yield (
            f"{len(other)} pictures are annotated as two identities ({_some(other)}): one of the annotations is wrong"
        )
    itself = [group for group in copies if len({truth.side for _, truth in group}) > 1]
    itself = [group for group in itself if group not in other]
    if itself:
        yield (
            f"{len(itself)} pictures that are sought are in the gallery as well ({_some(itself)}): finding it there is no "
            "recognition; remove the copies"
        )


def _some(groups: Sequence[Sequence[tuple[str, Identity]]]) -> str:
    said = [" and ".join(name for name, _ in group[:2]) for group in groups[:_NAMED]]
    return "; ".join(said) + ("; …" if len(groups) > _NAMED else "")
