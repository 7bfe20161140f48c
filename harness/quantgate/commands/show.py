"""``quantgate show``: both roles side by side on single images."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say, say_where
from quantgate.commands.prepare import add_arguments, prepared

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add(verbs: Any) -> None:
    """Declare the verb."""
    show = verbs.add_parser("show", help="show both roles side by side on single images")
    add_arguments(show)
    show.add_argument(
        "images", nargs="+", metavar="IMAGE", help="image file, or a name in the evaluation set"
    )
    show.add_argument(
        "--output",
        type=Path,
        default=Path("reports"),
        help="write pictures below this folder where the terminal shows none (default: reports)",
    )
    show.add_argument(
        "--png", action="store_true", help="write files even where the terminal shows pictures"
    )
    show.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Show every image; the status only says whether that was possible."""
    from quantgate.onboarding.showing import images_named, sights
    from quantgate.report.files import file_name, write_atomic
    from quantgate.report.terminal_picture import protocol_of

    with prepared(options) as model:
        dataset = model.data.evaluation
        samples = images_named(options.images, dataset)
        found = model.call("showing images", sights, model.entry, model.artifacts, dataset, samples)
    protocol = protocol_of(os.environ) if sys.stdout.isatty() and not options.png else ""
    for number, sight in enumerate(found):
        say(f"{sight.name}: {sight.sentence}")
        if not sight.png:
            continue
        if protocol:
            _draw(sight.png, protocol)
        else:
            name = f"{number:02d}-{file_name(Path(sight.name).stem)}.png"
            path = options.output / "show" / file_name(options.model) / name
            write_atomic(path, sight.png)
            say_where("parent, optimized, difference", path)
    return 0


def _draw(png: bytes, protocol: str) -> None:
    """Write a picture as it is: `say` would spell its escape sequences out."""
    import io

    from PIL import Image

    from quantgate.report.terminal_picture import encoded

    with Image.open(io.BytesIO(png)) as picture:
        sys.stdout.write(encoded(picture.convert("RGB"), protocol) + "\n")
    sys.stdout.flush()
