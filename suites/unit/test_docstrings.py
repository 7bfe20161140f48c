"""What docstrings promise: their examples give what they say, and arrays have shapes."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import quantgate
import quantgate.core

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(quantgate.__file__).parent
CORE = [m.name for m in pkgutil.walk_packages(quantgate.core.__path__, "quantgate.core.")]
EXAMPLES = [*CORE, "quantgate.escaping"]
#: A shape, such as [n, 4].
SHAPE = re.compile(r"\[[^\]]+\]")

UNSHAPED = """
def area(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    '''Area of boxes in px².'''
"""


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_give_what_they_say(name: str) -> None:
    """Every example in a docstring of core/ and escaping.py runs as it is."""
    assert doctest.testmod(importlib.import_module(name), raise_on_error=False).failed == 0


def test_there_are_examples() -> None:
    """The test above has something to run."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(name) for name in EXAMPLES]

    assert sum(bool(found.examples) for m in modules for found in finder.find(m)) >= 15


def array_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Give public functions and methods that take or return arrays."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    bodies = [tree.body, *(c.body for c in classes if not c.name.startswith("_"))]
    for function in (node for body in bodies for node in body):
        if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
            arguments = [*function.args.args, *function.args.kwonlyargs]
            hints = [*(a.annotation for a in arguments), function.returns]
            if any("NDArray" in ast.unparse(hint) for hint in hints if hint is not None):
                yield function


def unshaped(source: str) -> list[str]:
    """Name the array functions whose docstring states no shape."""
    functions = array_functions(ast.parse(source))
    return [f.name for f in functions if not SHAPE.search(ast.get_docstring(f) or "")]


def test_array_functions_state_shapes() -> None:
    """The docstring of every public function of arrays says their shapes, as [n, 4]."""
    sources = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    found = {str(path.relative_to(PACKAGE)): unshaped(text) for path, text in sources.items()}

    assert {path: names for path, names in found.items() if names} == {}
    assert sum(len(list(array_functions(ast.parse(text)))) for text in sources.values()) > 100


def test_a_docstring_without_a_shape_is_noticed() -> None:
    """The check above refuses a function of boxes that does not say how many numbers they have."""
    assert unshaped(UNSHAPED) == ["area"]
