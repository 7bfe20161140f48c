"""A ready-made optimized model, fed and cut as its parent is.

Other tools hand models on with other layouts, names and types than the parent has: integer inputs and
outputs, outputs in another order or with channels last. Here they are brought to the parent's interface;
what was done is told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.engine.embed import embed, own_size
from quantgate.engine.ir_file import SECTION
from quantgate.engine.naming import model_ports
from quantgate.errors import PreprocessError
from quantgate.sources.opset import opset

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openvino as ov

    from quantgate.decoders.protocol import Port
    from quantgate.entries import Preprocess

#: Integer inputs of images, with what they add to a pixel of 0..255.
INTEGER_INPUTS = {"u8": 0.0, "uint8_t": 0.0, "i8": -128.0, "int8_t": -128.0}
_INTEGERS = frozenset({"u8", "i8", "uint8_t", "int8_t"})
#: What may stand between a quantizer and an output without a change of any number.
_MOVES = frozenset({"Convert", "Reshape", "Squeeze", "Unsqueeze", "Transpose"})
_DEEPEST = 6
#: Key in a graph's metadata of models that hold their preprocessing: ours.
MARK = "quantgate_preprocess"


@dataclass(slots=True)
class Fitted:
    """A model on its way to its parent's interface, and what was done to it."""

    model: ov.Model
    notes: list[str] = field(default_factory=list)


def refuse_other_size(model: ov.Model, plan: Preprocess, parent: ov.Model) -> None:
    """Refuse a model made for images of another size: stretched to the parent's it would be another model.

    Parameters
    ----------
    parent
        The parent as it is judged: an input of [1, height, width, channels].

    Raises
    ------
    PreprocessError
        Where both sizes are static and differ.
    """
    size = own_size(model, plan)
    _, height, width, _ = parent.input(0).shape
    if size not in {None, (width, height)}:
        raise PreprocessError(
            f"the models to compare take inputs of {parent.input(0).shape} and "
            f"{model.input(0).partial_shape}: they are judged on the same images, so give an optimized "
            "model and a baseline of the same size"
        )


def feed_as_parent(model: ov.Model, plan: Preprocess, *, raw_parent: bool) -> Fitted:
    """Embed the preprocessing where it is not yet.

    An input of 8-bit integers takes the pixels themselves: what a float parent needs of mean and
    scale is in the integers' own scale. A model that this harness made holds all of it already.

    Parameters
    ----------
    raw_parent
        Whether the parent's own input takes 8-bit integers too: then all of the plan is for both.
    """
    kind = model.inputs[0].get_element_type().get_type_name()
    if kind not in INTEGER_INPUTS:
        return Fitted(embed(model, plan))
    if model.has_rt_info(MARK) or model.has_rt_info(SECTION):
        return Fitted(
            model, ["the optimized model holds its preprocessing already, as quantgate made it"]
        )
    if raw_parent:
        return Fitted(embed(model, plan))
    shift = INTEGER_INPUTS[kind]
    fitted = Fitted(embed(model, replace(plan, mean=-shift, scale=1.0)))
    numbers = "128 less than each pixel" if shift else "the pixels themselves"
    fitted.notes.append(
        f"the optimized model takes 8-bit integers: it is fed {numbers} in the order of colours that "
        "preprocess gives, without mean and scale, which its own quantization holds"
    )
    return fitted


def give_back_float(fitted: Fitted) -> None:
    """Turn outputs of 8-bit integers into the numbers that they stand for."""
    ops, model = opset(), fitted.model
    done = []
    for result in model.get_results():
        source = result.input_value(0)
        if source.get_element_type().get_type_name() not in _INTEGERS:
            continue
        quantizer = _quantizer(source.get_node())
        if quantizer is None:
            continue
        names = source.get_names()
        low, high, out_low, out_high = (
            np.float32(quantizer.input_value(k).get_node().get_data().item()) for k in (1, 2, 3, 4)
        )
        steps = (high - low) / (out_high - out_low)
        real = ops.add(
            ops.multiply(
                ops.subtract(ops.convert(source, "f32"), ops.constant(out_low)),
                ops.constant(steps),
            ),
            ops.constant(low),
        )
        real.output(0).get_tensor().set_names(names)
        source.get_tensor().set_names(set())
        result.input(0).replace_source_output(real.output(0))
        done.append(next(iter(names), "an output"))
    if done:
        model.validate_nodes_and_infer_types()
        fitted.notes.append(
            f"8-bit outputs of the optimized model are compared as the numbers that they stand for: "
            f"{', '.join(done)}"
        )


def _quantizer(node: Any) -> Any:
    """Find the FakeQuantize that an integer output comes from, through what moves no number."""
    for _ in range(_DEEPEST):
        if node.get_type_name() == "FakeQuantize":
            ranges = [node.input_value(k).get_node() for k in (1, 2, 3, 4)]
            known = all(
                each.get_type_name() == "Constant" and each.get_data().size == 1 for each in ranges
            )
            return node if known else None
        if node.get_type_name() not in _MOVES:
            return None
        node = node.input_value(0).get_node()
    return None


def name_as_parent(fitted: Fitted, parent: Sequence[Port]) -> None:
    """Give outputs the parent's names, order and layout where that can be done in one way only.

    By name first; then by shape where no two outputs share it, else by position; a shape with the
    channels at the other end is transposed.
    """
    own = model_ports(fitted.model.outputs)
    if len(own) != len(parent) or _same(own, parent):
        return
    pairs = _pairs(own, parent)
    if pairs is None:
        return
    ops, results, said = opset(), [], []
    outputs = [fitted.model.output(index) for index in range(len(own))]
    sources = [output.get_node().input_value(0) for output in outputs]
    for port, (index, order) in zip(parent, pairs, strict=True):
        source = sources[index]
        if order is not None:
            source = ops.transpose(source, np.array(order, np.int64)).output(0)
        else:
            source = (
                ops.reshape(source, np.array(port.shape, np.int64), special_zero=False).output(0)
                if (own[index].shape != port.shape)
                else source
            )
        results.append((port, source))
        turned = (
            ""
            if own[index].shape == port.shape
            else f" {list(own[index].shape)} as {list(port.shape)}"
        )
        if own[index].name != port.name or turned:
            said.append(f"{own[index].name}{turned} for {port.name}")
    for source in sources:
        source.get_tensor().set_names(set())
    made = []
    for port, source in results:
        source.get_tensor().set_names({port.name, *port.aliases})
        made.append(ops.result(source))
    import openvino as ov

    fitted.model = ov.Model(made, fitted.model.get_parameters(), fitted.model.get_friendly_name())
    fitted.notes.append(f"outputs of the optimized model stand for the parent's: {', '.join(said)}")


def _same(own: Sequence[Port], parent: Sequence[Port]) -> bool:
    return [(p.name, p.shape) for p in own] == [(p.name, p.shape) for p in parent]


def _pairs(
    own: Sequence[Port], parent: Sequence[Port]
) -> list[tuple[int, tuple[int, ...] | None]] | None:
    """For each output of the parent the one that stands for it, and how its axes are turned."""
    found: list[tuple[int, tuple[int, ...] | None]] = []
    free = list(range(len(own)))
    for place, port in enumerate(parent):
        names = {port.name, *port.aliases}
        fits = [index for index in free if _turn(own[index].shape, port.shape) is not None]
        named = [index for index in fits if names & {own[index].name, *own[index].aliases}]
        equal = [index for index in fits if own[index].shape == port.shape]
        chosen = (
            named or (equal if len(equal) == 1 else []) or ([place] if place in fits else fits[:1])
        )
        if not chosen:
            return None
        free.remove(chosen[0])
        turn = _turn(own[chosen[0]].shape, port.shape)
        found.append((chosen[0], turn or None))
    return found


def _turn(own: tuple[int, ...], parent: tuple[int, ...]) -> tuple[int, ...] | None:
    """Order of axes that makes one shape of the other: empty where none is needed, None where none does."""
    if own == parent:
        return ()
    if [d for d in own if d != 1] == [d for d in parent if d != 1] and -1 not in own:
        return ()
    if len(own) != len(parent) or sorted(own) != sorted(parent):
        return None
    rank = len(own)
    last = (0, rank - 1, *range(1, rank - 1))
    first = (0, *range(2, rank), 1)
    fits = [order for order in (last, first) if tuple(own[k] for k in order) == parent]
    repeated = Counter(own[1:]).most_common(1)[0][1] > rank - 2 if rank > 2 else True  # noqa: PLR2004
    if not fits or (len(set(fits)) > 1 and repeated):
        return None
    return fits[0]
