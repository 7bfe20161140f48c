"""A package beside quantgate whose decoder ends the process it runs in, each time in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MODULE = '''
import ctypes, os, signal, time
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.class_scores import ClassScoresDecoder


def crash():
    ctypes.string_at(0)


def short():
    np.ones(10**14)


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def hang():
    time.sleep(600)


def leave():
    os._exit(0)


def shout():
    for _ in range(300):
        os.write(2, b"\\x1b[31m::error::it is too late\\n" * 1000)
    os.abort()


#: Images by which a process ends, and how many it decodes first: the look at the parent is survived.
DECODED = Counter()
LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Planted(ClassScoresDecoder):
    """Ends the process of the model."""

    kind: Literal["planted"] = "planted"
    how: Annotated[str, Doc("crash, short, kill, hang, leave or shout")] = "crash"

    def decode(self, outputs, frame):
        DECODED[self.how] += 1
        if DECODED[self.how] > LOOKED_AT:
            globals()[self.how]()
        return ClassScoresDecoder.decode(self, outputs, frame)
'''


def install(folder: Path) -> Path:
    """Lay the package into a folder, from where it works once it is on the path of imports."""
    about = folder / "planted_package-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (folder / "planted_package.py").write_text(MODULE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: planted-package\nVersion: 1.0\n")
    points = "[quantgate.decoders]\nplanted = planted_package:Planted\n"
    (about / "entry_points.txt").write_text(points)
    return folder
