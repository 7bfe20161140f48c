"""From a model's files to an ``openvino.Model``, with one sentence where it does not parse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quantgate.borders import DAMAGE
from quantgate.errors import SourceError

if TYPE_CHECKING:
    import openvino as ov

    from quantgate.sources.files import SourceFile

#: Lines of OpenVINO's messages that only say where in its own source it stopped.
_NOISE = re.compile(
    r"^(Exception from|Check '.*' failed at|\[ ?(ERROR|WARN|INFO) ?\]|.*\.(cpp|hpp|h):\d+:?$|\s*$)"
)

_UNCONVERTED = re.compile(
    r"(?:No conversion rule found for operations|no translator found for operation\(s\)): (.+)"
)
_UNRECOGNIZED = "Unable to read the model"


def read(source: SourceFile) -> ov.Model:
    """Read a model with OpenVINO.

    Raises
    ------
    SourceError
        Where the file does not parse; holds OpenVINO's first meaningful line.
    """
    import openvino as ov

    try:
        model = ov.Core().read_model(source.path)
    except DAMAGE as error:
        told = first_line(error)
        lacking = _UNCONVERTED.search(str(error))
        if lacking:
            raise SourceError(
                f"{source.path}: OpenVINO cannot convert the operations {lacking[1]} of this "
                f"{source.form} model: export it without them{'' if source.form == 'ONNX' else ', or to ONNX'}"
            ) from error
        reason = "OpenVINO recognizes no model in it" if _UNRECOGNIZED in told else told
        raise SourceError(
            f"{source.path}: is not a complete {source.form} model ({reason}): get or export it again"
        ) from error
    if not model.outputs:
        raise SourceError(f"{source.path}: the model has no outputs")
    return model


def first_line(error: BaseException) -> str:
    """First meaningful line of a foreign message, without a full stop."""
    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    told = next((line for line in lines if line and not _NOISE.match(line)), "")
    return (told or next(filter(None, lines), type(error).__name__)).rstrip(".:")
