"""``quantgate check --machine``: is this machine fit for speed gates?"""

from __future__ import annotations

from harness.commands.speaking import say


def check_machine() -> int:
    """Measure a model against itself, say what the machine can see; 1 where it is unfit."""
    from harness.engine.fitness import machine_fitness

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
        say(f"smallest slowdown seen in {seconds} s: {slowdown:.1%}")
    for warning in found.warnings:
        say(f"warning: {warning}")
    say("fit for speed gates" if found.fit else "unfit for speed gates now")
    return 0 if found.fit else 1
