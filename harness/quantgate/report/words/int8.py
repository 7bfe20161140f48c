"""Where the INT8 models of a run lie, and what loads them as they were judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.escaping import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.report.model import ModelReport, RunReport

#: Stands for a model's path where several are loaded alike.
_PATH = "PATH"


def load_line(model: ModelReport) -> str:
    """Write the one expression that loads a model, ``openvino.Core().compile_model(…)``."""
    return model.load.rpartition("model = ")[2].replace("ov.Core", "openvino.Core", 1)


def int8_lines(models: Sequence[ModelReport]) -> list[str]:
    """Say where each INT8 model is, then how to load it; once for all that are loaded alike."""
    made = [model for model in models if model.ir]
    width = max((len(model.id) for model in made), default=0)
    alike: dict[str, list[str]] = {}
    for model in made:
        alike.setdefault(load_line(model).replace(repr(model.ir), _PATH, 1), []).append(model.id)
    return [
        *(f"INT8  {model.id.ljust(width)}  {one_line(model.ir)}" for model in made),
        *(
            f"load  {expression}" + (f"  ({', '.join(names)})" if len(alike) > 1 else "")
            for expression, names in alike.items()
            if expression
        ),
    ]


def package_line(report: RunReport) -> str:
    """Say what packages a model of which nothing failed; nothing where there is none."""
    missed = {j.verdict.model for j in report.judged if j.fails}
    missed |= {p.model for p in report.problems if p.status not in {"passed", "skipped"}}
    ready = [model.id for model in report.models if model.ir and model.id not in missed]
    if not ready:
        return ""
    name, what = (ready[0], "it") if len(ready) == 1 else ("MODEL", "any that passed")
    return f"`quantgate package {name}` makes a folder to deploy of {what}"
