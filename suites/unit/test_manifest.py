from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from quantgate.core.verdict import Limit
from quantgate.declared import declared_limits, limit_for
from quantgate.decoders.ssd import SsdDecoder
from quantgate.entries import EvaluationPlan, ExpectedFailure, Recipe
from quantgate.manifest import load_manifest
from quantgate.sources.local import LocalSource

DATASETS = """
[datasets.cal]
kind = "digits"
split = "calibrate"
[datasets.val]
kind = "coco"
path = "images"
annotations = "val.json"
[datasets.plain]
kind = "folder"
path = "images"
"""
SSD = """
[models.ssd]
task = "detection"
source = "ssd.onnx"
decoder = "ssd"
calibrate = "cal"
evaluate = "val"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with everything the manifests name."""
    (tmp_path / "images").mkdir()
    (tmp_path / "val.json").touch()
    (tmp_path / "ssd.onnx").touch()
    return tmp_path


def write(folder: Path, text: str) -> Path:
    """Write a manifest into a folder."""
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shorthands_stand_for_tables(folder: Path) -> None:
    """A path, a decoder's kind and a dataset's name may stand for their tables."""
    entry = load_manifest(write(folder, DATASETS + SSD)).models["ssd"]
    assert entry.source == LocalSource(folder / "ssd.onnx")
    assert entry.decoder == SsdDecoder()
    assert entry.calibrate == Recipe("cal")
    assert entry.evaluate == EvaluationPlan("val")


def test_values_are_frozen_and_typed(folder: Path) -> None:
    """Lists become tuples, whole numbers stand for numbers, dates and paths are themselves."""
    text = f"""{DATASETS}{SSD}
preprocess = {{ size = [300, 200], mean = [1, 2.5, 3], scale = 2 }}
tags = ["nightly"]
limits = {{ min_match_rate = 0.9 }}
[models.ssd.expected_failure.min_match_rate]
reason = "small objects"
floor = 0.8
expires = 2027-01-31
"""
    entry = load_manifest(write(folder, text)).models["ssd"]
    assert entry.preprocess.size == (300, 200)
    assert entry.preprocess.mean == (1.0, 2.5, 3.0)
    assert entry.preprocess.scale == 2.0
    assert entry.tags == ("nightly",)
    known = ExpectedFailure("small objects", 0.8, dt.date(2027, 1, 31))
    assert entry.expected_failure == {"min_match_rate": known}


def test_defaults_lie_under_each_model(folder: Path) -> None:
    """Defaults are merged one level deep, and the model's own key wins."""
    defaults = """
[defaults]
tags = ["nightly"]
calibrate = { dataset = "cal", subset = 10 }
evaluate = { score_threshold = 0.3, subset = 7 }
"""
    own = 'evaluate = { dataset = "val", subset = 9 }\n'
    text = (
        defaults + DATASETS + SSD.replace('evaluate = "val"\n', own).replace('"cal"\n', '"plain"\n')
    )
    entry = load_manifest(write(folder, text)).models["ssd"]
    assert entry.calibrate == Recipe("plain", subset=10)
    assert (entry.evaluate.score_threshold, entry.evaluate.subset) == (0.3, 9)
    assert entry.tags == ("nightly",)


def test_defaults_apply_to_whom_they_fit(folder: Path) -> None:
    """A limit of the defaults that a model's task or data cannot judge is left out there."""
    defaults = (
        "[defaults.limits]\nmin_match_rate = 0.9\nmax_accuracy_drop = 0.02\nmin_int8_share = 0.5\n"
    )
    classifier = """
[models.classifier]
task = "classification"
source = "ssd.onnx"
decoder = "class-scores"
calibrate = "cal"
evaluate = "plain"
"""
    models = load_manifest(write(folder, defaults + DATASETS + SSD + classifier)).models
    assert declared_limits(models["ssd"]) == (
        "max_accuracy_drop",
        "min_match_rate",
        "min_int8_share",
    )
    assert declared_limits(models["classifier"]) == ("min_int8_share",)


def test_built_in_limits_hold_where_int8_is_the_rule() -> None:
    """What executes in INT8 and how fast is demanded on x86-64 alone: elsewhere the device decides."""
    models = load_manifest(Path(__file__).parents[2] / "models.toml").models
    by_class = {"min_speedup", "min_int8_share"}
    held = {
        isa: {key for entry in models.values() for key in by_class if limit_for(entry, key, isa)}
        for isa in ("amx", "vnni", "avx2", "sve", "neon")
    }
    assert held == {
        "amx": by_class,
        "vnni": by_class,
        "avx2": {"min_int8_share"},
        "sve": set(),
        "neon": set(),
    }


def test_paths_start_at_the_manifest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths are the manifest's own, whatever the working directory; ~ is the home."""
    (folder / "elsewhere").mkdir()
    path = write(folder, DATASETS.replace('"images"', '"~/images"') + SSD)
    monkeypatch.chdir(folder / "elsewhere")
    monkeypatch.setenv("HOME", str(folder))
    manifest = load_manifest(Path("..", path.name))
    assert manifest.datasets["val"].annotations is not None
    assert manifest.datasets["val"].annotations.samefile(folder / "val.json")
    assert manifest.datasets["val"].path == folder / "images"


def test_the_history_is_read(folder: Path) -> None:
    """A history is a file beside the manifest, or a URL as it stands."""
    for said, read in (
        ("nights.sqlite", str(folder / "nights.sqlite")),
        ("sqlite:///a/b.sqlite", str(folder / "a" / "b.sqlite")),
        ("postgresql://db/nights", "postgresql://db/nights"),
    ):
        text = f'history = "{said}"\n' + DATASETS + SSD
        assert load_manifest(write(folder, text)).history == read


def test_report_and_schema_are_read(folder: Path) -> None:
    """The report's plan is read, and the key $schema is allowed for editors."""
    text = '"$schema" = "models.schema.json"\n' + DATASETS + SSD + "[report]\nimages = 3\n"
    assert load_manifest(write(folder, text)).report.images == 3


def test_a_byte_order_mark_and_windows_lines_do_not_matter(folder: Path) -> None:
    """A manifest saved by another system's editor reads the same."""
    path = folder / "models.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (DATASETS + SSD).replace("\n", "\r\n").encode())
    assert list(load_manifest(path).models) == ["ssd"]


def test_models_keep_the_order_of_the_file(folder: Path) -> None:
    """Gates run in the order in which the models were written."""
    text = DATASETS + "".join(SSD.replace("ssd]", f"{name}]") for name in "zab")
    assert list(load_manifest(write(folder, text)).models) == ["z", "a", "b"]


def test_limits_know_their_threshold_and_place(folder: Path) -> None:
    """A limit says what holds on this machine and which key of the manifest set it."""
    text = f"""
[defaults.limits]
min_match_rate = 0.9
{DATASETS}{SSD}
[models.ssd.limits]
max_size_ratio = 0.5
min_speedup = {{ amx = 2, vnni = 1.5 }}
"""
    entry = load_manifest(write(folder, text)).models["ssd"]
    rate = Limit("min_match_rate", 0.9, "defaults.limits.min_match_rate")
    size = Limit("max_size_ratio", 0.5, "models.ssd.limits.max_size_ratio")
    speed = Limit("min_speedup", 2.0, "models.ssd.limits.min_speedup.amx")
    assert limit_for(entry, "min_match_rate", "avx2") == rate
    assert limit_for(entry, "max_size_ratio", None) == size
    assert limit_for(entry, "min_speedup", "amx") == speed
    assert limit_for(entry, "min_speedup", "avx2") is None
    assert limit_for(entry, "min_speedup", None) is None
    assert limit_for(entry, "max_memory_ratio", "amx") is None


def test_a_model_quantized_elsewhere_needs_no_recipe(folder: Path) -> None:
    """`optimized` stands in place of `calibrate`, and of that of the defaults."""
    text = '[defaults]\ncalibrate = "cal"\n' + DATASETS + SSD.replace('calibrate = "cal"\n', "")
    entry = load_manifest(write(folder, text + 'optimized = "ssd.onnx"')).models["ssd"]
    assert entry.calibrate is None
    assert entry.optimized == LocalSource(folder / "ssd.onnx")
