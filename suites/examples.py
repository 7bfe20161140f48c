"""Run the tutorial's gates, one green and one red, and keep their reports for the site: ``python -m suites.examples DIR``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from suites.pages import blocks

ROOT = Path(__file__).parents[1]
#: In the order of the tutorial's manifests: the name of the example, and how its gate ends.
EXAMPLES = (("green", 0), ("red", 1))
#: What the page of a run needs beside it; the rest is for other programs.
_SHOWN = ("index.html", "views", "pictures", "tables")


def main(output: Path) -> None:
    """Write ``example-green`` and ``example-red`` below a folder.

    Raises
    ------
    SystemExit
        Where a gate ends otherwise than the tutorial says.
    """
    page = blocks(ROOT / "docs" / "tutorial.md")
    manifests = [block.text for block in page if block.told("file") == "models.toml"]
    for (name, status), text in zip(EXAMPLES, manifests, strict=False):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "models.toml").write_text(text, encoding="utf-8")
            gate = [sys.executable, "-m", "quantgate", "gate", "models.toml"]
            done = subprocess.run(gate, cwd=folder, check=False)
            if done.returncode != status:
                sys.exit(f"the {name} example ended with status {done.returncode}, not {status}")
            (run,) = (Path(folder) / "reports").glob("20*")
            target = output / f"example-{name}"
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for part in filter(Path.exists, (run / each for each in _SHOWN)):
                copy = shutil.copytree if part.is_dir() else shutil.copy2
                copy(part, target / part.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
