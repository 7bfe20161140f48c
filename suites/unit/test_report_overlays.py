"""Pictures: what is drawn where, in which colour, how large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from PIL import Image, ImageColor

from quantgate.core.pictures import PictureKind
from quantgate.core.predictions import ClassScores
from quantgate.engine.look.examine import Look
from quantgate.errors import ReportError
from quantgate.pipeline import looking
from quantgate.pipeline.pictures import PREPARED, rings_of, rings_of_pixels
from quantgate.report.html.palette import CHANGES, OPTIMIZED, PAPER, PARENT, ink_on
from quantgate.report.html.pictures import role_svg
from quantgate.report.overlays import drawable, panes
from quantgate.report.overlays.canvas import captioned, from_bgr, webp
from quantgate.report.overlays.painters import PAINTERS
from quantgate.report.overlays.rendered import amplified
from quantgate.report.overlays.segments import class_colour, tinted
from quantgate.report.picture import ClassBar, Neighbour, ObjectChange, Picture, Seen
from quantgate.report.publish import draw_worst

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GREY = np.full((400, 600, 3), 128, np.uint8)
PARENT_BOX = (100.0, 100.0, 300.0, 300.0)


def one(change: str, *, parent: bool = True, optimized: bool = True) -> Picture:
    """Make a picture with one object."""
    seen = Seen(PARENT_BOX, "car", 0.75)
    made = ObjectChange(change, seen if parent else None, seen if optimized else None)  # type: ignore[arg-type] # a literal
    return Picture("a.png", (600, 400), "objects", "x", changes=(made,))


def colours_on_edge(pane: Image.Image, box: tuple[float, ...] = PARENT_BOX) -> set[tuple[int, ...]]:
    """Read the pixels of a box's right edge, under the caption bar."""
    bar = pane.height - 400
    column, rows = int(box[2]), range(int(box[1]) + 20 + bar, int(box[3]) - 20 + bar)
    found = set()
    for row in rows:
        pixel = pane.getpixel((column, row))
        assert isinstance(pixel, tuple)
        found.add(tuple(int(value) for value in pixel[:3]))
    return found


def rgb(colour: str) -> tuple[int, ...]:
    """Read a palette colour."""
    return ImageColor.getrgb(colour)[:3]


def test_the_three_panes_have_one_size() -> None:
    """A viewer can lay them over each other."""
    sizes = {pane.size for pane in panes(one("kept"), [GREY])}

    assert len(sizes) == 1


def test_each_role_has_its_own_colour() -> None:
    """The parent blue, the optimized model orange, in every picture."""
    parent, optimized, _ = panes(one("kept"), [GREY])

    assert colours_on_edge(parent) == {rgb(PARENT)}
    assert colours_on_edge(optimized) == {rgb(OPTIMIZED)}


def test_a_lost_object_is_on_the_parents_pane_and_dashed_on_the_diff() -> None:
    """It is not on the optimized model's pane, and colour alone does not tell it."""
    parent, optimized, diff = panes(one("lost", optimized=False), [GREY])

    assert rgb(PARENT) in colours_on_edge(parent)
    assert rgb(OPTIMIZED) not in colours_on_edge(optimized)
    on_diff = colours_on_edge(diff)
    assert rgb(CHANGES["lost"]) in on_diff
    assert len(on_diff) > 1


def test_a_gained_object_is_solid_on_the_diff() -> None:
    """Dashes mean that something is gone."""
    _, _, diff = panes(one("gained", parent=False), [GREY])

    assert colours_on_edge(diff) == {rgb(CHANGES["gained"])}


def test_changed_objects_are_drawn_thicker_than_kept_ones() -> None:
    """What matters stands out."""

    def width(pane: Image.Image) -> int:
        row = 200 + pane.height - 400
        pixels = [pane.getpixel((x, row)) for x in range(290, 311)]
        return sum(pixel == rgb(PARENT) for pixel in pixels)

    kept, _, _ = panes(one("kept"), [GREY])
    lost, _, _ = panes(one("lost", optimized=False), [GREY])

    assert width(lost) > width(kept) > 0


def test_large_images_are_bounded_and_small_ones_enlarged() -> None:
    """A pane has room for labels and never grows with the camera."""
    assert from_bgr(np.zeros((3000, 4000, 3), np.uint8), 640).size == (640, 480)
    assert from_bgr(np.zeros((32, 32, 3), np.uint8), 640).size == (360, 360)


def test_colours_are_not_swapped() -> None:
    """Arrays are BGR, files are RGB."""
    blue = np.zeros((400, 400, 3), np.uint8)
    blue[:, :, 0] = 255

    assert from_bgr(blue, 640).getpixel((200, 200)) == (0, 0, 255)


def test_boxes_follow_the_scale() -> None:
    """On an image drawn at half size the box is there at half its coordinates."""
    image = np.full((800, 1200, 3), 128, np.uint8)
    change = ObjectChange("kept", Seen((200.0, 200.0, 600.0, 600.0), "car", 0.7), None)
    picture = Picture("a.png", (1200, 800), "objects", "x", changes=(change,))

    parent, _, _ = panes(picture, [image], max_side=600)

    assert colours_on_edge(parent) == {rgb(PARENT)}


def test_masks_are_filled() -> None:
    """Inside the outline the pixels take on the role's colour, outside they stay."""
    seen = Seen(
        PARENT_BOX, "car", 0.75, rings=((120.0, 120.0, 280.0, 120.0, 280.0, 280.0, 120.0, 280.0),)
    )
    picture = Picture(
        "a.png", (600, 400), "objects", "x", changes=(ObjectChange("kept", seen, seen, 1.0),)
    )

    pane, _, _ = panes(picture, [GREY])
    bar = pane.height - 400
    inside, outside = pane.getpixel((200, 200 + bar)), pane.getpixel((450, 200 + bar))

    assert outside == (128, 128, 128)
    assert isinstance(inside, tuple)
    assert inside[2] > inside[0] + 40


def test_a_hole_in_a_mask_stays_clear() -> None:
    """A ring inside a ring is not filled, in pictures and in SVG."""
    outer = (120.0, 120.0, 280.0, 120.0, 280.0, 280.0, 120.0, 280.0)
    hole = (180.0, 180.0, 220.0, 180.0, 220.0, 220.0, 180.0, 220.0)
    seen = Seen(PARENT_BOX, "car", 0.75, rings=(outer, hole))
    picture = Picture(
        "a.png", (600, 400), "objects", "x", changes=(ObjectChange("kept", seen, seen, 1.0),)
    )

    pane, _, _ = panes(picture, [GREY])

    assert pane.getpixel((200, 200 + pane.height - 400)) == (128, 128, 128)
    assert role_svg(picture, "parent").count("M") == 2
    assert 'fill-rule="evenodd"' in role_svg(picture, "parent")


def test_boxes_outside_or_inside_out_are_survived() -> None:
    """A decoder's nonsense is drawn where it can be, and breaks nothing."""
    odd = [
        Seen(box, "car", 0.5)
        for box in (
            (-50.0, -50.0, 900.0, 900.0),
            (300.0, 300.0, 100.0, 100.0),
            (5.0, 5.0, 5.0, 5.0),
        )
    ]
    changes = tuple(ObjectChange("lost", seen, None) for seen in odd)

    drawn = panes(Picture("a.png", (600, 400), "objects", "x", changes=changes), [GREY])

    assert drawn[0].size == drawn[2].size


def test_a_ranking_shows_the_scores_as_bars() -> None:
    """A score of one fills the track, a score of none leaves it empty."""
    full = Picture(
        "a.png",
        (400, 400),
        "classes",
        "x",
        parent=(ClassBar("cat", 1.0),),
        optimized=(ClassBar("cat", 0.0),),
    )

    _, parent, optimized = panes(full, [np.zeros((400, 400, 3), np.uint8)])

    def filled(pane: Image.Image, colour: str) -> int:
        pixels = np.asarray(pane)[pane.height - 400 :]
        return int((pixels == np.array(rgb(colour))).all(axis=2).sum())

    assert filled(parent, PARENT) > 2000
    assert filled(optimized, OPTIMIZED) == 0


def test_long_class_names_are_cut_and_odd_ones_survive() -> None:
    """Names come from data sets."""
    bars = tuple(ClassBar(name, 0.2) for name in ("x" * 500, "猫", "<b>", "", "\n"))
    picture = Picture("a.png", (400, 400), "classes", "x", parent=bars, optimized=bars)

    assert len(panes(picture, [np.zeros((400, 400, 3), np.uint8)])) == 3


def test_a_small_difference_is_amplified_by_a_whole_factor() -> None:
    """One of 255 becomes visible; no difference stays black."""
    parent = np.full((8, 8, 3), 100, np.uint8)

    stretched, factor = amplified(parent, parent + 4)
    nothing, one_fold = amplified(parent, parent)

    assert (int(stretched.max()), factor) == (128, 32.0)
    assert (int(nothing.max()), one_fold) == (0, 1.0)


def test_every_kind_of_picture_is_prepared_and_drawn() -> None:
    """A kind is known in three places: its name, what it shows besides its image, and its painter."""
    assert set(get_args(PictureKind)) == set(PAINTERS) == set(PREPARED)


def test_a_caption_fits_above_a_narrow_picture() -> None:
    """Its letters shrink until all of it is there; above a wide one they stay."""
    narrow = captioned(Image.new("RGB", (200, 150)), "DIFF   0.132 m on average, of 8 m", PAPER)
    wide = captioned(Image.new("RGB", (900, 150)), "DIFF   0.132 m on average, of 8 m", PAPER)

    for picture, height in ((narrow, 21), (wide, 44)):
        bar = np.asarray(picture.crop((12, 0, picture.width, height)).convert("L"))
        assert (bar[:, :-3] > 128).any()
        assert not (bar[:, -3:] > 128).any()


def test_a_picture_needs_what_its_painter_needs() -> None:
    """Text is drawn from its image alone, a rendering never, and a region's whole image is no rendering."""
    text = Picture("a.png", (600, 400), "text", "x")
    region = Picture("b.png", (600, 400), "rendered", "x", outline=(0.0, 0.0))

    assert drawable(text, [GREY])
    assert not drawable(region, [GREY, GREY, GREY])
    assert drawable(region, [GREY, GREY, GREY, GREY])


def test_nothing_to_draw_is_one_sentence() -> None:
    """It names the picture and what was found."""
    with pytest.raises(ReportError, match=r"a\.png: expected 1 images with pixels"):
        panes(one("kept"), [])
    with pytest.raises(ReportError, match=r"expected 3 images"):
        panes(Picture("b.png", (8, 8), "rendered", "x"), [GREY])


def test_labels_are_readable_on_their_colour() -> None:
    """Contrast of at least 4.5 to 1 (WCAG AA) on every colour but the mid greens and pinks: 3 to 1."""

    def luminance(colour: str) -> float:
        parts = [value / 255 for value in rgb(colour)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    for colour in (PARENT, OPTIMIZED, *CHANGES.values()):
        pair = sorted((luminance(colour), luminance(ink_on(colour))))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3.0, colour


def loader(calls: list[int], index: int) -> Callable[[], list[Any]]:
    """Count how often an image is read."""

    def load() -> list[Any]:
        calls.append(index)
        return [GREY]

    return load


def test_beyond_the_worst_the_photograph_is_kept(tmp_path: Path) -> None:
    """Every changed image has a picture; only the worst have the panes that Allure shows."""
    wanted = [(one("kept"), loader([], i)) for i in range(5)]

    drawn, omitted = draw_worst(wanted, tmp_path, model="ssd", budget_bytes=10**8, most=2)

    assert (len(drawn), omitted) == (5, 0)
    assert [bool(picture.overlay) for picture in drawn] == [True, True, False, False, False]
    assert all((tmp_path / picture.image).stat().st_size > 100 for picture in drawn)
    with Image.open(tmp_path / drawn[4].image) as photograph:
        assert (photograph.format, photograph.size) == ("JPEG", (600, 400))


def test_nothing_is_read_beyond_the_budget(tmp_path: Path) -> None:
    """Such images keep what was found on them, and are counted."""
    calls: list[int] = []
    wanted = [(one("lost"), loader(calls, i)) for i in range(4)]

    drawn, omitted = draw_worst(wanted, tmp_path, model="ssd", budget_bytes=1)

    assert (omitted, calls) == (4, [0])
    assert all(picture.changes and not picture.image for picture in drawn)


def test_the_budget_bounds_the_bytes(tmp_path: Path) -> None:
    """The files together stay within it, and every picture has files or is counted."""
    wanted = [(one("kept"), loader([], i)) for i in range(6)]
    whole, _ = draw_worst(wanted[:1], tmp_path / "one", model="ssd", budget_bytes=10**8)
    size = sum(path.stat().st_size for path in (tmp_path / "one").rglob("*.webp"))

    drawn, omitted = draw_worst(wanted, tmp_path / "all", model="ssd", budget_bytes=int(2.5 * size))

    assert (len(whole), sum(bool(p.image) for p in drawn), omitted) == (1, 2, 4)
    assert sum(path.stat().st_size for path in (tmp_path / "all").rglob("*.webp")) <= 2.5 * size


def test_files_are_named_in_the_picture_and_lie_inside_the_run(tmp_path: Path) -> None:
    """A name like ../../x cannot leave the folder, and two names never share a file."""
    wanted = [
        (Picture(name, (600, 400), "objects", "x"), lambda: [GREY])
        for name in ("../../x", "a/b.png", "a-b.png")
    ]

    drawn, _ = draw_worst(wanted, tmp_path, model="../evil", budget_bytes=10**8)

    files = [tmp_path / picture.image for picture in drawn]
    assert all(file.resolve().is_relative_to(tmp_path.resolve()) for file in files)
    assert len({file.resolve() for file in files}) == 3
    assert all(
        (tmp_path / name).is_file() for p in drawn for name in (p.overlay, p.overview, *p.panes)
    )


@pytest.mark.parametrize("kind", ["objects", "classes", "rendered", "segments"])
def test_a_blurred_picture_holds_no_detail(kind: Any, tmp_path: Path) -> None:
    """Of stripes as fine as a face's features nothing is left in any file; without blurring they are."""
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 255
    ids = np.zeros((240, 320), np.uint8)
    every: dict[str, Any] = {"rendered": [stripes] * 3, "segments": [stripes, ids, ids]}
    images = every.get(kind, [stripes])
    picture = Picture("a.png", (320, 240), kind, "s", labels=("a",))

    def contrast(*, blurred: bool) -> list[float]:
        folder = tmp_path / f"{blurred}"
        draw_worst(
            [(picture, lambda: images)], folder, model="m", budget_bytes=10**8, blurred=blurred
        )
        found = []
        for path in sorted(folder.rglob("*.webp")):
            row = np.asarray(Image.open(path).convert("L"), float)
            middle = row[row.shape[0] // 2]
            found.append(float(np.abs(np.diff(middle[20 : len(middle) // 4])).max()))
        return found

    sharp, soft = contrast(blurred=False), contrast(blurred=True)
    assert len(sharp) == len(soft) == 6
    assert max(sharp) > 60
    assert max(soft) < 25


def test_what_the_parent_sees_can_be_blurred(tmp_path: Path) -> None:
    """The first answers are drawn over what is left of the image, not over the image."""
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 255
    look = Look(1, seen=(("a.png", stripes, ClassScores(np.ones(3, np.float32))),))

    def contrast(*, blurred: bool) -> float:
        looking._draw(look, ("a", "b", "c"), tmp_path / "seen.webp", blurred=blurred)
        row = np.asarray(Image.open(tmp_path / "seen.webp").convert("L"), float)
        return float(np.abs(np.diff(row[row.shape[0] // 2, 20:100])).max())

    assert contrast(blurred=False) > 60
    assert contrast(blurred=True) < 25


def test_pictures_are_webp() -> None:
    """Small, and every browser shows it."""
    data = webp(Image.new("RGB", (64, 64)))

    assert (data[:4], data[8:12]) == (b"RIFF", b"WEBP")


def test_class_maps_are_tinted_and_their_difference_is_marked() -> None:
    """Where the roles agree the diff stays grey, where they differ it is vermilion; the share is exact."""
    parent = np.zeros((40, 60), np.uint8)
    optimized = parent.copy()
    optimized[:20] = 3

    _, optimized_pane, diff = panes(
        Picture("a.png", (600, 400), "segments", "x"), [GREY, parent, optimized]
    )
    bar = diff.height - 400

    assert diff.getpixel((300, 100 + bar)) == rgb(CHANGES["lost"])
    assert len(set(diff.getpixel((300, 300 + bar)))) == 1  # type: ignore[arg-type] # an RGB picture
    assert optimized_pane.getpixel((300, 100 + bar)) != optimized_pane.getpixel((300, 300 + bar))


def test_a_light_line_divides_classes() -> None:
    """A mask is seen by its contour where its colour is like the picture's: light between classes, tint within."""
    labels = np.zeros((40, 60), np.uint8)
    labels[:, 30:] = 1
    image = np.full((400, 600, 3), 20, np.uint8)
    drawn = np.asarray(tinted(from_bgr(image, 600), labels)).astype(int)
    assert drawn[200, 299:301].min() > 180
    assert drawn[200, [100, 297, 302, 500]].max() < 180


def test_the_legend_names_what_is_shown(tmp_path: Path) -> None:
    """Largest class first, names from the labels, a number where there is none."""
    parent = np.zeros((4, 4), np.uint8)
    optimized = parent.copy()
    optimized[0] = (1, 1, 9, 1)
    picture = Picture("a.png", (600, 400), "segments", "x", labels=("road", "car"))

    (drawn,), _ = draw_worst(
        [(picture, lambda: [GREY, parent, optimized])], tmp_path, model="seg", budget_bytes=10**8
    )

    assert [name for name, _ in drawn.legend] == ["road", "car", "class 9"]
    assert len({colour for _, colour in drawn.legend}) == 3


def test_neighbouring_classes_have_different_colours() -> None:
    """Of any 21 classes in a row no two look alike."""
    colours = [class_colour(label) for label in range(21)]

    far = min(
        float(np.abs(np.array(a, float) - np.array(b, float)).max())
        for i, a in enumerate(colours)
        for b in colours[:i]
    )
    assert far > 20


def test_an_outline_encloses_its_mask() -> None:
    """Filled again it is the mask, up to its tolerance; holes are rings of their own."""
    import cv2

    mask = np.zeros((100, 120), np.uint8)
    cv2.circle(mask, (60, 50), 30, 1, -1)
    cv2.circle(mask, (60, 50), 10, 0, -1)

    rings = rings_of_pixels(mask)

    again = np.zeros_like(mask)
    outer, hole = (np.array(ring, np.int32).reshape(-1, 1, 2) for ring in rings)
    cv2.fillPoly(again, [outer], 1)
    cv2.fillPoly(again, [hole], 0)
    # A hole's ring runs on the mask's own pixels around it, so that filling it takes those too.
    assert int((again != mask).sum()) < 0.06 * int(mask.sum())
    assert sum(len(ring) for ring in rings) < 120


def test_a_coco_mask_is_traced() -> None:
    """From the run lengths that detections carry; an empty one has no ring."""
    from faster_coco_eval.core import mask as rle

    mask = np.zeros((50, 60), np.uint8, order="F")
    mask[10:20, 5:30] = 1

    (ring,) = rings_of(rle.encode(mask))

    assert {ring[i : i + 2] for i in range(0, len(ring), 2)} == {
        (5.0, 10.0),
        (29.0, 10.0),
        (29.0, 19.0),
        (5.0, 19.0),
    }
    assert rings_of(rle.encode(np.zeros((5, 5), np.uint8, order="F"))) == ()


def test_neighbours_lie_beside_the_image_that_is_sought() -> None:
    """Each role's beside it, both in the third pane, framed by whether they are right; nobody is no neighbour."""
    red, green, blue = (
        np.full((40, 30, 3), one, np.uint8) for one in ([0, 0, 255], [0, 255, 0], [255, 0, 0])
    )
    found = (
        Neighbour("b.png", 0.9, "ann", right=True),
        Neighbour("c.png", 0.8, "bob", right=False),
    )
    picture = Picture("a.png", (640, 304), "neighbours", "x", neighbours=found, truth="ann")

    def colours(pane: Image.Image) -> set[tuple[int, ...]]:
        return {one[1] for one in pane.convert("RGB").getcolors(1 << 20) if one[0] > 10_000}  # type: ignore[union-attr, misc]

    drawn = panes(picture, [red, green, blue])
    frames = [ImageColor.getrgb(CHANGES[one]) for one in ("gained", "lost")]
    shown = [{(255, 0, 0), (0, 255, 0), (0, 0, 255)} & colours(pane) for pane in drawn]
    assert shown == [
        {(255, 0, 0), (0, 255, 0)},
        {(255, 0, 0), (0, 0, 255)},
        {(255, 0, 0), (0, 255, 0), (0, 0, 255)},
    ]
    framed = [
        [one in np.asarray(pane).reshape(-1, 3).tolist() for one in map(list, frames)]
        for pane in drawn
    ]
    assert framed == [[True, False], [False, True], [True, True]]
    alone = panes(Picture("a.png", (640, 304), "neighbours", "x"), [red])
    assert {pane.size for pane in alone} == {pane.size for pane in drawn}
