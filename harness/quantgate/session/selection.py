"""Which models a gate would judge, without judging any: pytest's own selection decides."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import UsageError
from quantgate.manifest import load_manifest
from quantgate.session.collection import gate_arguments, gate_of
from quantgate.shard import owner_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FINE = frozenset({pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED})


@dataclass(frozen=True, slots=True, eq=False)  # pytest keeps plugins in sets
class _Seen:
    """Names the models of the gates that are left after every selection, each once."""

    models: dict[str, None] = field(default_factory=dict)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.models.update(
            (owner_of(gate[0]), None) for gate in map(gate_of, session.items) if gate
        )


def selected_models(manifest: Path, arguments: Sequence[str] = ()) -> tuple[str, ...]:
    """Name the models that ``gate`` would judge with these arguments, in the order of the manifest.

    Raises
    ------
    ManifestError
        Where the manifest is wrong.
    UsageError
        Where pytest refuses the arguments.
    """
    known = load_manifest(manifest).models
    if not arguments:
        return tuple(known)
    seen, said = _Seen(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        given = [*gate_arguments(manifest), "--collect-only", "-q", *arguments]
        status = pytest.main(given, plugins=[seen])
    if status not in _FINE:
        lines = [line for line in said.getvalue().splitlines() if line.startswith("ERROR: ")]
        raise UsageError((lines or [said.getvalue()])[0].removeprefix("ERROR: "))
    return tuple(seen.models)
