"""``quantgate init``: an entry for a model of one's own, guessed, measured and explained."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import complain, say, say_where
from quantgate.errors import HarnessError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.engine.worker.client import Worker
    from quantgate.onboarding.accuracy_check import Told
    from quantgate.onboarding.asking import Question
    from quantgate.onboarding.init import Result
    from quantgate.onboarding.subject import Subject
    from quantgate.store import Store

_WARM = ("cv2", "openvino", "quantgate.onboarding.guess")


def add(verbs: Any) -> None:
    """Declare the verb."""
    init = verbs.add_parser(
        "init", help="write an entry for a model of your own, guessed and measured"
    )
    init.add_argument(
        "model",
        nargs="?",
        help="model file, folder of models, .cfg of a Darknet pair, Open Model Zoo name, or organisation/repository "
        "of Hugging Face",
    )
    init.add_argument(
        "--from",
        type=Path,
        dest="told_by",
        metavar="FILE",
        help="accuracy-check.yml of the model: feeding, decoder and metric are taken from it, and what it names of "
        "model, images and annotations",
    )
    init.add_argument(
        "--images", type=Path, help="folder of images like those that the model will meet"
    )
    init.add_argument(
        "--annotations",
        type=Path,
        help="of the images: COCO json, ImageNet list, Open Images csv, table of attributes (csv, CelebA), WIDER FACE's or WFLW's text, ICDAR's or PaddleOCR's regions of text, folder of VOC, YOLO, ICDAR, DOTA, .pts, class maps or maps of numbers (PNG of 16 bits, npy, EXR, flo; csv)",
    )
    init.add_argument(
        "--labels",
        type=Path,
        help="class names, one a line, where the annotations only number them",
    )
    init.add_argument(
        "--output",
        type=Path,
        default=Path("models.toml"),
        help="manifest to write (default: models.toml)",
    )
    init.add_argument("--add", action="store_true", help="add to a manifest that is there already")
    init.add_argument(
        "--store",
        metavar="DIR",
        help="folder of built models, or a shared one's address (also QUANTGATE_STORE)",
    )
    init.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Describe every model that was named; 1 where one could not be."""
    from quantgate.engine.worker.client import Worker
    from quantgate.onboarding.manifests import refuse_to_overwrite, written
    from quantgate.onboarding.subject import subjects_of
    from quantgate.store import Store, store_root

    told = _told_by(options)
    refuse_to_overwrite(options.output, add=options.add)
    worker = Worker(_WARM)
    worker.start()
    try:
        subjects = subjects_of(options.model)
        store = Store(store_root(options.store))
        alone = len(subjects) == 1
        results = [_result(one, options, (store, worker), told, alone=alone) for one in subjects]
    finally:
        worker.close()
    found = [result for result in results if result is not None]
    if found:
        written([result.draft for result in found], options.output)
        say_where("written", options.output)
        say(f"next: quantgate gate {options.output}")
    return int(len(found) < len(subjects))


def _told_by(options: argparse.Namespace) -> Told | None:
    """Read --from, and put what it names in the place of what is not given.

    Raises
    ------
    UsageError
        Where neither the command line nor the file names a model that is there.
    """
    from quantgate.onboarding.accuracy_check import told_by

    told = None
    if options.told_by is not None:
        told = told_by(options.told_by, Path(options.model).stem if options.model else None)
        options.model = options.model or (str(told.model) if told.model else None)
        options.images = options.images or told.images
        options.annotations = options.annotations or told.annotations
    if options.model is None:
        where = f"{options.told_by} names none that is there" if told else "none is given"
        raise UsageError(f"init wants a model, and {where}: quantgate init MODEL --images DIR")
    return told


def _result(
    subject: Subject,
    options: argparse.Namespace,
    means: tuple[Store, Worker],
    told: Told | None,
    *,
    alone: bool,
) -> Result | None:
    """Describe one model; of several, one that cannot be is told and left out."""
    from quantgate.onboarding.init import described, interface, refuse_no_images, with_limits
    from quantgate.onboarding.page import write_page
    from quantgate.onboarding.subject import fetched

    started = time.monotonic()
    store, worker = means
    try:
        subject = fetched(subject, store)
        if options.images is None:
            raise refuse_no_images(subject, interface(subject, store, worker))
        given = (options.images, options.annotations, options.labels)
        result = _asked(described(subject, given, means, told))
        with tempfile.TemporaryDirectory(prefix="quantgate-") as scratch:
            result = with_limits(result, store, worker, Path(scratch))
    except HarnessError as error:
        if alone:
            raise
        complain(f"{subject.name}: {error}")
        return None
    _tell(result, time.monotonic() - started)
    page = options.output.absolute().parent / "reports" / "init" / f"{subject.name}.html"
    if write_page(result, page, result.labels):
        say_where("what the parent sees", page)
    return result


def _asked(result: Result) -> Result:
    """Ask on a terminal what is unsure; elsewhere nobody is asked."""
    from quantgate.onboarding.asking import asked

    guess = result.found.guess if result.found is not None else None
    if guess is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return result
    return replace(result, draft=asked(result.draft, guess, _choose))


def _choose(question: Question) -> int | None:
    say(f"unsure: {question.key}")
    for number, line in enumerate(question.lines, start=1):
        say(f"  {number}  {line}")
    while True:
        typed = input(f"which? 1-{len(question.lines)}, or Enter where you do not know: ").strip()
        if not typed:
            return None
        if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(question.lines):
            return int(typed) - 1
        say(f"expected a number from 1 to {len(question.lines)}, found {typed!r}")


def _tell(result: Result, seconds: float) -> None:
    from quantgate.onboarding.entry import entry_text

    for line in entry_text(result.draft, Path.cwd(), schema=False).splitlines():
        say(line)
    if result.problem:
        say(f"not measured: {result.problem}")
    say(f"{result.draft.subject.name}: {seconds:.0f} s")
