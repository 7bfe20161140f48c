"""Every limit, one row each: what is judged, how it is written, what can move it, what it can reach.

Everything that the harness knows about a limit is a field of its row; whoever asks looks it up here.
Packages add rows through the entry points ``quantgate.limits``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.core.limit_kind import BETWEEN_DEVICES, FORMS_OF_UNITS, TO_BASELINE, LimitKind
from quantgate.plugins import extended

if TYPE_CHECKING:
    from quantgate.core.limit_kind import Form

_IGNORED_SCOPE = (
    "an ignored scope may be too wide, or the device runs some layers in floating point: the "
    "layer table of the report names them"
)
_SPEED = {"scope": "speed", "form": "factor", "moved_by_machine": True, "relative": True}
_DROP = {"scope": "images", "needs_truth": True, "of_metric": True, "of_loss": True}
_SHARE = {"scope": "images", "vacuous_at": 0.0}

_ROWS: tuple[LimitKind, ...] = (
    LimitKind(
        "max_accuracy_drop",
        "Accuracy drop",
        margin=0.002,
        vacuous_at=1.0,
        resolved=True,
        **_DROP,  # type: ignore[arg-type]
    ),
    LimitKind("max_error_increase", "Error increase", form="percent", **_DROP),  # type: ignore[arg-type]
    LimitKind(
        "max_class_drop",
        "Worst class drop",
        noun="accuracy drop of the worst class",
        margin=0.01,
        vacuous_at=1.0,
        resolved=True,
        **_DROP,  # type: ignore[arg-type]
    ),
    LimitKind(
        "max_segment_drop",
        "Worst segment drop",
        noun="accuracy drop of the worst segment",
        margin=0.01,
        vacuous_at=1.0,
        resolved=True,
        of_worst="segment",
        **_DROP,  # type: ignore[arg-type]
    ),
    LimitKind("min_agreement", "Agreement", margin=0.01, resolved=True, **_SHARE),  # type: ignore[arg-type]
    LimitKind(
        "min_role_iou",
        "IoU of the roles",
        noun="mean IoU of the roles' class maps",
        margin=0.01,
        **_SHARE,  # type: ignore[arg-type]
    ),
    LimitKind(
        "min_class_iou",
        "Worst class IoU of the roles",
        noun="IoU of the roles in the worst class",
        margin=0.02,
        **_SHARE,  # type: ignore[arg-type]
    ),
    LimitKind(
        "max_role_mae",
        "MAE of the roles",
        "images",
        noun="mean difference of the roles' soft maps",
        margin=0.002,
        vacuous_at=1.0,
        of_loss=True,
    ),
    LimitKind(
        "max_mae_increase",
        "MAE increase",
        "images",
        noun="growth of the mean absolute error of the worst head",
        form="magnitude",
        margin=0.1,
        needs_truth=True,
        of_loss=True,
        of_worst="head",
    ),
    LimitKind(
        "min_head_agreement",
        "Worst head of the roles",
        noun="agreement on the worst head",
        margin=0.02,
        resolved=True,
        of_worst="head",
        **_SHARE,  # type: ignore[arg-type]
    ),
    LimitKind(
        "max_head_mae",
        "MAE of the roles' values",
        "images",
        noun="mean difference of the roles' values on the worst head",
        form="magnitude",
        margin=0.1,
        relative=True,
        of_worst="head",
    ),
    LimitKind("min_match_rate", "Match rate", margin=0.01, resolved=True, **_SHARE),  # type: ignore[arg-type]
    LimitKind(
        "min_class_precision",
        "Worst class precision",
        noun="precision of the worst class",
        margin=0.02,
        **_SHARE,  # type: ignore[arg-type]
    ),
    LimitKind(
        "min_role_oks",
        "OKS of the roles",
        noun="mean OKS of the roles' matched objects",
        margin=0.01,
        **_SHARE,  # type: ignore[arg-type]
    ),
    LimitKind(
        "max_role_mpjpe",
        "MPJPE of the roles",
        "images",
        noun="mean distance in space of the roles' key points",
        form="magnitude",
        margin=0.1,
        relative=True,
    ),
    LimitKind(
        "min_keypoint_pck",
        "Worst key point of the roles",
        noun="share of objects in which the worst key point stays",
        margin=0.02,
        of_worst="key point",
        **_SHARE,  # type: ignore[arg-type]
    ),
    LimitKind(
        "max_role_cer",
        "Character error of the roles",
        "images",
        noun="character error between the roles",
        margin=0.01,
    ),
    LimitKind(
        "min_role_cosine",
        "Cosine of the roles",
        "images",
        noun="mean cosine of the roles' vectors",
        margin=0.005,
        vacuous_at=-1.0,
    ),
    LimitKind(
        "min_worst_cosine",
        "Worst cosine of the roles",
        "images",
        noun="cosine of the roles' vectors on the worst image",
        margin=0.02,
        vacuous_at=-1.0,
    ),
    LimitKind(
        "max_changed_decisions",
        "Changed decisions",
        "images",
        noun="share of accepted pairs whose decision changes",
        margin=0.01,
        vacuous_at=1.0,
    ),
    LimitKind(
        "max_role_abs_rel",
        "AbsRel of the roles",
        "images",
        noun="relative difference of the roles' maps",
        margin=0.005,
    ),
    LimitKind(
        "max_role_rmse",
        "RMSE of the roles",
        "images",
        noun="root mean square difference of the roles' maps",
        form="magnitude",
        margin=0.1,
        relative=True,
    ),
    LimitKind(
        "max_role_epe",
        "EPE of the roles",
        "images",
        noun="mean difference of the roles' maps",
        form="magnitude",
        margin=0.1,
        relative=True,
    ),
    LimitKind(
        "min_role_delta1",
        "δ1 of the roles",
        noun="share of pixels within 25 % of each other",
        margin=0.01,
        **_SHARE,  # type: ignore[arg-type]
    ),
    LimitKind(
        "max_tensor_distance",
        "Tensor distance",
        "outputs",
        form="magnitude",
        severity="normal",
        margin=0.005,
    ),
    LimitKind(
        "min_sqnr_db",
        "SQNR",
        "outputs",
        noun="signal to quantization noise",
        form="decibel",
        severity="normal",
        margin=1.0,
    ),
    LimitKind(
        "min_centred_sqnr_db",
        "Centred SQNR",
        "outputs",
        noun="centred signal to quantization noise",
        form="decibel",
        severity="normal",
        margin=1.0,
    ),
    LimitKind(
        "min_psnr_db",
        "PSNR",
        "images",
        noun="peak signal to noise",
        form="decibel",
        margin=1.0,
        vacuous_at=0.0,
    ),
    LimitKind(
        "max_execution_error",
        "Execution error",
        "fidelity",
        noun="loss of execution against the quantized graph",
        margin=0.005,
        vacuous_at=1.0,
        of_metric=True,
        of_loss=True,
        moved_by_machine=True,
        remedy=(
            "leave the layer that is executed otherwise out of quantization, or try another version of "
            "OpenVINO: no other recipe helps"
        ),
    ),
    LimitKind(
        "min_speedup",
        "Speedup (parent in f32)",
        noun="speedup",
        statistic="parent_f32",
        margin=0.05,
        vacuous_at=0.0,
        by_isa=True,
        **_SPEED,  # type: ignore[arg-type]
    ),
    LimitKind(
        "min_native_speedup",
        "Speedup (parent as deployed)",
        noun="native speedup",
        statistic="parent_default",
        margin=0.05,
        vacuous_at=0.0,
        by_isa=True,
        **_SPEED,  # type: ignore[arg-type]
    ),
    LimitKind("max_latency_ratio", "Latency ratio", statistic="p90", margin=0.10, **_SPEED),  # type: ignore[arg-type]
    LimitKind(
        "max_size_ratio",
        "Size ratio",
        "size",
        form="factor",
        severity="minor",
        margin=0.02,
        relative=True,
        remedy=(
            "weights left in floating point and the description of the graph count too, which matters "
            "in small models: look at the share of work in INT8"
        ),
    ),
    LimitKind(
        "max_memory_ratio",
        "Memory ratio",
        "memory",
        form="factor",
        severity="minor",
        margin=0.10,
        relative=True,
        moved_by_machine=True,
        remedy=(
            "fewer `benchmark.threads`, or `benchmark.hint` latency for throughput, need less memory"
        ),
    ),
    LimitKind(
        "min_int8_share",
        "Work in INT8",
        "execution",
        noun="work executed in INT8",
        form="percent",
        statistic="int8",
        margin=0.01,
        vacuous_at=0.0,
        by_isa=True,
        remedy=_IGNORED_SCOPE,
    ),
    LimitKind(
        "max_reorder_share",
        "Reorders and conversions",
        "execution",
        noun="time in reorders and conversions",
        form="percent",
        statistic="reorders",
        severity="normal",
        margin=0.05,
        vacuous_at=1.0,
        moved_by_machine=True,
        remedy=(
            "layers in floating point between quantized ones cost conversions: the layer table names "
            "them"
        ),
    ),
)


def _to_baseline(kind: LimitKind) -> LimitKind:
    """Ask of the baseline what a limit asks of the parent; nothing is suggested for it."""
    return replace(
        kind,
        key=f"{kind.key}{TO_BASELINE}",
        title=f"{kind.title.removesuffix(_IN_F32)} (to the baseline)",
        noun=f"{kind.name} to the baseline",
        statistic="baseline" if kind.scope == "speed" else kind.statistic,
        margin=None,
        to_baseline=True,
    )


def _between_devices(kind: LimitKind) -> LimitKind:
    """Ask of another device what a limit asks of the parent; nothing is suggested for it."""
    return replace(
        kind,
        key=f"{kind.key}{BETWEEN_DEVICES}",
        title=f"{kind.title} (between devices)",
        noun=f"{kind.name} between devices",
        margin=None,
        between_devices=True,
    )


_IN_F32 = " (parent in f32)"
_ASKED_OF_BASELINES = (
    *("max_accuracy_drop", "min_agreement", "min_match_rate", "min_psnr_db", "min_speedup"),
)
_ASKED_OF_DEVICES = ("min_agreement", "min_match_rate")
_ALL_ROWS = (
    *_ROWS,
    *(_to_baseline(kind) for kind in _ROWS if kind.key in _ASKED_OF_BASELINES),
    *(_between_devices(kind) for kind in _ROWS if kind.key in _ASKED_OF_DEVICES),
)
#: Limits by key, in the order in which gates run and reports list them.
LIMITS: Mapping[str, LimitKind] = extended("limits", {kind.key: kind for kind in _ALL_ROWS})
#: Those that other packages bring: each is judged by its own ``measure``.
PLUGGED: Mapping[str, LimitKind] = {
    key: kind for key, kind in LIMITS.items() if kind.measure is not None
}


def threshold_on(declared: float | Mapping[str, float], isa: str | None) -> float | None:
    """Pick the threshold for an ISA class; None where the limit's table does not list it.

    Examples
    --------
    >>> threshold_on({"amx": 2.0, "vnni": 1.5}, "vnni"), threshold_on(1.2, "avx2")
    (1.5, 1.2)
    >>> threshold_on({"amx": 2.0}, "avx2") is None
    True
    """
    if isinstance(declared, Mapping):
        found = None if isa is None else declared.get(isa)
        return None if found is None else float(found)
    return float(declared)


def kind_of(quantity: str) -> LimitKind | None:
    """Find the row of a limit; None of what is none: ``integrity``, a control, an old history's key."""
    return LIMITS.get(quantity)


def limit_title(key: str) -> str:
    """Name what a limit judges: ``min_match_rate`` → ``Match rate``."""
    kind = kind_of(key)
    return kind.title if kind else quantity_name(key)


def quantity_name(key: str) -> str:
    """Name what a limit judges inside a sentence: ``min_match_rate`` → ``match rate``.

    Examples
    --------
    >>> quantity_name("min_match_rate")
    'match rate'
    """
    kind = kind_of(key)
    return kind.name if kind else key.removeprefix("min_").removeprefix("max_").replace("_", " ")


def form_of(key: str, unit: str = "") -> Form:
    """Choose how the quantity behind a limit's key is written; the estimate's unit takes precedence."""
    kind = kind_of(key)
    return kind.written_as(unit) if kind else FORMS_OF_UNITS.get(unit, "fraction")
