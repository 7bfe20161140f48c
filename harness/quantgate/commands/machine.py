"""``quantgate check --machine``: is this machine fit for speed gates?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.commands.console import say

if TYPE_CHECKING:
    from quantgate.engine.fitness import Fitness

#: A machine on which a whole minute does not show a slowdown of this size is said to be noisy.
WORTH_SEEING = 0.05


def check_machine() -> int:
    """Measure a model against itself, say what the machine can see; 1 where it is unfit."""
    from quantgate.engine.fitness import machine_fitness

    found = machine_fitness()
    for name, value in found.facts.items():
        say(f"{name}: {value}")
    ratio, control = found.control.ratio, found.control
    say(
        f"a model against itself: {ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}], the truth is 1"
    )
    say(
        f"noise of a round: {control.noise:.1%}; autocorrelation of rounds: "
        f"{control.autocorrelation:.2f}; between compiled copies: {control.instance_spread:.1%}"
    )
    for seconds, slowdown in found.visible.items():
        seen = f"{slowdown:.1%}" if slowdown < 1 else "none, the rounds are too few or too noisy"
        say(f"smallest slowdown seen in {seconds} s: {seen}")
    for warning in found.warnings:
        say(f"warning: {warning}")
    say(_conclusion(found))
    return 0 if found.fit else 1


def _conclusion(found: Fitness) -> str:
    if not found.fit:
        return "unfit for speed gates now"
    longest, least = max(found.visible.items())
    if least > WORTH_SEEING:
        return (
            f"fit: equal models measure equal; but in {longest} s noise hides all below {least:.0%}, so "
            "limits close to the truth stay undecided: measure when less else is running"
        )
    return "fit for speed gates"
