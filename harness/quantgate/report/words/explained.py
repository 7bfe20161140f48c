"""Where accuracy was lost, in sentences: quantization or execution, and the layers that cost most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.explained import ROUNDING, TAIL, WORTH, sqnr_db
from quantgate.escaping import toml_string
from quantgate.report.words.numbers import MISSING, counted, signed, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quantgate.core.explained import Execution, Explanation, Group, LayerFacts, Loss

#: Causes that are told, and layers that a suggested ignored scope names.
_TOLD, _NAMED = 3, 3
#: A layer below this part does not stand out.
_STANDS_OUT = 0.1
_CLIPPED, _UNEVEN, _WIDE = 0.01, 20.0, 4.0


def headline(found: Explanation) -> str:
    """Say what was lost, on how many images."""
    images = counted(found.images, "images")
    noise = f"{written(sqnr_db(found.total.noise), 'decibel')} signal to noise at the outputs"
    if found.parent is not None and found.total.drop is not None:
        after = found.parent - found.total.drop
        return f"{found.metric} {found.parent:.3f} → {after:.3f} on {images}, {noise}"
    if found.total.disagreement is not None:
        return f"agreement {1 - found.total.disagreement:.3f} on {images}, {noise}"
    return f"{noise} on {images}"


def sentences(found: Explanation) -> tuple[str, ...]:
    """Say everything that a reader must know, the cause first."""
    said = [*execution_sentences(found.execution), *cause_sentences(found)]
    return (*said, *(_sentence(note) for note in found.notes))


def verdict_text(found: Explanation) -> str:
    """Say in one line for a verdict where accuracy is lost, and what leaves it out."""
    told = found.execution
    if told is not None and told.cause == "execution":
        said = f"it is execution, not quantization: {_losses(told)}"
        first = told.first
        if first is None:
            return said
        before, behind = first.between
        return f"{said}; first at {first.quantizer}, between {before} and {behind}: {ignored(first.layers)}"
    suspects = _suspects(found)
    if suspects:
        named = ", ".join(f"{one.name} ({written(one.share, 'percent')})" for one in suspects)
        return f"most of the noise begins in {named}: {ignored(one.name for one in suspects)}"
    layers = _worth(found, found.ranked("layer"))[:_NAMED]
    if not layers or layers[0].costs(found.base) < _STANDS_OUT:
        last = _tail(found)
        if last is None:
            return "no single layer stands out"
        part = written(last.costs(found.base), "percent")
        return f"lost in {TAIL} ({part}): {ignored(last.layers)}"
    named = ", ".join(
        f"{group.name} ({written(group.costs(found.base), 'percent')})" for group in layers
    )
    return f"lost in {named}: {ignored(group.name for group in layers)}"


def execution_fact(told: Execution) -> str:
    """Say for a list of facts how truly the device executes the graph."""
    losses = f"simulated {loss_text(told.simulated)}, executed {loss_text(told.executed)}"
    words = {
        "quantization": "agrees with it",
        "neither": "agrees with it, and nothing is lost",
        "execution": "does not agree with it",
    }
    repeats = "" if told.repeats else ", and compilations differ among themselves"
    images = counted(told.images, "images")
    return f"{words[told.cause]} on {images}: {losses}{repeats}"


def execution_sentences(told: Execution | None) -> tuple[str, ...]:
    """Say whether the device computes what the quantized graph says."""
    if told is None or told.cause == "neither":
        return ()
    losses = f"{_losses(told)} ({counted(told.images, 'images')})"
    if told.cause == "quantization":
        return (f"It is quantization: {losses}.",)
    said = [f"It is execution, not quantization: {losses}."]
    if not told.repeats:
        apart = written(sqnr_db(told.compilations), "decibel")
        said.append(f"Compilations of this one file differ among themselves ({apart} apart).")
    if told.first is not None:
        before, behind = told.first.between
        alone = "; with it alone in floating point the difference is gone"
        said.append(
            f"The first quantizer that is executed otherwise is {told.first.quantizer}, between {before} "
            f"and {behind}{alone if told.first.alone else ''}."
        )
    return (*said, _what_to_do(told))


def _losses(told: Execution) -> str:
    """Hold what both arms lose against each other."""
    verb = "keeps" if told.of == "noise" else "loses"
    simulated, executed = loss_text(told.simulated), loss_text(told.executed)
    return (
        f"computed in plain floating point the quantized graph {verb} {simulated}, "
        f"as the device executes it {executed}"
    )


def _what_to_do(told: Execution) -> str:
    first = told.first
    layers = () if first is None else first.layers
    tries = [f"leave the layer out ({ignored(layers)})"] if layers else []
    tries.append("try another version of OpenVINO")
    if first is not None and first.subgraph:
        tries.append(
            f"report it there with {first.subgraph}, the smallest part that fails by itself"
        )
    else:
        tries.append("report it there")
    return f"To do: {', or '.join(tries)}."


def cause_sentences(found: Explanation) -> tuple[str, ...]:
    """Name the block and the layers that cost most, with the reason where one is seen."""
    if not found.groups or found.base.noise <= ROUNDING:
        return ()
    facts = {layer.name: layer for layer in found.layers}
    told = found.execution
    own = told is not None and told.cause == "execution"
    said = [f"Quantization itself costs less, {loss_text(found.base)}; of that:"] if own else []
    said += [
        _group_sentence(found, group, "Block") for group in _worth(found, found.ranked("block"))[:1]
    ]
    layers = _worth(found, found.ranked("layer"))[:_TOLD]
    said += [_layer_sentence(found, group, facts[group.name]) for group in layers]
    costs = [group.costs(found.base) for group in layers]
    if own:
        return tuple(said)
    suspects = _suspects(found)
    if suspects:
        named = ", ".join(f"{one.name} ({written(one.share, 'percent')})" for one in suspects)
        said.append(
            f"Most of the noise begins in {named}, which one pass over the images tells; what it costs was "
            f"not asked. To leave them out: {ignored(one.name for one in suspects)}"
        )
        return tuple(said)
    last = _tail(found)
    if last is not None and len(last.layers) > 1:
        said.append(_group_sentence(found, last, "The"))
        said.append(f"To leave them out: {ignored(last.layers)}")
    elif not costs or max(costs) < _STANDS_OUT:
        said.append(
            f"No single layer stands out among {counted(len(found.layers), 'layers')}: other settings of the "
            "recipe are more likely to help than an ignored scope."
        )
    else:
        names = [group.name for group, cost in zip(layers, costs, strict=True) if cost >= WORTH]
        said.append(f"To leave them out: {ignored(names[:_NAMED])}")
    return tuple(said)


def ignored(names: Iterable[str]) -> str:
    """Write layers as the setting that leaves them out of quantization."""
    return f"calibrate.ignored.names = [{', '.join(map(toml_string, names))}]"


def loss_text(loss: Loss) -> str:
    """Write one arm's loss: the metric's, else agreement's, with what it keeps of signal to noise."""
    noise = written(sqnr_db(loss.noise), "decibel")
    if loss.drop is not None:
        return f"{written(loss.drop, 'fraction')} ({noise})"
    if loss.disagreement is not None:
        return f"{written(loss.disagreement, 'fraction')} of agreement ({noise})"
    return f"{noise} of signal to noise"


def arm_text(found: Explanation, loss: Loss | None) -> str:
    """Write what one arm reaches: its metric or agreement, and its signal to noise."""
    if loss is None:
        return MISSING
    noise = written(sqnr_db(loss.noise), "decibel")
    if loss.drop is not None and found.parent is not None:
        return f"{found.parent - loss.drop:.3f}, {noise}"
    return noise if loss.disagreement is None else f"{1 - loss.disagreement:.3f}, {noise}"


def reason(layer: LayerFacts) -> str:
    """Say what is seen of a layer that explains its noise; empty where nothing is."""
    fed, weights = layer.inputs, layer.weights
    if fed is not None and fed.clipped > _CLIPPED:
        low, high = (f"{end:.3g}" for end in fed.grid)
        return (
            f"{written(fed.clipped, 'percent')} of its input lies beyond the grid [{low}, {high}]"
        )
    if fed is not None and _width(fed.grid) > _WIDE * _width(fed.seen) > 0:
        ratio = _width(fed.grid) / _width(fed.seen)
        return f"the grid of its input is {ratio:.0f} times as wide as its values"
    if fed is not None and fed.spread > _UNEVEN:
        return f"the largest channel of its input is {fed.spread:.0f} times the median one"
    if weights is not None and weights.spread > _UNEVEN:
        return f"its largest filter is {weights.spread:.0f} times the median one"
    return ""


def _width(ends: tuple[float, float]) -> float:
    return ends[1] - ends[0]


def _suspects(found: Explanation) -> list[Group]:
    """Layers with the largest shares of the noise, where time was too short to ask about any of them."""
    layers = found.ranked("layer")
    if any(group.asked for group in layers):
        return []
    return [group for group in layers[:_NAMED] if group.share >= _STANDS_OUT]


def _tail(found: Explanation) -> Group | None:
    """Give what follows the last weights, where it costs much of the loss."""
    asked = (group for group in found.ranked("pattern") if group.asked and group.name == TAIL)
    return next((group for group in asked if group.costs(found.base) >= _STANDS_OUT), None)


def _worth(found: Explanation, groups: Iterable[Group]) -> list[Group]:
    return [group for group in groups if group.asked and group.costs(found.base) >= WORTH]


def _group_sentence(found: Explanation, group: Group, kind: str) -> str:
    part = written(group.costs(found.base), "percent")
    count = f" ({counted(len(group.layers), 'layers')})" if len(group.layers) > 1 else ""
    return f"{kind} {group.name}{count} costs {part} of the loss: {_answers(found, group)}."


def _layer_sentence(found: Explanation, group: Group, layer: LayerFacts) -> str:
    said = _group_sentence(found, group, layer.type)
    why = reason(layer)
    return f"{said[:-1]}; {why}." if why else said


def _answers(found: Explanation, group: Group) -> str:
    """Say what it costs alone, and what putting it back regains."""
    only, back, base = group.only, group.back, found.base
    if only is None or back is None:
        return "not asked about"
    if only.drop is not None and back.drop is not None and base.drop is not None:
        alone, brings = signed(-only.drop, "fraction"), signed(base.drop - back.drop, "fraction")
        return f"quantized alone {alone} of {found.metric}, put back {brings}"
    if (
        only.disagreement is not None
        and back.disagreement is not None
        and base.disagreement is not None
    ):
        alone = signed(-only.disagreement, "fraction")
        brings = signed(base.disagreement - back.disagreement, "fraction")
        return f"quantized alone {alone} of agreement, put back {brings}"
    noises = [written(sqnr_db(loss.noise), "decibel") for loss in (only, base, back)]
    return f"quantized alone {noises[0]}, put back {noises[1]} → {noises[2]}"


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}."
