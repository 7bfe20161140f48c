"""The page of Open Model Zoo's models: every one of them once, and a sentence about each that is not judged by its task."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from quantgate.sources.omz.knowledge import coverage, settings_of
from quantgate.sources.omz.reasons import reason_of
from suites import omz_reference


def test_the_page_is_what_is_known() -> None:
    """Written anew it would be the same: run ``python -m suites.omz_reference``."""
    assert omz_reference.PAGE.read_text("utf-8") == omz_reference.page()


def test_every_model_is_on_the_page_once() -> None:
    """Under its task, or with the reason why it has none; the counts of the head are those of the lists."""
    text = omz_reference.page()
    listed = [
        name
        for line in re.findall(r"^\*\*`\w+`\*\* \(\d+\): (.*)$", text, re.MULTILINE)
        for name in line.split(", ")
    ]
    sentences = dict(re.findall(r"^\| ([\w.-]+) \| ([^|]+\.) \|$", text, re.MULTILINE))
    counted = Counter(one.support for one in coverage())

    assert Counter([*listed, *sentences]) == Counter(one.name for one in coverage())
    assert len(listed) == counted["task"]
    for sentence in sentences.values():
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence.count(". ") == 0, sentence
    head = text.partition("## ")[0]
    assert f"of the {len(listed) + len(sentences)} models" in head
    assert f"{counted['tensors']} by the distance" in head


def test_reasons_are_of_models_without_a_task() -> None:
    """Sound, words, clips, several networks, several images, and no parent are told apart."""
    for name, said in (
        ("aclnet", "It takes sound, not an image."),
        ("gpt-2", "It takes words as numbers, not an image."),
        ("wavernn", "2 networks that call each other, where a gate judges one graph: wavernn-"),
        (
            "background-matting-mobilenetv2",
            "Besides the image it takes a picture of the background without the person.",
        ),
        ("resnet50-binary-0001", "It is published quantized only (FP16-INT1, FP32-INT1), without"),
    ):
        assert reason_of(settings_of(name)).startswith(said)
    with pytest.raises(ValueError, match="midasnet is judged by its own task"):
        reason_of(settings_of("midasnet"))
