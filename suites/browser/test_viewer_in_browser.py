"""The viewer of changed images in a real browser: every control by mouse and by keyboard."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageChops

from quantgate.report.publish import draw_worst, finish_run
from suites.conftest import classes_picture, make_sample, objects_picture, scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantgate.report.picture import ObjectChange, Picture

    OpenPage = Callable[..., Any]

WIDTHS = [390, 1024, 1440]
#: As the overlay of the first picture amounts to at the run's threshold, and above it.
AT_HALF = "A (optimized) 4 · B (parent) 4 · matches 2 · 1 lost · 1 gained · 1 moved · 1 relabelled"
AT_07 = "A (optimized) 2 · B (parent) 4 · matches 2 · 2 lost · 0 gained · 1 moved · 0 relabelled"


def written(sample: Any) -> Path:
    """Write a run: three changed images with objects, two of them shown at once, and a classifier."""
    directory = sample.directory
    whole = objects_picture("img-00000.png")
    changed: dict[str, ObjectChange] = {change.change: change for change in whole.changes}
    lost, gained = (
        replace(whole, name=name, sentence=f"1 {change}", changes=(changed[change],), groups=groups)
        for name, change, groups in (
            ("img-00003.png", "lost", ("night",)),
            ("img-00006.png", "gained", ("day", "rain")),
        )
    )
    listed: list[tuple[Picture, Any]] = [
        (picture, lambda seed=seed: [scene(seed)])
        for seed, picture in enumerate((whole, lost, gained))
    ]
    drawn, _ = draw_worst(listed, directory, model="ssd", budget_bytes=10**8, most=2)
    ranked, _ = draw_worst(
        [(classes_picture(), lambda: [scene(4)])], directory, model="digits", budget_bytes=10**8
    )
    ssd, digits = sample.report.models
    models = (replace(ssd, pictures=drawn, omitted=0), replace(digits, pictures=ranked))
    return finish_run(replace(sample.report, models=models), directory)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the run once: nothing that a reader does changes it."""
    return written(make_sample(tmp_path_factory.mktemp("viewer") / "run-1"))


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, run: Path, open_page: OpenPage) -> Any:
    """Open the first model's view, at three widths."""
    opened = open_page(run.as_uri() + "#m0")
    opened.set_viewport_size({"width": request.param, "height": 900})
    opened.locator("#m0-p0 .enlarge").wait_for()
    return opened


def name(page: Any) -> str:
    """Read the name of the image that is shown, once the viewer is open: a link opens it a moment later."""
    page.locator("#viewer[open]").wait_for()
    found: str = page.locator("#viewer-name").inner_text()
    return found


def taken(page: Any) -> Image.Image:
    """Take the stage."""
    return Image.open(io.BytesIO(page.locator("#viewer .stage").screenshot())).convert("RGB")


def shot(page: Any) -> Image.Image:
    """Take the stage once it no longer changes: the photograph is there, and all is painted."""
    before, now = None, taken(page)
    while before is None or differ(before, now):
        page.wait_for_timeout(120)
        before, now = now, taken(page)
    return now


def differ(first: Image.Image, second: Image.Image) -> bool:
    """Whether two pictures of the stage differ."""
    return first.size != second.size or ImageChops.difference(first, second).getbbox() is not None


def test_every_changed_image_is_reached_from_its_row(page: Any) -> None:
    """The names of changed images in the table open them, also those that are not among the worst."""
    page.locator("#m0-accuracy").scroll_into_view_if_needed()
    page.locator("#m0-t0.live .tabulator-row").first.wait_for()
    rows = page.locator("#m0-t0 .see").all_inner_texts()
    page.locator("#m0-t0 .see", has_text="img-00006.png").click()

    assert set(rows) == {"img-00000.png", "img-00003.png", "img-00006.png"}
    assert name(page) == "img-00006.png"
    assert page.locator("#viewer .at").inner_text() == "3 of 3"


def test_an_address_leads_to_an_image(run: Path, open_page: OpenPage) -> None:
    """What stands in the address bar while an image is shown opens it again."""
    page = open_page(run.as_uri() + "#m0-p1")
    page.locator("#viewer .objects-table").wait_for()

    assert name(page) == "img-00003.png"


def test_next_and_previous_by_button_and_by_key(page: Any) -> None:
    """Through the images that the filters keep, in their order; the ends are ends."""
    page.locator("#m0-p0 .enlarge").click()
    page.get_by_role("button", name="Next image").click()
    second = name(page)
    page.keyboard.press("ArrowRight")
    third = name(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")

    assert (second, third, name(page)) == ("img-00003.png", "img-00006.png", "img-00000.png")
    assert page.get_by_role("button", name="Previous image").is_disabled()
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()


def test_the_photograph_costs_one_image_and_is_drawn_for_each_role(page: Any) -> None:
    """Parent, optimized and diff are painted, and differ; the page holds one picture of each image."""
    page.locator("#m0-p0 .enlarge").click()
    panes = [
        Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
        for canvas in page.locator("#viewer canvas").all()
    ]

    assert len(panes) == 3
    assert all(len(pane.getcolors(1 << 24) or ()) > 100 for pane in panes)
    assert differ(panes[0].resize((200, 200)), panes[1].resize((200, 200)))
    assert page.locator("#m0-p0 img").count() == 1


def test_zoom_and_pan_move_all_panes(page: Any) -> None:
    """By wheel, buttons, keys and dragging; 0 shows the whole image again."""
    page.locator("#m0-p0 .enlarge").click()
    whole = shot(page)
    page.keyboard.press("+")
    larger = shot(page)
    box = page.locator("#viewer canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 20)
    page.mouse.up()
    dragged = shot(page)
    page.mouse.wheel(0, -200)
    wheeled = shot(page)
    page.keyboard.press("0")

    assert differ(whole, larger)
    assert differ(larger, dragged)
    assert differ(dragged, wheeled)
    assert not differ(whole, shot(page))


def test_each_view_has_a_button_and_a_number(page: Any) -> None:
    """Side by side, one role, diff, swipe, blink."""
    page.locator("#m0-p0 .enlarge").click()
    seen = {}
    for key, view in enumerate(("side", "parent", "optimized", "diff", "swipe", "blink"), start=1):
        page.keyboard.press(str(key))
        button = page.locator(f"#viewer [data-view={view}]")
        assert button.get_attribute("aria-pressed") == "true"
        seen[view] = page.locator("#viewer canvas").count()
    page.get_by_role("button", name="Side by side").click()

    assert seen == {"side": 3, "parent": 1, "optimized": 1, "diff": 1, "swipe": 1, "blink": 1}
    assert page.locator("#viewer canvas").count() == 3


def test_the_swipe_moves_by_slider_and_by_pointer(page: Any) -> None:
    """At 0 the optimized model's picture is seen, at 100 the parent's."""
    page.locator("#m0-p0 .enlarge").click()
    page.keyboard.press("5")
    slider = page.get_by_role("slider", name="Swipe between parent and optimized")
    slider.fill("0")
    optimized = shot(page)
    slider.fill("100")
    parent = shot(page)
    slider.press("ArrowLeft")
    by_key = slider.input_value()
    box = page.locator("#viewer canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)

    assert differ(optimized, parent)
    assert by_key == "99"
    assert slider.input_value() == "25"


def test_blinking_shows_one_role_after_the_other(page: Any) -> None:
    """In one place, named while it is seen."""
    page.locator("#m0-p0 .enlarge").click()
    page.keyboard.press("6")
    caption = page.locator("#viewer .stage figcaption")
    for role in ("Parent", "Optimized", "Parent"):
        caption.filter(has_text=role).wait_for()

    assert caption.count() == 1


def test_one_threshold_for_all_images(page: Any) -> None:
    """The slider of the gallery and that of the viewer are one, and count again."""
    page.locator("#m0-p0 .enlarge").click()
    at_start = page.locator("#viewer .counts").inner_text()
    slider = page.locator("#viewer .threshold")
    slider.fill("0.7")
    higher = page.locator("#viewer .counts").inner_text()
    slider.press("ArrowRight")
    page.keyboard.press("Escape")

    assert (at_start, higher) == (AT_HALF, AT_07)
    assert page.locator("#m0-gallery .threshold").input_value() == "0.71"
    assert page.locator("#m0-gallery .thr output").inner_text() == "0.71"


def test_filters_choose_images_and_objects(page: Any) -> None:
    """By change, class, size and name; the viewer walks through what is left."""
    gallery = page.locator("#m0-gallery")
    shown = gallery.locator(".shot b")
    gallery.get_by_label("Change").select_option("gained")
    by_change = shown.all_inner_texts()
    gallery.locator(".shot .enlarge").first.click()
    rows = page.locator("#viewer .objects-table tbody tr")
    listed = rows.all_inner_texts()
    page.keyboard.press("Escape")
    gallery.get_by_label("Change").select_option("")
    gallery.get_by_label("Class").select_option("dog")
    by_class = shown.all_inner_texts()
    gallery.get_by_label("Class").select_option("")
    gallery.get_by_label("Size").select_option("large")
    by_size = shown.all_inner_texts()
    gallery.get_by_label("Size").select_option("")
    gallery.get_by_role("searchbox").fill("00006")

    assert by_change == ["1. img-00000.png", "3. img-00006.png"]
    assert [row.split()[0] for row in listed] == ["gained"]
    assert by_class == ["1. img-00000.png", "2. img-00003.png"]
    assert by_size == []
    assert shown.all_inner_texts() == ["3. img-00006.png"]


def test_segments_scores_and_sides_filter_too(page: Any) -> None:
    """A segment of the dataset, a range of scores and one of sides in pixels; an empty bound is none."""
    gallery = page.locator("#m0-gallery")
    shown = gallery.locator(".shot b")
    gallery.get_by_label("Segment").select_option("night")
    by_segment = shown.all_inner_texts()
    gallery.get_by_label("Segment").select_option("")
    kept = {}
    for name, value in (
        ("Score, least", "0.95"),
        ("Score, most", "0.01"),
        ("Side, px, least", "9999"),
    ):
        field = gallery.get_by_label(name)
        field.focus()
        page.keyboard.type(value)
        kept[name] = shown.count()
        field.fill("")

    assert by_segment == ["2. img-00003.png"]
    assert kept["Score, most"] == kept["Side, px, least"] == 0
    assert kept["Score, least"] < 2
    assert shown.count() == 2


def test_the_answer_shows_the_worst_images(page: Any) -> None:
    """Three thumbnails as the gallery draws them, each a link into the viewer, by mouse and by keyboard."""
    answer = page.locator("#m0 .answer .worst a")
    first = page.locator("#m0 .answer .worst img").first
    drawn = first.evaluate("image => image.naturalWidth > 50 && image.clientHeight > 50")
    answer.nth(1).click()
    by_mouse = name(page)
    page.keyboard.press("Escape")
    page.wait_for_url("**#m0")  # the dialog's event comes a moment later, and moves the focus
    answer.first.press("Enter")

    assert drawn
    assert by_mouse == "img-00003.png"
    assert name(page) == "img-00000.png"


def test_images_beyond_the_worst_are_shown_on_demand(page: Any) -> None:
    """The button says how many are left, and loads their pictures from beside the page."""
    more = page.locator("#m0-gallery .more")
    said = more.inner_text()
    more.click()
    third = page.locator("#m0-gallery .shot img[src$='.jpg']")
    third.scroll_into_view_if_needed()
    page.wait_for_function(
        "document.querySelector('#m0-gallery img[src$=\".jpg\"]').naturalWidth > 100"
    )

    assert said == "Show 1 more of 1"
    assert page.locator("#m0-gallery .shot").count() == 3


def test_the_confusion_filters_by_a_click(page: Any) -> None:
    """Which class became which, how often; a click keeps those images, another lets them go."""
    pairs = page.locator("#m0-gallery .pairs button")
    found = pairs.all_inner_texts()
    relabelled = page.locator("#m0-gallery .pairs button", has_text="truck → bus")
    relabelled.click()
    kept = page.locator("#m0-gallery .shot b").all_inner_texts()
    relabelled.press("Enter")

    assert sorted(found) == ["dog → nothing 2", "nothing → cat 2", "truck → bus 1"]
    assert kept == ["1. img-00000.png"]
    assert page.locator("#m0-gallery .shot").count() == 2


def test_a_row_of_the_list_lights_its_object(page: Any) -> None:
    """On hover and on focus, in every pane that has it."""
    page.locator("#m0-p0 .enlarge").click()
    dark = shot(page)
    page.locator("#viewer tr[data-i='1']").hover()
    hovered = shot(page)
    page.mouse.move(1, 1)
    page.locator("#viewer tr[data-i='4']").focus()
    focused = shot(page)

    assert differ(dark, hovered)
    assert differ(dark, focused)
    assert differ(hovered, focused)


def test_full_screen_by_button_and_key(page: Any) -> None:
    """In and out again."""
    page.locator("#m0-p0 .enlarge").click()
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement !== null")
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement === null")

    assert page.locator("#viewer").is_visible()


def test_classes_are_shown_as_bars(page: Any) -> None:
    """The photograph beside the ranking of both roles, and the annotated class."""
    page.goto(f"{page.url.split('#')[0]}#m1-p0")
    page.locator("#viewer .bars").first.wait_for()

    assert page.locator("#viewer .bars").count() == 2
    assert page.locator("#viewer figure.parent .bars span").first.inner_text() == "tabby"
    assert page.locator("#viewer figure.optimized .bars span").first.inner_text() == "tiger cat"
    assert "annotated: tabby" in page.locator("#viewer .said").inner_text()
    assert page.locator("#viewer canvas").count() == 1


def test_a_missing_photograph_is_said(sample: Any, open_page: OpenPage) -> None:
    """Where only the page was handed on, the objects are still drawn and the file is named."""
    path = written(sample)
    for file in (sample.directory / "pictures").rglob("*.jpg"):
        file.unlink()
    page = open_page(path.as_uri() + "#m0-p2")
    page.get_by_text("no photograph here").wait_for()

    assert "pictures/ssd/02-img-00006.png.jpg" in page.locator("#viewer .said").inner_text()
    assert page.locator("#viewer .objects-table tbody tr").count() == 1
