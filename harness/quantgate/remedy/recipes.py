"""Recipes to try before any layer is left out, and recipes that leave some out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from quantgate.entries import Recipe
from quantgate.entries.advanced import RangeEnd, RangeEstimator
from quantgate.escaping import table_name, toml_key, toml_string

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

#: What the declared recipe is called.
DECLARED = "as declared"
_End = tuple[Any, Any]
#: Ways of finding the ranges of activations: statistics of an image and their aggregation, of both ends.
_RANGES: Mapping[str, tuple[_End, _End]] = {
    "the widest values": (("min", "min"), ("max", "max")),
    "quantiles": (("quantile", "mean"), ("quantile", "mean")),
    "the mean without outliers": (("min", "mean_no_outliers"), ("max", "mean_no_outliers")),
}
_ALPHAS = (0.5, 0.8)


def bases(declared: Recipe, *, transformer: bool) -> list[tuple[str, Recipe]]:
    """List whole recipes, the declared one first; ``transformer``: whether the network has attention."""
    plain = undirected(declared)
    other: Literal["performance", "mixed"]
    other = "performance" if declared.preset == "mixed" else "mixed"
    found = [(DECLARED, plain), (f"{other} preset", replace(plain, preset=other))]
    if transformer and declared.model_type is None:
        found += [
            (
                "model type transformer"
                if title == DECLARED
                else f"{title}, model type transformer",
                replace(recipe, model_type="transformer"),
            )
            for title, recipe in list(found)
        ]
    return found


def undirected(declared: Recipe) -> Recipe:
    """Give the recipe without NNCF's own search."""
    return replace(declared, method="default", max_drop=None)


def refined(base: Recipe, *, redraw: bool) -> Iterator[tuple[str, Recipe]]:
    """Yield a recipe with one refinement each, in the order of what they promise for their time.

    Parameters
    ----------
    redraw
        Whether other calibration images may be drawn: they are not taken from those that judge.
    """
    for title, ends in _RANGES.items():
        params = RangeEstimator(*(RangeEnd(*end) for end in ends))
        advanced = replace(base.advanced, activations_range_estimator_params=params)
        yield f"ranges by {title}", replace(base, advanced=advanced)
    if base.model_type == "transformer":
        for alpha in _ALPHAS:
            alphas = replace(base.advanced.smooth_quant_alphas, matmul=alpha)
            advanced = replace(base.advanced, smooth_quant_alphas=alphas)
            yield f"SmoothQuant alpha {alpha:g}", replace(base, advanced=advanced)
    if redraw:
        yield "another seed", replace(base, seed=base.seed + 1)
        yield "twice the calibration images", replace(base, subset=2 * base.subset)
    if base.fast_bias_correction:
        yield "exact bias correction", replace(base, fast_bias_correction=False)


def ignoring(base: Recipe, layers: Collection[str], types: Mapping[str, str]) -> Recipe:
    """Leave layers out before NNCF places quantizers.

    Parameters
    ----------
    types
        Type of every quantized layer by its name: a type all of whose layers are meant is named as such.
    """
    names, kinds = _named(layers, types)
    own = base.ignored
    scope = replace(own, names=_with(own.names, names), types=_with(own.types, kinds))
    return replace(base, ignored=scope)


def unquantizing(base: Recipe, layers: Collection[str], types: Mapping[str, str]) -> Recipe:
    """Take the quantizers of layers out once NNCF is done."""
    names, kinds = _named(layers, types)
    own = base.unquantized
    scope = replace(own, names=_with(own.names, names), types=_with(own.types, kinds))
    return replace(base, unquantized=scope)


def _named(layers: Collection[str], types: Mapping[str, str]) -> tuple[list[str], list[str]]:
    kinds = [
        kind
        for kind in sorted(set(types.values()))
        if all(name in layers for name, of in types.items() if of == kind)
    ]
    return sorted(name for name in layers if types.get(name) not in kinds), kinds


def _with(own: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*own, *more)))


def lines(model: str, recipe: Recipe, declared: Recipe) -> str:
    """Write a recipe as a table of models.toml that replaces the model's ``calibrate``."""
    told = [f"[{table_name('models', model, 'calibrate')}]"]
    for field in fields(Recipe):
        value = getattr(recipe, field.name)
        if value is not None and (
            value != _default(field) or value != getattr(declared, field.name)
        ):
            told.append(f"{field.name} = {_toml(value)}")
    return "\n".join(told) + "\n"


def _default(field: Any) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _toml(value: Any) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        defaults = {field.name: _default(field) for field in fields(value)}
        return _toml({key: one for key, one in held.items() if one not in (None, defaults[key])})
    if isinstance(value, Mapping):
        inner = [f"{toml_key(str(key))} = {_toml(one)}" for key, one in value.items()]
        return f"{{ {', '.join(inner)} }}" if inner else "{}"
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return repr(value)
