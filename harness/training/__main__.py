"""``python -m harness.training NAME --out DIR``: train a built-in model and export it."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from harness.training.budget import Budget

MODELS = (
    *("classifier", "detector", "yolo", "masks", "segmentation", "restoration", "keypoints"),
    *("text", "embedding", "depth", "quads", "attributes"),
)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m harness.training")
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and IR")
    parser.add_argument("--images", type=int, help="how many; default: as the committed weights")
    parser.add_argument("--minutes", type=float, help="stop after this time instead")
    parser.add_argument("--warm", help="checkpoint or built-in model to start from")
    parser.add_argument("--export-only", action="store_true", help="export the last checkpoint")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    module = importlib.import_module(f"harness.training.{arguments.model}")
    if arguments.export_only:
        module.export_checkpoint(arguments.out)
        return
    images = arguments.images or (None if arguments.minutes else module.IMAGES)
    module.run(arguments.out, Budget(images, arguments.minutes), arguments.warm or module.WARM)


if __name__ == "__main__":
    main()
