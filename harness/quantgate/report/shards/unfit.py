"""Shards whose machine was unfit for speed: what another machine, or a quieter hour, would decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.errors import ShardError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.report.model import RunReport


@dataclass(frozen=True, slots=True)
class Unfit:
    """A shard to be judged again: models whose speed its machine left undecided, and why."""

    index: int
    count: int
    models: tuple[str, ...]
    reason: str

    @property
    def sentence(self) -> str:
        """Say it with what to do; its answers to images come from the store."""
        return (
            f"shard {self.index}/{self.count} left speed undecided ({', '.join(self.models)}): "
            f"{self.reason}; judge it again with --shard {self.index}/{self.count} on a quiet machine, and "
            "merge that run in its place"
        )


def unfit_shards(reports: Sequence[RunReport]) -> tuple[Unfit, ...]:
    """List the shards whose machine left speed undecided, in order.

    Raises
    ------
    ShardError
        Where a run is no shard.
    """
    found = []
    for report in reports:
        shard = report.shard
        if shard is None:
            raise ShardError(
                f"{report.run} is a whole run: give the folders of shards, which gate --shard leaves"
            )
        if report.unfit:
            models, reason = tuple(report.unfit), next(iter(report.unfit.values()))
            found.append(Unfit(shard.index, shard.count, models, reason))
    return tuple(sorted(found, key=lambda one: one.index))
