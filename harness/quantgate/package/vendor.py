"""The part of quantgate that a model's predictions need, as a small standalone module.

Found by the names that statements use, from the decoder on: a package decodes with the very code
that was judged, and brings neither quantgate nor its libraries.
"""

from __future__ import annotations

import importlib.util
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.errors import PackageError
from quantgate.package.excerpt import Origin, Source, needs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


_SUMMARY = "How this model's input is made and its outputs are read: the code that its gate ran."


@dataclass(frozen=True, slots=True)
class Vendored:
    """Python files by name, and the libraries that they import (top-level names)."""

    files: Mapping[str, str]
    libraries: frozenset[str]


def vendor(roots: Mapping[str, Any]) -> Vendored:
    """Collect the code of some classes and functions, with all that they need of their own package.

    Parameters
    ----------
    roots
        By the name under which the module hands them out.

    Raises
    ------
    PackageError
        Where the source of one of their modules is not on this machine.
    """
    walk = _Walk(frozenset(thing.__module__.split(".")[0] for thing in roots.values()))
    for thing in roots.values():
        walk.add(Origin(thing.__module__, thing.__qualname__))
    names = _file_names(walk.kept)
    files = {f"{names[module]}.py": walk.text(module, names) for module in walk.kept}
    handed = {name: Origin(thing.__module__, thing.__qualname__) for name, thing in roots.items()}
    listed = "".join(f'    "{name}",\n' for name in sorted(handed))
    files["__init__.py"] = (
        f'"""{_SUMMARY}"""\n\n{_imports(handed, names)}\n\n__all__ = [\n{listed}]\n'
    )
    return Vendored(dict(sorted(files.items())), frozenset(walk.libraries))


@dataclass(slots=True)
class _Walk:
    """What was reached so far: the names to keep of each module, and foreign libraries.

    ``own`` are the packages whose code is taken along.
    """

    own: frozenset[str]
    sources: dict[str, Source] = field(default_factory=dict)
    kept: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    libraries: set[str] = field(default_factory=set)

    def add(self, origin: Origin) -> None:
        """Keep what a name of a module stands for, and all that this needs."""
        todo = [origin]
        while todo:
            found = todo.pop()
            top = found.module.split(".")[0]
            if top not in self.own:
                self.libraries |= {top} - sys.stdlib_module_names
            elif found.name is not None and found.name not in self.kept[found.module]:
                self.kept[found.module].add(found.name)
                todo += self._needs(self._source(found.module), found.name)

    def text(self, module: str, names: Mapping[str, str]) -> str:
        """Write what is kept of a module; ``names`` are those of the files of all modules."""
        source, kept = self.sources[module], self.kept[module]
        imported = {name: source.imported[name] for name in kept & source.imported.keys()}
        nodes = {source.defined[name] for name in kept & source.defined.keys()}

        def renamed(other: str) -> str | None:
            return f".{names[other]}" if other in names else None

        texts = [
            f"\n{source.text_of(node, renamed)}"
            for node in sorted(nodes, key=lambda node: node.lineno)
        ]
        parts = [f'"""{source.summary()}"""', _imports(imported, names), *texts]
        return "\n\n".join(filter(None, parts)) + "\n"

    def _source(self, module: str) -> Source:
        if module not in self.sources:
            spec = importlib.util.find_spec(module)
            if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
                raise PackageError(
                    f"{module} has no source on this machine, and a package takes the code of its "
                    "decoder along: install it from source files"
                )
            self.sources[module] = Source(module, Path(spec.origin).read_bytes())
        return self.sources[module]

    def _needs(self, source: Source, name: str) -> Iterator[Origin]:
        if name in source.imported:
            yield source.imported[name]
        elif name in source.defined:
            needs = needs_of(source.defined[name])
            yield from needs.imports
            known = needs.names & (source.imported.keys() | source.defined.keys())
            yield from (Origin(source.name, used) for used in sorted(known))


def _imports(origins: Mapping[str, Origin], names: Mapping[str, str]) -> str:
    """Write the imports of names, one line a module."""
    whole, parts = [], defaultdict(list)
    for name, origin in sorted(origins.items()):
        if origin.name is None:
            plain = name == origin.module.split(".")[0]
            whole.append(f"import {origin.module}" + ("" if plain else f" as {name}"))
        else:
            place = f".{names[origin.module]}" if origin.module in names else origin.module
            parts[place].append(origin.name if name == origin.name else f"{origin.name} as {name}")
    lines = [f"from {place} import {', '.join(said)}" for place, said in parts.items()]
    return "\n".join([*whole, *sorted(lines, key=lambda line: (line.startswith("from ."), line))])


def _file_names(modules: Iterable[str]) -> dict[str, str]:
    """Name each module's file by its last part, with the part before it where two are alike."""
    parts = {module: module.split(".") for module in modules}
    last = [name[-1] for name in parts.values()]
    return {
        module: name[-1] if last.count(name[-1]) == 1 else "_".join(name[-2:])
        for module, name in parts.items()
    }
