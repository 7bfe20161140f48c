from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import ManifestError
from quantgate.manifest import load_manifest
from quantgate.manifest.problems import dotted
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
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
[models.ssd]
task = "detection"
source = "ssd.onnx"
decoder = "ssd"
calibrate = "cal"
evaluate = "val"
"""

#: What is put in place of what, and the one sentence that must come of it.
WRONG = [
    (
        'task = "detection"',
        'task = "detecton"',
        f'models.ssd.task: expected one of {", ".join(TASKS)} (a built-in, Open Model Zoo or Darknet model knows it), found "detecton"; did you mean detection?',
    ),
    (
        'annotations = "val.json"',
        'annotations = "val.json"\nregion = { factor = 0 }',
        "datasets.val.region.factor: expected a number above 0 and up to 100 (sides of *), found 0",
    ),
    (
        'decoder = "ssd"',
        'decoder = "sssd"',
        'models.ssd.decoder: no such decoder, expected one of *, found "sssd"; did you mean ssd?',
    ),
    (
        'decoder = "ssd"',
        'decoder = { kind = "ssd", max_detection = 3 }',
        "models.ssd.decoder.max_detection: unknown key, expected one of *; did you mean max_detections?",
    ),
    (
        'decoder = "ssd"',
        "decoder = { max_detections = 3 }",
        "models.ssd.decoder.kind: missing, expected one of ssd, boxes-scores, *",
    ),
    (
        'decoder = "ssd"',
        'decoder = "class-scores"',
        "models.ssd.decoder: expected a decoder for detection (ssd*), found class-scores",
    ),
    (
        'decoder = "ssd"',
        'decoder = { kind = "ssd-raw", priors = "p.npy" }',
        "models.ssd.decoder.priors: expected one of faceboxes, retinaface, or a file, found * at */p.npy",
    ),
    (
        'decoder = "ssd"',
        'decoder = { kind = "ssd-raw", priors = "facebox" }',
        "models.ssd.decoder.priors: expected one of *, found nothing at */facebox; did you mean faceboxes?",
    ),
    (
        'decoder = "ssd"',
        "decoder = 3",
        "models.ssd.decoder: expected a string or a table *, found 3",
    ),
    (
        'calibrate = "cal"',
        'calibrate = "call"',
        'models.ssd.calibrate: no such dataset, expected one of cal, val, plain, found "call"; did you mean cal?',
    ),
    (
        'evaluate = "val"',
        'evaluate = { dataset = "vla" }',
        'models.ssd.evaluate.dataset: no such dataset, expected one of cal, val, plain, found "vla"; did you mean val?',
    ),
    (
        'evaluate = "val"',
        'evaluate = { dataset = "val", metric = "top1" }',
        "models.ssd.evaluate.metric: expected a metric of detection (ap, ap50, *), found top1",
    ),
    (
        'calibrate = "cal"',
        "",
        "models.ssd.calibrate: missing, expected a string or a table (or `optimized`, *",
    ),
    (
        'calibrate = "cal"',
        'optimized = "no.xml"',
        "models.ssd.optimized: expected a file or folder, found nothing at */no.xml",
    ),
    ('evaluate = "val"', "", "models.ssd.evaluate: missing, expected a string or a table *"),
    (
        'evaluate = "val"',
        "evaluate = {}",
        "models.ssd.evaluate.dataset: missing, expected a string (name of a [[]datasets.NAME])",
    ),
    (
        'source = "ssd.onnx"',
        'source = "sdd.onnx"',
        "models.ssd.source: expected a file or folder, found nothing at */sdd.onnx",
    ),
    (
        'source = "ssd.onnx"',
        'source = { zoo = "no-such-model" }',
        'models.ssd.source.zoo: no such built-in model, *found "no-such-model"',
    ),
    (
        'source = "ssd.onnx"',
        'source = { pth = "x" }',
        "models.ssd.source.pth: unknown key, expected one of path*",
    ),
    (
        'path = "images"\nannotations',
        'path = "image"\nannotations',
        "datasets.val.path: expected a folder, found nothing at */image",
    ),
    (
        '"val.json"',
        '"images"\nsplit = "val"',
        'datasets.val.split: expected no such key, because kind = "coco" uses path, annotations, labels, classes, segments, region, angle, annotated only',
    ),
    (
        'annotations = "val.json"',
        'annotations = "val.json"\nregion = { around = "polygon", up = [0, 1] }',
        'datasets.val.region: expected one of up, align, corners and around = "polygon", found up, *',
    ),
    (
        'annotations = "val.json"',
        "",
        'datasets.val.annotations: missing, expected because kind = "coco" needs it',
    ),
    (
        'annotations = "val.json"',
        'annotations = "val.json"\nlabels = "names.txt"',
        "datasets.val.labels: expected a text file, found nothing at */names.txt",
    ),
    (
        'split = "calibrate"',
        'split = "calibration"',
        'datasets.cal.split: expected one of train, calibrate, evaluate, found "calibration"; did you mean calibrate?',
    ),
    (
        'kind = "digits"',
        'kind = "digit"',
        'datasets.cal.kind: expected one of coco, *, found "digit"; did you mean digits?',
    ),
    ("[models.ssd]", '[models."s d"]', 'models."s d": expected a name of letters, *, found "s d"'),
    ("[models.ssd]", '[models."-k"]', 'models.-k: expected a name of letters, *, found "-k"'),
    (
        "[datasets.plain]",
        "[datasets.VAL]",
        "datasets.VAL: expected names that differ in more than case, found datasets.val too",
    ),
]
#: As above for what a model may add to the base.
ADDED = [
    ('optimized = "ssd.onnx"', "models.ssd.optimized: expected either `calibrate` or `optimized`, found both: *"),
    ('[models.v1.0]\ntask = "detection"', 'models.v1.0: a dot separates tables in TOML: write the name in quotes, [[]models."v1.0"]'),
    ("limit = {}", "models.ssd.limit: unknown key, expected one of *; did you mean limits?"),
    ("limits = { max_acuracy_drop = 0.1 }", "models.ssd.limits.max_acuracy_drop: unknown key, expected one of *; did you mean max_accuracy_drop?"),
    ('limits = { max_accuracy_drop = "0.1" }', 'models.ssd.limits.max_accuracy_drop: expected a number, 0 or more (*), found "0.1"'),
    ("limits = { max_accuracy_drop = true }", "models.ssd.limits.max_accuracy_drop: expected a number, 0 or more (*), found true"),
    ("limits = { max_accuracy_drop = nan }", "models.ssd.limits.max_accuracy_drop: expected a number, 0 or more (*), found nan"),
    ("limits = { max_accuracy_drop = inf }", "models.ssd.limits.max_accuracy_drop: expected a number, 0 or more (*), found inf"),
    ("limits = { max_accuracy_drop = -0.1 }", "models.ssd.limits.max_accuracy_drop: expected a number, 0 or more (*), found -0.1"),
    ("limits = { max_accuracy_drop = 2027-01-01 }", "models.ssd.limits.max_accuracy_drop: expected a number, 0 or more (*), found the date or time 2027-01-01"),
    ("limits = { min_match_rate = 1.1 }", "models.ssd.limits.min_match_rate: expected a number from 0 to 1 (*), found 1.1"),
    ("limits = { min_speedup = {} }", "models.ssd.limits.min_speedup: expected a number above 0 or a table (*), found a table without keys"),
    ("limits = { min_speedup = { vni = 1.5 } }", "models.ssd.limits.min_speedup.vni: unknown key, expected one of amx, vnni, avx2, sve, neon, other; did you mean vnni?"),
    ("limits = { min_speedup = { vnni = 0 } }", "models.ssd.limits.min_speedup.vnni: expected a number above 0, found 0"),
    ("limits = { max_accuracy_drop = 1 }", "models.ssd.limits.max_accuracy_drop: expected a number below 1, found 1: nothing could breach it"),
    ("limits = { max_reorder_share = 1.0 }", "models.ssd.limits.max_reorder_share: expected a number below 1, found 1: nothing could breach it"),
    ("limits = { min_match_rate = 0 }", "models.ssd.limits.min_match_rate: expected a number above 0, found 0: nothing could breach it"),
    ("limits = { min_int8_share = 0.0 }", "models.ssd.limits.min_int8_share: expected a number above 0, found 0: nothing could breach it"),
    ("limits = { min_int8_share = { vnni = 0.9, neon = 0 } }", "models.ssd.limits.min_int8_share.neon: expected a number above 0, found 0: nothing could breach it"),
    ("preprocess = { short_side = 256 }", 'models.ssd.preprocess.short_side: expected only with resize = "crop", found resize = "stretch"'),
    ('preprocess = { resize = "crop", short_side = 99, size = [100, 100] }', "models.ssd.preprocess.short_side: expected at least 100, to cut [[]100, 100] from, found 99"),
    ("preprocess = { scale = 0 }", "models.ssd.preprocess.scale: expected numbers other than 0, *, found 0"),
    ("preprocess = { scale = [1, 0.0, 1] }", "models.ssd.preprocess.scale: expected numbers other than 0, *, found 0"),
    ('preprocess = { colour = "gray", mean = [1, 2, 3] }', "models.ssd.preprocess.mean: expected 1 number for colour gray, found 3"),
    ('preprocess = { mean = [1, "2", 3] }', 'models.ssd.preprocess.mean[[]1]: expected a number, found "2"'),
    ("preprocess = { pad = 99999999999999999999999 }", 'models.ssd.preprocess.pad: expected "edge" or a whole number from 0 to 255 (*), found 99999999999999999999999'),
    ("preprocess = 1", "models.ssd.preprocess: expected a table*, found 1"),
    ('tags = ["skip"]', 'models.ssd.tags: expected marks without a meaning of their own in pytest, found "skip"'),
    ('tags = ["a b"]', 'models.ssd.tags: expected names of pytest marks (*), found "a b"'),
    ('tags = ["not"]', 'models.ssd.tags: expected names of pytest marks (*), found "not"'),
    ('expected_failure.min_match_rate = { reason = "x", floor = 0.5, expires = 2027-01-01 }', "models.ssd.expected_failure.min_match_rate: no such limit of this model, which declares none"),
    ('limits.min_match_rate = 0.9\nexpected_failure.min_match_rate = { reason = "x", floor = 0.95, expires = 2027-01-01 }', "models.ssd.expected_failure.min_match_rate.floor: expected a number below the limit 0.9, because a miss lies there, found 0.95"),
    ('limits.max_size_ratio = 0.5\nexpected_failure.max_size_ratio = { reason = "x", floor = 0.5, expires = 2027-01-01 }', "models.ssd.expected_failure.max_size_ratio.floor: expected a number above the limit 0.5, because a miss lies there, found 0.5"),
    ('limits.min_speedup = { amx = 2, avx2 = 1 }\nexpected_failure.min_speedup = { reason = "x", floor = 2, expires = 2027-01-01 }', "models.ssd.expected_failure.min_speedup.floor: expected a number below the limit amx 2, avx2 1, because a miss lies there, found 2"),
    ('limits.max_size_ratio = 0.5\nexpected_failure.max_size_ratio = { reason = "x", floor = 0.6, expires = 2027-01-01T00:00:00 }', "models.ssd.expected_failure.max_size_ratio.expires: expected a date such as 2027-01-31 (*), found the date or time 2027-01-01 00:00:00"),
    ("[report]\nimage = 3", "report.image: unknown key, expected one of images, budget_mb, inline_mb, pictures, explain_s; did you mean images?"),
    ("[reports]", "reports: unknown key, expected one of defaults, datasets, models, report, history; did you mean report?"),
    ("[defaults]\nlimit = 3", "defaults.limit: unknown key, expected one of *; did you mean limits?"),
    ("[defaults.limits]\nmin_match_rate = 0", "defaults.limits.min_match_rate: expected a number above 0, found 0: nothing could breach it"),
    ('[defaults]\ncalibrate = { subset = "many" }', 'defaults.calibrate.subset: expected a whole number above 0 (*), found "many"'),
    ('[defaults]\ncalibrate = "call"', 'defaults.calibrate: no such dataset, expected one of cal, val, plain, found "call"; did you mean cal?'),
    ("[defaults.evaluate]\ndataset = 1", "defaults.evaluate.dataset: expected a string (*), found 1"),
]  # fmt: skip
#: Wrong calibration beside a right evaluation, and the other way round.
PLANS = [
    ('"cal"', '{ dataset = "val", hold_out = 1 }', "models.ssd.evaluate.hold_out: expected true or false (*), found 1"),
    ('{ dataset = "cal", max_drop = 0.1 }', '"val"', 'models.ssd.calibrate.max_drop: expected only with method = "accuracy-aware"'),
    ('{ dataset = "cal", advanced = { smooth_quant_alphas = { matmul = 0.5 } } }', '"val"', 'models.ssd.calibrate.advanced.smooth_quant_alphas: acts only on what has model_type = "transformer": set it, or leave the alphas out'),
    ('{ dataset = "cal", advanced = { overflow_fx = "enable" } }', '"val"', "models.ssd.calibrate.advanced.overflow_fx: unknown key, expected one of *; did you mean overflow_fix?"),
    ('{ dataset = "cal", advanced = { weights_range_estimator_params = { max = { aggregator_type = "middle" } } } }', '"val"', 'models.ssd.calibrate.advanced.weights_range_estimator_params.max.aggregator_type: expected one of mean, *, found "middle"'),
    ('{ dataset = "cal", method = "accuracy-aware" }', '"val"', 'models.ssd.calibrate.max_drop: missing, expected with method = "accuracy-aware" (or limits.max_accuracy_drop)'),
    ('{ dataset = "plain", method = "accuracy-aware", max_drop = 0.1 }', '"val"', 'models.ssd.calibrate.dataset: expected annotated images with method = "accuracy-aware", found kind = "folder"'),
    ('"val"', '"val"', 'models.ssd.calibrate: expected images that evaluate does not judge, found those of evaluate.dataset "val": *'),
    ('"cal"', '"cal2"', 'models.ssd.calibrate: expected images that evaluate does not judge, found those of evaluate.dataset "cal2": *'),
    ('"maps"', '"cal2"', 'models.ssd.calibrate: expected images that evaluate does not judge, found those of evaluate.dataset "cal2": *'),
    ('"cal"', '"single"', "models.ssd.evaluate: expected a dataset for detection, found digits with subject = *, which is for classification, generic; *"),
]  # fmt: skip


def problems(folder: Path, text: str) -> tuple[str, ...]:
    """Problems of a manifest in a folder that holds what the base names."""
    (folder / "images").mkdir()
    (folder / "val.json").touch()
    (folder / "ssd.onnx").touch()
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    return caught.value.problems


def matches(said: str, pattern: str) -> bool:
    """Whether a sentence fits a pattern in which * stands for any text."""
    return fnmatch.fnmatchcase(said, pattern.replace("?", "[?]"))


@pytest.mark.parametrize(("right", "wrong", "sentence"), WRONG)
def test_one_mistake_gives_one_sentence(
    tmp_path: Path, right: str, wrong: str, sentence: str
) -> None:
    """A mistake is told once: where it stands, what was expected, found and probably meant."""
    assert right in BASE
    said = problems(tmp_path, BASE.replace(right, wrong))
    assert [line for line in said if matches(line, sentence)], said


@pytest.mark.parametrize(("added", "sentence"), ADDED)
def test_one_wrong_addition_gives_exactly_one_sentence(
    tmp_path: Path, added: str, sentence: str
) -> None:
    """A wrong key or value is the only problem reported."""
    said = problems(tmp_path, BASE + added)
    assert len(said) == 1, said
    assert matches(said[0], sentence), said


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        ("history = 3", "history: expected a string (*), found 3"),
        ('history = ""', 'history: expected a string (*), found ""'),
        ('history = "postgresq://db/nights"', "history: expected a path or a URL of sqlite or postgresql, found postgresq://; did you mean postgresql?"),
        ('history = "postgresql://me:secret@db/nights"', "history: expected no password, because this file is shared: *"),
    ],
)  # fmt: skip
def test_a_wrong_key_at_the_top_gives_exactly_one_sentence(
    tmp_path: Path, first: str, sentence: str
) -> None:
    """What stands above all tables is checked like what stands in them."""
    said = problems(tmp_path, f"{first}\n{BASE}")
    assert len(said) == 1, said
    assert matches(said[0], sentence), said


@pytest.mark.parametrize(("calibrate", "evaluate", "sentence"), PLANS)
def test_plans_that_do_not_fit_together(
    tmp_path: Path, calibrate: str, evaluate: str, sentence: str
) -> None:
    """Calibration and evaluation are checked against each other and against their data."""
    text = BASE.replace('calibrate = "cal"', f"calibrate = {calibrate}")
    text = text.replace('evaluate = "val"', f"evaluate = {evaluate}")
    text += '[datasets.cal2]\nkind = "digits"\nsplit = "calibrate"\ncount = 9\n'
    text += '[datasets.single]\nkind = "digits"\nsubject = "single"\n'
    text += '[datasets.maps]\nkind = "digits"\nsplit = "calibrate"\nsubject = "class-maps"\n'
    said = problems(tmp_path, text)
    assert len(said) == 1, said
    assert matches(said[0], sentence), said


@pytest.mark.parametrize(
    ("key", "task", "data"),
    [("min_match_rate = 0.9", "classification", "plain"), ("max_accuracy_drop = 0.1", "detection", "plain")],
)  # fmt: skip
def test_a_limit_that_cannot_be_judged_is_refused_at_the_model(
    tmp_path: Path, key: str, task: str, data: str
) -> None:
    """A limit that the task or the data cannot judge is an error where a model asks for it."""
    text = BASE.replace('"detection"', f'"{task}"').replace(
        'evaluate = "val"', f'evaluate = "{data}"'
    )
    if task == "classification":
        text = text.replace('decoder = "ssd"', 'decoder = "class-scores"')
    said = problems(tmp_path, f"{text}limits = {{ {key} }}")
    wanted = {
        "classification": "models.ssd.limits.min_match_rate: cannot be judged by classification, "
        "which judges max_accuracy_drop, *",
        "detection": "models.ssd.limits.max_accuracy_drop: needs annotated images, but "
        'evaluate.dataset is of kind = "folder"',
    }
    assert len(said) == 1, said
    assert matches(said[0], wanted[task]), said


def test_all_problems_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """One run tells everything that is wrong, from the top of the file to its end."""
    text = BASE.replace('kind = "digits"', 'kind = "digit"').replace('"detection"', '"detecton"')
    text += 'limits = { min_speedup = "fast", max_acuracy_drop = 1 }\n[reprot]\n'
    assert [line.split(":")[0] for line in problems(tmp_path, text)] == [
        "datasets.cal.kind",
        "models.ssd.task",
        "models.ssd.limits.min_speedup",
        "models.ssd.limits.max_acuracy_drop",
        "reprot",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "models: missing, expected at least one [[]models.NAME]"),
        (b"models = 3", "models: expected a table, found 3"),
        (b"[models]\nx = 3", "models.x: expected a table, found 3"),
        (b"a = \n", "expected TOML: Invalid value (at line 1, column 5)"),
        (b"a = 1\na = 2\n", "expected TOML: Cannot overwrite a value (at line 2, column 6)"),
        (b"[a]\n[a]\n", "expected TOML: Cannot declare *twice (at line 2, column 3)"),
        (b"a = 1\n\xff\n", "line 2, column 1: expected UTF-8 text, found the byte 0xff: *"),
        (b"a = " + b"9" * 5000, "expected TOML, found a value that cannot be read: *"),
        (b"a = " + b"[" * 5000, "expected TOML, found lists or tables nested too deeply"),
        (b"[" + b"a." * 500 + b"a]", "expected TOML, found lists or tables nested too deeply"),
        (b"\x00\x01\x02", "expected TOML: *(at line 1, column 1)"),
    ],
)  # fmt: skip
def test_what_is_no_manifest_gets_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    """Bytes that are no TOML, or TOML that is no manifest, are refused with line and column."""
    path = tmp_path / "models.toml"
    path.write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    assert len(caught.value.problems) == 1
    assert matches(caught.value.problems[0], sentence), caught.value.problems


def test_a_missing_manifest_says_what_to_do(tmp_path: Path) -> None:
    """Without a file there is its name and the way to one."""
    with pytest.raises(ManifestError, match="no such file: write one") as caught:
        load_manifest(tmp_path / "models.toml")
    assert str(tmp_path / "models.toml") in str(caught.value)


def test_a_folder_is_no_manifest(tmp_path: Path) -> None:
    """A folder in place of the file is told so."""
    with pytest.raises(ManifestError, match="expected a file, found a folder"):
        load_manifest(tmp_path)


def test_a_place_is_written_in_the_letters_of_its_name() -> None:
    """Quoted where TOML wants it, and not in escapes that TOML does not know."""
    assert dotted("models", "😀 v1", "limits") == 'models."😀 v1".limits'


def test_layers_of_embeddings_are_not_ranked_image_by_image(tmp_path: Path) -> None:
    """One vector alone has no metric: accuracy-aware is refused before anything runs."""
    text = """
[datasets.hands]
kind = "digits"
subject = "hands"

[models.hands]
source = { zoo = "digits-embedding" }
calibrate = { dataset = "hands", method = "accuracy-aware" }
evaluate = { dataset = "hands", hold_out = true }
limits = { max_accuracy_drop = 0.1 }
"""
    (said,) = problems(tmp_path, text)
    assert said.startswith(
        "models.hands.calibrate.method: accuracy-aware ranks layers image by image"
    )
