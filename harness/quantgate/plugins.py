"""Plug-ins: entry points of other packages that add to the catalogs.

A package declares, say, ``[project.entry-points."quantgate.decoders"]`` with ``"my-head" =
"my_package:MyHead"``; the catalog then lists it after the built-in ones. Nothing is imported until a
catalog is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from quantgate.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What can be added from outside, each in the group ``quantgate.NAME``.
GROUPS = ("decoders", "tasks", "sources", "datasets", "limits", "metrics")


@cache
def _installed() -> Any:
    """Read the entry points of all installed packages, once: that opens a file of each."""
    return entry_points()


def _points(group: str) -> Any:
    """Give the entry points of a catalog."""
    return _installed().select(group=f"quantgate.{group}")


@cache
def names_of(group: str) -> tuple[str, ...]:
    """Name what other packages add to a catalog, without importing any of it."""
    return tuple(sorted({point.name for point in _points(group)}))


@cache
def modules_of(group: str) -> tuple[str, ...]:
    """Name the modules behind a catalog's additions, without importing any."""
    return tuple(sorted({point.module for point in _points(group)}))


@cache
def plugged(group: str) -> Mapping[str, Any]:
    """Load the plug-ins of a catalog, by name.

    Parameters
    ----------
    group
        One of :data:`GROUPS`.

    Raises
    ------
    PluginError
        Where an entry point cannot be loaded, or two packages use the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in _points(group):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise PluginError(
                f"the entry point {point.name!r} of quantgate.{group} is declared twice, as "
                f"{other.value} and as {point.value}: uninstall one of the packages, or rename it"
            )
        found[point.name] = point
    return {name: _load(group, point) for name, point in sorted(found.items())}


def extended(group: str, built_in: Mapping[str, Any]) -> dict[str, Any]:
    """Add plug-ins to a catalog; a built-in name cannot be replaced.

    Raises
    ------
    PluginError
        As :func:`plugged`, and where a plug-in uses the name of a built-in one.
    """
    added = plugged(group)
    for name in added:
        if name in built_in:
            raise PluginError(
                f"the entry point {name!r} of quantgate.{group} has the name of a built-in one: "
                "give it another name"
            )
    return {**built_in, **added}


class Lazy(Mapping[str, Any]):
    """A mapping whose values are made when they are first asked for.

    Parameters
    ----------
    given
        What each value is made of, by name.
    make
        Makes it. Arguments: the name, and what is given.
    """

    def __init__(self, given: Mapping[str, Any], make: Callable[[str, Any], Any]) -> None:
        self._given = given
        self._make = make
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._make(name, self._given[name])
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._given

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def kinds(group: str, built_in: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make a catalog whose built-in kinds are imported when they are asked for: a run needs few of many.

    Parameters
    ----------
    group
        One of :data:`GROUPS`, and the room that the built-in kinds are in.
    built_in
        By name: ``module:attribute`` in that room, a module, or the kind itself.

    Raises
    ------
    PluginError
        As :func:`extended`.
    """

    def found(_: str, place: Any) -> Any:
        if not isinstance(place, str):
            return place
        module, _, attribute = place.partition(":")
        room = import_module(f"quantgate.{group}.{module}")
        return getattr(room, attribute) if attribute else room

    return Lazy(extended(group, built_in), found)


def _load(group: str, point: EntryPoint) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"the entry point {point.name!r} of quantgate.{group} ({point.value}) cannot be loaded: "
            f"{error}; fix or uninstall the package that declares it"
        ) from error
