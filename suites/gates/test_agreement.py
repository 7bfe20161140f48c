"""Agreement with the parent, without annotations: do users see the same answers?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from quantgate.pipeline.accuracy import Compared
    from quantgate.session.gate import Gate


@pytest.mark.limit("min_agreement")
def test_agreement(gate: Gate, comparison: Compared) -> None:
    """Both roles give the same answer on at least this share of the images."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_role_iou")
def test_role_iou(gate: Gate, comparison: Compared) -> None:
    """Both roles draw the same regions, whatever share of the pixels these are."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_class_iou")
def test_class_iou(gate: Gate, comparison: Compared) -> None:
    """In no class do the roles' regions part further than the limit allows."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_role_mae")
def test_role_mae(gate: Gate, comparison: Compared) -> None:
    """Soft maps of both roles differ by no more than the limit, mean over pixels and images."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_match_rate")
def test_match_rate(gate: Gate, comparison: Compared) -> None:
    """Objects of both roles match one to one; lost and gained objects cost the same."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_class_precision")
def test_class_precision(gate: Gate, comparison: Compared) -> None:
    """In no class does the optimized model invent more than the limit allows."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_role_oks")
def test_role_oks(gate: Gate, comparison: Compared) -> None:
    """Objects that both roles have keep their key points, on average."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_keypoint_pck")
def test_keypoint_pck(gate: Gate, comparison: Compared) -> None:
    """No key point leaves its place in the parent more often than the limit allows."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_role_mpjpe")
def test_role_mpjpe(gate: Gate, comparison: Compared) -> None:
    """Poses in space stay as near to the parent's, about their root, as the limit says."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_head_agreement")
def test_head_agreement(gate: Gate, comparison: Compared) -> None:
    """On the head on which the roles agree least they agree on enough images."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_head_mae")
def test_head_mae(gate: Gate, comparison: Compared) -> None:
    """The value that the optimized model moves most moves no farther from the parent's than the limit allows."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_role_abs_rel")
def test_role_abs_rel(gate: Gate, comparison: Compared) -> None:
    """The optimized model's numbers differ from its parent's, in parts of these, by no more than the limit allows."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_role_rmse")
def test_role_rmse(gate: Gate, comparison: Compared) -> None:
    """The root mean square difference of both models' maps is no larger than the limit allows."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_role_epe")
def test_role_epe(gate: Gate, comparison: Compared) -> None:
    """The mean difference of both models' maps is no larger than the limit allows."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_role_delta1")
def test_role_delta1(gate: Gate, comparison: Compared) -> None:
    """At a share of pixels no smaller than the limit the models' numbers are within 25 % of each other."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_role_cer")
def test_role_cer(gate: Gate, comparison: Compared) -> None:
    """What the optimized model reads is no more edits away from the parent's text than the limit allows."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_role_cosine")
def test_role_cosine(gate: Gate, comparison: Compared) -> None:
    """Vectors of both roles point the same way, on average."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_worst_cosine")
def test_worst_cosine(gate: Gate, comparison: Compared) -> None:
    """On no image do the roles' vectors part further than the limit allows."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_changed_decisions")
def test_changed_decisions(gate: Gate, comparison: Compared) -> None:
    """Pairs that one role takes for the same, the other takes for the same, but for the share that is allowed."""
    gate.accuracy(comparison)


@pytest.mark.limit("max_tensor_distance")
def test_tensor_distance(gate: Gate, comparison: Compared) -> None:
    """Raw outputs stay within the limit of the parent's, in relative mean squared error."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_sqnr_db")
def test_sqnr(gate: Gate, comparison: Compared) -> None:
    """Quantization noise in the raw outputs stays below the signal by the limit."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_centred_sqnr_db")
def test_centred_sqnr(gate: Gate, comparison: Compared) -> None:
    """Quantization noise stays below what the raw outputs vary by, by the limit."""
    gate.accuracy(comparison)


@pytest.mark.limit("min_psnr_db")
def test_psnr(gate: Gate, comparison: Compared) -> None:
    """The optimized model's pictures are as like the parent's as the limit asks."""
    gate.accuracy(comparison)
