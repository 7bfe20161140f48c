"""Colours of roles, changes and outcomes: the same in pictures, page and Allure.

Okabe and Ito, "Color Universal Design" (2008): distinguishable with every common colour vision.
A colour never stands alone: changed objects carry words, lost ones are dashed.
"""

from __future__ import annotations

PARENT = "#0072B2"
OPTIMIZED = "#E69F00"
ROLES = {"parent": PARENT, "optimized": OPTIMIZED}
CHANGES = {
    "kept": "#9AA5B1",
    "moved": "#F0E442",
    "relabelled": "#CC79A7",
    "lost": "#D55E00",
    "gained": "#009E73",
}
#: Text on a filled label of that colour: black on the light ones.
INK = {PARENT: "#FFFFFF", OPTIMIZED: "#000000", "#F0E442": "#000000", "#9AA5B1": "#000000"}
CAPTION = "#1B2330"
PAPER = "#FFFFFF"
#: A label whose usual places are taken goes this many of its heights further down at most.
MORE_ROWS = 4
#: What has to be seen first: listed first, drawn on top, and with the choice of places for its label.
SEEN_FIRST = ("lost", "gained", "relabelled", "moved", "kept")


def ink_on(colour: str) -> str:
    """Choose black or white, whichever reads better on a colour of this palette."""
    return INK.get(colour, "#FFFFFF")
