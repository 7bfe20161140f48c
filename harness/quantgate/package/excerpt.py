"""One of our modules, statement by statement: which names each defines and needs, and its bare text.

What runs needs no annotations, so an excerpt has none: a decoder's code is left with numpy and OpenCV.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: Gives the new name of a module from which a statement imports; None where the name stays.
Renamed: TypeAlias = "Callable[[str], str | None]"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an imported name comes from: a module, and a name in it (None: the module itself)."""

    module: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Needs:
    """What running a statement reads: names of its module, and what it imports inside."""

    names: frozenset[str]
    imports: tuple[Origin, ...]


class Source:
    """A parsed module.

    Parameters
    ----------
    name
        Dotted name.
    text
        Its source.
    """

    def __init__(self, name: str, text: bytes) -> None:
        self.name = name
        self._text = text
        self._tree = ast.parse(text)
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    @cached_property
    def imported(self) -> Mapping[str, Origin]:
        """Names that the module imports when it runs, not for type checkers alone."""
        return dict(_imports(self._tree.body))

    @cached_property
    def defined(self) -> Mapping[str, ast.stmt]:
        """Names that its statements define."""
        return {name: node for node in self._tree.body for name in _defines(node)}

    def summary(self) -> str:
        """First line of its docstring."""
        return (ast.get_docstring(self._tree) or "").split("\n", 1)[0]

    def text_of(self, node: ast.stmt, renamed: Renamed) -> str:
        """Give a statement's text with the comments above it, without annotations."""
        start, end = self._extent(node)
        parts, at = [], start
        for first, last, text in sorted(_edits(self, node, renamed)):
            parts += [self._text[at:first], text]
            at = last
        return b"".join([*parts, self._text[at:end]]).decode().strip("\n")

    def at(self, line: int, column: int) -> int:
        """Offset in bytes of a place that the parser names."""
        return self._starts[line - 1] + column

    def find_back(self, text: bytes, before: int) -> int:
        """Offset of the last ``text`` before a place, with the blanks in front of it."""
        found = self._text.rindex(text, 0, before)
        return len(self._text[:found].rstrip())

    def _extent(self, node: ast.stmt) -> tuple[int, int]:
        decorators = getattr(node, "decorator_list", [])
        line = min([node.lineno, *(item.lineno for item in decorators)])
        while line > 1 and self._line(line - 1).startswith(b"#"):
            line -= 1
        return self._starts[line - 1], self.at(node.end_lineno or 0, node.end_col_offset or 0)

    def _line(self, number: int) -> bytes:
        return self._text[self._starts[number - 1] : self._starts[number]]


def needs_of(node: ast.stmt) -> Needs:
    """Collect what running a statement needs; annotations are never run."""
    visitor = _Needs()
    visitor.visit(node)
    return Needs(frozenset(visitor.names), tuple(visitor.imports))


class _Needs(ast.NodeVisitor):
    """Walks over everything but annotations."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.imports: list[Origin] = []

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)

    def visit_arg(self, node: ast.arg) -> None:
        """Leave out the annotation."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in (*node.decorator_list, node.args, *node.body):
            self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        self.imports += [origin for _, origin in _imports([node])]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.imports += [origin for _, origin in _imports([node])]


def _imports(body: list[ast.stmt]) -> Iterator[tuple[str, Origin]]:
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0], Origin(alias.name, None)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            for alias in node.names:
                yield alias.asname or alias.name, Origin(node.module or "", alias.name)


def _defines(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _edits(source: Source, top: ast.stmt, renamed: Renamed) -> Iterator[tuple[int, int, bytes]]:
    """Yield what to replace: first and last byte, and the new text."""
    fields = {id(item) for item in getattr(top, "body", ()) if isinstance(top, ast.ClassDef)}
    for node in ast.walk(top):
        if isinstance(node, ast.arg) and node.annotation is not None:
            name_end = source.at(node.lineno, node.col_offset) + len(node.arg.encode())
            yield name_end, _end(source, node.annotation), b""
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            begin = source.at(node.returns.lineno, node.returns.col_offset)
            yield source.find_back(b"->", begin), _end(source, node.returns), b""
        elif isinstance(node, ast.AnnAssign):
            kept = id(node) in fields and not _is_class_variable(node)
            # A dataclass finds its fields by their annotations: any will do.
            text = b": object" if kept else b""
            yield _end(source, node.target), _end(source, node.annotation), text
        elif isinstance(node, ast.ImportFrom) and node.module and (new := renamed(node.module)):
            begin = source.at(node.lineno, node.col_offset) + len(b"from ")
            yield begin, begin + len(node.module.encode()), new.encode()


def _is_class_variable(node: ast.AnnAssign) -> bool:
    return any(
        isinstance(part, ast.Name) and part.id == "ClassVar" for part in ast.walk(node.annotation)
    )


def _end(source: Source, node: ast.expr) -> int:
    return source.at(node.end_lineno or 0, node.end_col_offset or 0)
