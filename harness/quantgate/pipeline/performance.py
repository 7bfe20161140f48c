"""Speed, execution and memory of a pair, and what the report keeps of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from quantgate.core.speed import BASELINES
from quantgate.pipeline.feeding import input_size, prepared
from quantgate.sourcecode import code_digest
from quantgate.store.entry import digest_of_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.core.estimate import Estimate
    from quantgate.core.timing import ArmName, Timing
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.memory import Memory
    from quantgate.engine.profile import Profile
    from quantgate.engine.timing import Control
    from quantgate.entries import Benchmark, ModelEntry
    from quantgate.pair import Pair, Role
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.report.performance import Speedup, TimedArm
    from quantgate.run import Run
    from quantgate.store import Store

_CONTROL = "control"
_MEMORY, _PROFILE = "memory.json", "profile.json"
_SPEEDUPS = (
    ("min_speedup", "parent_f32", "against the parent in f32"),
    ("min_native_speedup", "parent_default", "against the parent as the device runs it by default"),
    ("min_speedup_to_baseline", "baseline", "against the baseline"),
)


def skip_without_int8(entry: ModelEntry) -> None:
    """Skip where the machine has no INT8 instructions and no limit names its class."""
    from quantgate.declared import isa_of
    from quantgate.machine import FAST_INT8

    isa = isa_of(entry)
    declared = [limit for key in BASELINES if (limit := getattr(entry.limits, key)) is not None]
    listed = any(isinstance(limit, Mapping) and isa in limit for limit in declared)
    # Who names a device means it: only a table can leave it out.
    listed |= entry.lane is not None and not all(isinstance(one, Mapping) for one in declared)
    if entry.benchmark.device == "CPU" and isa not in FAST_INT8 and not listed:
        import pytest

        pytest.skip(
            f"{_place(entry)} has no INT8 instructions that usually make a quantized model faster, "
            "and the limit's table does not list it: speed is not judged here, accuracy and agreement are"
        )


def skip_unlisted_share(entry: ModelEntry, share: Estimate) -> None:
    """Skip where the table of a limit does not list a machine on which INT8 is not the rule.

    What executes in INT8 there is the device's choice: OpenVINO on ARM runs many quantized layers in
    floating point, some models entirely.
    """
    from quantgate.declared import isa_of
    from quantgate.machine import FAST_INT8

    isa = isa_of(entry)
    if entry.benchmark.device == "CPU" and isa not in FAST_INT8:
        import pytest

        pytest.skip(
            f"the table of min_int8_share does not list {_place(entry)}: "
            f"{share.value * 100:.1f} % of the work executed in INT8 here, which is not judged"
        )


def real_input(
    entry: ModelEntry, artifact: Artifact, data: Data
) -> Mapping[str, NDArray[np.generic]]:
    """A real preprocessed sample, input name to array [1, ...]: random input can take other paths."""
    return {"": prepared(entry, artifact, data.evaluation.samples[0])[None]}


def time_roles(
    entry: ModelEntry,
    artifacts: Pair[Artifact],
    data: Data,
    control: Control | None,
    *,
    baseline: Artifact | None = None,
    progress: Progress,
) -> tuple[Timing, Control]:
    """Measure the pair; before the first of a session on a device, whose control is None, the machine itself."""
    from quantgate.declared import isa_of
    from quantgate.engine.timing import Options, measure_control, targets_of, time_pair

    inputs = real_input(entry, artifacts.parent, data)
    paths = artifacts.map(lambda artifact: artifact.path)
    if control is None:
        control = measure_control(paths.parent, inputs, entry.benchmark)
    timing = time_pair(
        paths,
        inputs,
        entry.benchmark,
        targets=targets_of(entry.limits, isa_of(entry)),
        control=control,
        options=Options(progress=progress, baseline=None if baseline is None else baseline.path),
    )
    return timing, control


def time_freely(
    models: Pair[Path],
    inputs: Mapping[str, NDArray[np.generic]],
    benchmark: Benchmark,
    *,
    progress: Progress,
) -> Timing:
    """Measure a pair for its own sake: no limit is to be decided, so that no control is needed.

    Parameters
    ----------
    inputs
        A real preprocessed sample, input name to array [1, ...].
    """
    from quantgate.engine.timing import Options, time_pair

    return time_pair(models, inputs, benchmark, options=Options(progress=progress))


def keep_control(run: Run, control: Control) -> None:
    """Keep what the session's control measured."""
    from quantgate.report.codec import encode

    run.append(_CONTROL, encode(control.ratio))


def keep_timing(
    entry: ModelEntry,
    run: Run,
    sizes: tuple[Pair[Artifact], Pair[Memory]],
    timing: Timing,
    *,
    baseline: Artifact | None = None,
) -> None:
    """Keep arms and paired speedups for the report."""
    from quantgate.report.codec import encode

    conditions = timing.conditions
    if timing.unfit or conditions.busy:
        busy = f"other processes used {conditions.load_during:.0%} of the cores meanwhile"
        run.append("unfit", {"model": entry.id, "reason": timing.unfit or busy})
    run.keep(
        entry.id,
        "timing",
        {
            "arms": encode([_arm(timing, name, sizes, baseline) for name in timing.arm_names()]),
            "speedups": encode(_speedups(entry, timing)),
            "notes": list(conditions.notes),
            "facts": [
                [
                    "timing conditions",
                    f"{entry.device_name}, {conditions.hint}, batch {conditions.batch}",
                ],
                ["load of others while timing", f"{conditions.load_during:.0%} of the cores"],
            ],
        },
    )


def _place(entry: ModelEntry) -> str:
    from quantgate.machine import isa_class

    return entry.lane.name if entry.lane else f"this machine ({isa_class()})"


def _arm(
    timing: Timing,
    name: ArmName,
    sizes: tuple[Pair[Artifact], Pair[Memory]],
    baseline: Artifact | None,
) -> TimedArm:
    from quantgate.core.speed import latency_ns, latency_range_ns, throughput
    from quantgate.report.performance import TimedArm

    facts = timing.facts(name)
    rate = throughput(timing, name)
    role: Role = "optimized" if name == "optimized" else "parent"
    released = baseline if name == "baseline" else None
    return TimedArm(
        name=name,
        precision=", ".join(facts.executed) or "not told",
        rate_per_s=None if rate is None else rate.value,
        p50_ns=latency_ns(timing, name, 50),
        p90_ns=latency_ns(timing, name, 90),
        p99_ns=latency_ns(timing, name, 99),
        rate_range_per_s=None if rate is None else (rate.low, rate.high),
        p50_range_ns=latency_range_ns(timing, name, 50),
        p90_range_ns=latency_range_ns(timing, name, 90),
        p99_range_ns=latency_range_ns(timing, name, 99),
        first_ns=_median(facts.first_ns),
        compile_ns=_median(facts.compile_ns),
        size_bytes=(released or sizes[0][role]).size_bytes,
        memory_bytes=sizes[1][role].peak_bytes if released is None else None,
    )


def _speedups(entry: ModelEntry, timing: Timing) -> list[Speedup]:
    from quantgate.core.limits import threshold_on
    from quantgate.core.speed import speedup
    from quantgate.declared import isa_of
    from quantgate.report.performance import Speedup

    found = []
    for key, against, title in _SPEEDUPS:
        estimate = speedup(timing, against)  # type: ignore[arg-type]
        if estimate is None:
            continue
        ratios, _ = timing.log_ratios(against)  # type: ignore[arg-type]
        declared = getattr(entry.limits, key)
        limit = None if declared is None else threshold_on(declared, isa_of(entry))
        rounds = tuple(math.exp(ratio) for ratio in ratios)
        found.append(
            Speedup(f"Speedup {title}", estimate, rounds, limit, timing.problem or timing.unfit)
        )
    return found


def _median(values_ns: tuple[int, ...]) -> float | None:
    return float(sorted(values_ns)[len(values_ns) // 2]) if values_ns else None


def profile_roles(
    entry: ModelEntry, artifacts: Pair[Artifact], data: Data, store: Store
) -> Pair[Profile]:
    """Read from the runtime what each role really executed, or find that in the store.

    Times that no limit judges come from fewer compiled copies: nothing else may run meanwhile.
    """
    from quantgate.core.profile import Profile
    from quantgate.engine.profile import COPIES, LEAST_COPIES, profile
    from quantgate.report.codec import decode, encode

    most = LEAST_COPIES if entry.limits.max_reorder_share is None else COPIES

    def profiled(artifact: Artifact) -> Profile:
        def build(folder: Path) -> None:
            inputs = real_input(entry, artifacts.parent, data)
            found = profile(artifact.path, entry.benchmark.device, inputs, most=most)
            (folder / _PROFILE).write_text(json.dumps(encode(found)), encoding="utf-8")

        key = profile_key(entry, artifacts.parent, artifact, data) | {"copies": most}
        folder = store.get_or_build("profile", key, build)
        return decode(Profile, json.loads((folder / _PROFILE).read_text("utf-8")))

    return artifacts.map(profiled)


def profile_key(
    entry: ModelEntry, parent: Artifact, artifact: Artifact, data: Data
) -> dict[str, Any]:
    """Collect everything that can change what a role executes and how long that takes, JSON-able.

    What else a machine does at the moment changes times, too: a profile is of the machine's kind.
    """
    return {
        # Layers are called as the file calls them, which the artifact's own digest leaves out.
        "graph": digest_of_file(artifact.path),
        "artifact": artifact.digest,
        "device": entry.device_name,
        "input": data.evaluation.samples[0].digest,
        "preprocess": asdict(entry.preprocess),
        "size": input_size(entry, parent),
        **_machine(),
    }


def _machine() -> dict[str, Any]:
    from quantgate.machine import fingerprint, restrictions

    return {
        "machine": fingerprint().digest,
        "restrictions": restrictions(),
        "code": code_digest("engine"),
    }


def keep_profiles(entry: ModelEntry, run: Run, profiles: Pair[Profile]) -> None:
    """Keep shares and layers for the report."""
    from quantgate.engine.profile import layer_table, type_table, work_shares
    from quantgate.pair import ROLES
    from quantgate.report.codec import encode
    from quantgate.report.performance import Share

    shares = [
        Share(role, of, by_precision)
        for role in ROLES
        for of, by_precision in work_shares(profiles[role]).items()
    ]
    tables = {"layers": layer_table(profiles), "layer_types": type_table(profiles)}
    facts = [[f"executed precision of {role}", _executed(profiles[role])] for role in ROLES]
    run.keep(entry.id, "profiles", {"shares": encode(shares), "facts": facts, **encode(tables)})


def _executed(profile: Profile) -> str:
    """Say in which precisions the multiply-accumulates executed, most first."""
    from quantgate.engine.profile import work_shares

    shares = work_shares(profile).get("multiply-accumulates", {})
    said = [f"{name} {share:.1%}" for name, share in shares.items()]
    return f"{', '.join(said)} of the multiply-accumulates" if said else "nothing multiplied"


def keep_explored(entry: ModelEntry, run: Run, artifacts: Pair[Artifact]) -> None:
    """Keep for the report what ``quantgate explore`` measured of this very pair, if it did."""
    from quantgate.pipeline.exploration import as_explored, identity, kept_points, points_file
    from quantgate.report.codec import encode

    path = points_file(run.directory.parent, entry.id)
    points = kept_points(path, identity(entry, artifacts))
    if points:
        run.keep(entry.id, "explored", {"explored": encode(as_explored(entry.id, points))})


def memory_of_roles(entry: ModelEntry, artifacts: Pair[Artifact], store: Store) -> Pair[Memory]:
    """Measure the peak memory of each role in a child process, or find that in the store."""
    return artifacts.map(lambda artifact: _memory(entry, artifact, store))


def _memory(entry: ModelEntry, artifact: Artifact, store: Store) -> Memory:
    from quantgate.engine.memory import Memory, peak_memory

    def build(folder: Path) -> None:
        measured = peak_memory(artifact.path, entry.benchmark)
        (folder / _MEMORY).write_text(json.dumps(asdict(measured)))

    folder = store.get_or_build("memory", memory_key(entry, artifact), build)
    return Memory(**json.loads((folder / _MEMORY).read_text()))


def memory_key(entry: ModelEntry, artifact: Artifact) -> dict[str, Any]:
    """Collect everything that can change the memory that a role takes, JSON-able."""
    lane = {"lane": entry.lane.name} if entry.lane else {}
    return {"artifact": artifact.digest, "benchmark": asdict(entry.benchmark), **lane, **_machine()}
