"""Which label each category of a COCO json is; categories that are none are left out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Names that exporters give to what is no class.
_NO_CLASS = frozenset(
    {
        "background",
        "_background_",
        "__background__",
        "bg",
        "none",
        "_ignore_",
        "placeholder",
        "null",
        "unlabeled",
    }
)


@dataclass(frozen=True, slots=True)
class Categories:
    """Names of the labels; ``index`` from a category's id to its label, ``ids`` back ("": none)."""

    labels: tuple[str, ...]
    index: Mapping[int, int]
    ids: tuple[int | str, ...]
    notes: tuple[str, ...] = ()


def categories_of(
    name: str,
    categories: Sequence[dict[str, Any]],
    annotations: Sequence[dict[str, Any]],
    labels: tuple[str, ...] | None,
) -> Categories:
    """Number the categories, and check every annotation's against them.

    Raises
    ------
    DatasetError
        Where an annotation has no category of the list, or two categories share an id; names both.
    """
    ordered = sorted(categories, key=lambda category: int(category["id"]))
    ids = [int(category["id"]) for category in ordered]
    twice = next((one for one, other in itertools.pairwise(ids) if one == other), None)
    if twice is not None:
        raise DatasetError(
            f"datasets.{name}: two categories have the id {twice}; give each its own"
        )
    used = {_category(name, annotation, frozenset(ids)) for annotation in annotations}
    dropped = _placeholder(ordered, used, labels)
    kept = [category for category in ordered if category is not dropped]
    index = _index(kept, used, labels)
    named = labels if labels is not None else tuple(str(category["name"]) for category in kept)
    _check_labels(name, annotations, index, named)
    by_label: dict[int, int | str] = {label: category for category, label in index.items()}
    ids_of = tuple(by_label.get(label, "") for label in range(len(named)))
    if dropped is None:
        return Categories(named, index, ids_of)
    note = (
        f"datasets.{name}: the category {dropped['name']!r} (id {dropped['id']}) is a placeholder "
        "that no annotation uses: it is no label"
    )
    return Categories(named, index, ids_of, (note,))


def _index(
    kept: Sequence[dict[str, Any]], used: set[int], labels: tuple[str, ...] | None
) -> dict[int, int]:
    """Label of every category: by its name where the given labels name all that are used, else by order."""
    by_order = {int(category["id"]): label for label, category in enumerate(kept)}
    places = {label.strip().casefold(): place for place, label in enumerate(labels or ())}
    by_name = {
        int(category["id"]): places.get(str(category["name"]).strip().casefold(), -1)
        for category in kept
    }
    named = labels is not None and len(places) == len(labels) and used
    if not named or any(by_name[category] < 0 for category in used):
        return by_order
    return {category: label for category, label in by_name.items() if label >= 0}


def _category(name: str, annotation: dict[str, Any], ids: frozenset[int]) -> int:
    which = f"annotation {annotation.get('id', annotation)}"
    if "category_id" not in annotation:
        raise DatasetError(
            f"datasets.{name}: {which} has no category_id; add it, or remove the annotation"
        )
    said = annotation["category_id"]
    try:
        category = int(said)
    except (TypeError, ValueError):
        category = None
    if category is None or category not in ids:
        raise DatasetError(
            f"datasets.{name}: {which} has category id {said!r}, which the "
            f"{len(ids)} categories do not hold; add the category or remove the annotation"
        )
    return category


def _placeholder(
    ordered: Sequence[dict[str, Any]], used: set[int], labels: tuple[str, ...] | None
) -> dict[str, Any] | None:
    """Find a first category that stands for none: models do not count it, so nor must labels."""
    if len(ordered) < 2 or int(ordered[0]["id"]) in used or not used:  # noqa: PLR2004 - one is a class
        return None
    first, others = ordered[0], ordered[1:]
    title = str(first["name"]).strip().lower()
    above = all(str(other.get("supercategory")) == str(first["name"]) for other in others)
    fits = labels is None or len(labels) == len(others)
    return first if fits and (title in _NO_CLASS or above) else None


def _check_labels(
    name: str,
    annotations: Sequence[dict[str, Any]],
    index: Mapping[int, int],
    labels: Sequence[str],
) -> None:
    for annotation in annotations:
        label = index[int(annotation["category_id"])]
        if label >= len(labels):
            raise DatasetError(
                f"datasets.{name}: annotation {annotation.get('id', annotation)} has category id "
                f"{annotation['category_id']}, label index {label}, but only {len(labels)} labels "
                f"are given; complete datasets.{name}.labels, or choose by datasets.{name}.classes"
            )
