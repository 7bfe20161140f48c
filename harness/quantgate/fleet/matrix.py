"""The matrix of a CI service: as many shards as asked for, or as few as stay within a time."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.errors import ShardError
from quantgate.shard import deal_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.report.shards.unfit import Unfit


@dataclass(frozen=True, slots=True)
class Job:
    """One shard of ``count``, numbered from 1, and the models that it judges.

    ``seconds`` is what those took before, None where nothing was recorded.
    """

    shard: int
    count: int
    models: tuple[str, ...]
    seconds: float | None


def jobs_of(models: Sequence[str], count: int, seconds: Mapping[str, float]) -> tuple[Job, ...]:
    """Deal models out to shards, exactly as ``gate --shard`` will.

    Parameters
    ----------
    seconds
        What models took before; those that are not in it count as the mean of the others.

    Raises
    ------
    ShardError
        For more shards than models.
    """
    if count > len(models):
        raise ShardError(
            f"--shards {count}: a model is never split, and {len(models)} are to be judged, so some shards "
            f"would judge nothing: give at most --shards {len(models)}"
        )
    known = any(model in seconds for model in models)
    return tuple(
        Job(index, count, dealt.models, dealt.seconds if known else None)
        for index, dealt in enumerate(deal_all(models, count, seconds), start=1)
    )


def fewest_jobs(
    models: Sequence[str], limit_s: float, seconds: Mapping[str, float], where: str
) -> tuple[Job, ...]:
    """Deal models out to as few shards as all stay within a time.

    Parameters
    ----------
    where
        The file that ``seconds`` come from, for the sentence about what it lacks.

    Raises
    ------
    ShardError
        Where nothing was recorded, or one model alone takes longer.
    """
    if not models:
        return ()
    if not any(model in seconds for model in models):
        raise ShardError(
            f"--minutes needs to know how long the models take, and {where} tells it of none of them: "
            "judge them once, copy durations.json of that run there, or give --shards"
        )
    alone = {dealt.models[0]: dealt.seconds for dealt in deal_all(models, len(models), seconds)}
    longest = max(alone, key=alone.__getitem__)
    if alone[longest] > limit_s:
        raise ShardError(
            f"--minutes {limit_s / 60:g}: {longest} alone takes {alone[longest] / 60:.1f} minutes, and a "
            f"model is never split: give --minutes {math.ceil(alone[longest] / 60)} or more"
        )
    fewest = max(1, int(sum(alone.values()) / limit_s))
    for count in range(fewest, len(models)):
        jobs = jobs_of(models, count, seconds)
        if all(job.seconds is not None and job.seconds <= limit_s for job in jobs):
            return jobs
    return jobs_of(models, len(models), seconds)


def matrix_json(jobs: Sequence[Job]) -> str:
    """Write the jobs on one line, as ``fromJSON`` of a GitHub workflow takes them for a matrix."""
    rows = [
        {
            "shard": job.shard,
            "shards": job.count,
            "models": " ".join(job.models),
            "minutes": None if job.seconds is None else round(job.seconds / 60, 1),
        }
        for job in jobs
    ]
    return json.dumps({"include": rows})


def matrix_lines(jobs: Sequence[Job]) -> tuple[str, ...]:
    """Write the jobs for people and for shells, one on a line: the part, its minutes, its models."""
    return tuple(
        f"{job.shard}/{job.count}  {_minutes(job.seconds)}  {' '.join(job.models)}" for job in jobs
    )


def rerun_json(unfit: Sequence[Unfit]) -> str:
    """Write the shards to be judged again as a matrix, see :func:`matrix_json`."""
    rows = [
        {
            "shard": one.index,
            "shards": one.count,
            "models": " ".join(one.models),
            "reason": one.reason,
        }
        for one in unfit
    ]
    return json.dumps({"include": rows})


def rerun_lines(unfit: Sequence[Unfit]) -> tuple[str, ...]:
    """Write the shards to be judged again one on a line: the part, and whose speed was undecided."""
    return tuple(f"{one.index}/{one.count}  {' '.join(one.models)}" for one in unfit)


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds / 60:.1f} min"
