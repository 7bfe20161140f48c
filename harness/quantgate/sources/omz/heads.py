"""How attributes are decoded, from the adapters of accuracy-check.yml that give them; names as the models' pages state them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.sources.omz.index import OmzModel
    from quantgate.sources.omz.objects import Decoding

#: What persons are and wear, by how many of it a model tells.
_WORN: Mapping[str, tuple[str, ...]] = {
    "person_8_attributes": (
        *("is_male", "has_bag", "has_backpack", "has_hat", "has_longsleeves", "has_longpants"),
        *("has_longhair", "has_coat_jacket"),
    ),
    "person_7_attributes": (
        *("is_male", "has_bag", "has_hat", "has_longsleeves", "has_longpants", "has_longhair"),
        "has_coat_jacket",
    ),
}
_COLOURS = ("white", "gray", "yellow", "red", "green", "blue", "black")
_TYPES = ("car", "van", "truck", "bus")


def age_gender(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Shares of female and male, and a hundredth of the age."""
    return _heads(
        gender={"output": options["gender_out"], "names": ("female", "male")},
        age={"output": options["age_out"], "kind": "value", "scale": 100.0, "unit": "years"},
    )


def person(model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """A share for each thing that a person is or wears."""
    names = _WORN[str(model.accuracy["dataset"])]
    output = str(options["attributes_recognition_out"])
    return _heads(attributes={"output": output, "kind": "sigmoid", "names": names})


def vehicle(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Shares of colours and of types."""
    return _heads(
        color={"output": options["color_out"], "names": _COLOURS},
        type={"output": options["type_out"], "names": _TYPES},
    )


def head_pose(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Three angles in degrees, none of which goes around."""
    return _heads(
        **{
            angle: {"output": options[f"angle_{angle}"], "kind": "value", "unit": "degrees"}
            for angle in ("yaw", "pitch", "roll")
        }
    )


def _heads(**heads: dict[str, Any]) -> Decoding:
    return "attributes", {"kind": "heads", "heads": heads}
