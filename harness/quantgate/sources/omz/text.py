"""How text is decoded, from the adapters of accuracy-check.yml that give it; alphabets as the models' pages state them."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.sources.omz.index import OmzModel
    from quantgate.sources.omz.objects import Decoding

_DIGITS_AND_LETTERS = string.digits + string.ascii_lowercase
#: Symbols of models whose settings do not list them, the blank apart.
_ALPHABETS: Mapping[str, str] = {
    "text-recognition-0012": _DIGITS_AND_LETTERS,
    "handwritten-score-recognition-0003": f"{string.digits}._",
    # GNHK's: printable ASCII without backslash and grave accent, and the pound sign.
    "handwritten-english-recognition-0001": "".join(
        chr(code) for code in range(0x20, 0x7F) if chr(code) not in "\\`"
    )
    + "£",
}
#: Chinese license plates: digits, provinces, letters.
_PLATES = (
    *string.digits,
    *(
        f"<{name}>"
        for name in [
            "Anhui",
            "Beijing",
            "Chongqing",
            "Fujian",
            "Gansu",
            "Guangdong",
            "Guangxi",
            "Guizhou",
            "Hainan",
            "Hebei",
            "Heilongjiang",
            "Henan",
            "HongKong",
            "Hubei",
            "Hunan",
            "InnerMongolia",
            "Jiangsu",
            "Jiangxi",
            "Jilin",
            "Liaoning",
            "Macau",
            "Ningxia",
            "Qinghai",
            "Shaanxi",
            "Shandong",
            "Shanghai",
            "Shanxi",
            "Sichuan",
            "Tianjin",
            "Tibet",
            "Xinjiang",
            "Yunnan",
            "Zhejiang",
            "police",
        ]
    ),
    *string.ascii_uppercase,
)
#: Character that each index of a model stands for, where its settings list them.
_MAP = "custom_label_map"


def ctc(model: OmzModel, options: Mapping[str, Any]) -> Decoding | None:
    """Scores with the blank first; None where the symbols are only in a file of the data set."""
    alphabet = _ALPHABETS.get(model.name)
    if _MAP in options:
        alphabet = _listed(options, int(options.get("blank_label", 0)))
    if alphabet is None:
        return None
    output = options.get("logits_output")
    named = {} if output is None else {"outputs": (str(output),)}
    return "text", {"kind": "ctc", "alphabet": alphabet, **named}


def ctc_blank_last(model: OmzModel, _options: Mapping[str, Any]) -> Decoding | None:
    """Scores with the blank last."""
    alphabet = _ALPHABETS.get(model.name)
    return (
        None
        if alphabet is None
        else ("text", {"kind": "ctc", "alphabet": alphabet, "blank": "last"})
    )


def sequence(_model: OmzModel, options: Mapping[str, Any]) -> Decoding:
    """Scores up to an end mark, behind a mark of the start where there is one."""
    if _MAP in options:
        return "text", {"kind": "sequence", "alphabet": _listed(options, 0), "end": 0}
    marks = {"marks": (0,), "end": 1, "first_step": int(options.get("start_index", 0))}
    return "text", {
        "kind": "sequence",
        "alphabet": string.digits + string.ascii_letters + string.punctuation,
        **marks,
    }


def plates(_model: OmzModel, _options: Mapping[str, Any]) -> Decoding:
    """Indices of symbols, -1 behind the last."""
    return "text", {"kind": "sequence", "characters": _PLATES, "end": -1}


def _listed(options: Mapping[str, Any], mark: int) -> str:
    """Symbols in the order of their indices, one of which is no symbol."""
    listed = sorted((int(index), symbol) for index, symbol in options[_MAP].items())
    return "".join(symbol for index, symbol in listed if index != mark)
