from __future__ import annotations

import tomllib
from dataclasses import replace

from quantgate.entries import IgnoredScope, Recipe, Unquantized
from quantgate.remedy.recipes import bases, ignoring, lines, refined, unquantizing

DECLARED = Recipe("noise", subset=24)


def test_recipes_begin_with_the_declared_one() -> None:
    """The other preset follows, and the model type where the network is a transformer."""
    plain = bases(replace(DECLARED, method="accuracy-aware"), transformer=False)
    every = bases(DECLARED, transformer=True)

    assert plain == [("as declared", DECLARED), ("mixed preset", replace(DECLARED, preset="mixed"))]
    assert every[:2] == plain
    assert {recipe.model_type for _, recipe in every[2:]} == {"transformer"}


def test_a_refinement_changes_one_thing_of_the_best_recipe() -> None:
    """Ranges, SmoothQuant for transformers, other images only where they may be drawn, exact bias correction."""
    mixed = replace(DECLARED, preset="mixed")
    plain = [one for _, one in refined(mixed, redraw=False)]
    every = [one for _, one in refined(replace(mixed, model_type="transformer"), redraw=True)]

    assert {one.preset for one in plain} == {"mixed"}
    assert {one.seed for one in plain} == {0}
    assert {(one.seed, one.subset) for one in every} == {(0, 24), (1, 24), (0, 48)}
    assert {one.advanced.smooth_quant_alphas.matmul for one in plain} == {None}
    assert {one.advanced.smooth_quant_alphas.matmul for one in every} == {None, 0.5, 0.8}
    assert sum(not one.fast_bias_correction for one in plain) == 1
    assert len({repr(one) for one in every}) == len(every)


def test_lines_are_the_recipe_again() -> None:
    """Read back as TOML they give every changed key, a whole type by its name and the rest by theirs."""
    types = {"a": "Add", "b": "Add", 'c "x"': "MatMul", "d": "MatMul"}
    mixed = replace(DECLARED, preset="mixed")
    _, ranged = next(refined(mixed, redraw=False))
    recipe = unquantizing(ignoring(ranged, {"a", "b", 'c "x"'}, types), {"d"}, types)

    told = tomllib.loads(lines("my.model", recipe, DECLARED))["models"]["my.model"]["calibrate"]

    assert recipe.ignored == IgnoredScope(names=('c "x"',), types=("Add",))
    assert recipe.unquantized == Unquantized(names=("d",))
    assert told == {
        "dataset": "noise",
        "subset": 24,
        "preset": "mixed",
        "ignored": {"names": ['c "x"'], "types": ["Add"]},
        "unquantized": {"names": ["d"]},
        "advanced": {
            "activations_range_estimator_params": {
                "min": {"statistics_type": "min", "aggregator_type": "min"},
                "max": {"statistics_type": "max", "aggregator_type": "max"},
            }
        },
    }
