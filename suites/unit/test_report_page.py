"""The page as a file: self-contained, complete, harmless. How it behaves is in suites/browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.verdict import Outcome
from quantgate.errors import ReportError
from quantgate.report.html.charts import grouped_shares, interval_chart, rounds_chart, share_bar
from quantgate.report.html.overview import overview_rows
from quantgate.report.html.page import render_page
from quantgate.report.html.view import model_view
from quantgate.report.html.view_tables import embedded
from quantgate.report.model import Problem
from quantgate.report.performance import Speedup
from quantgate.report.publish import finish_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.report.model import Judged


class Elements(HTMLParser):
    """Collects elements with their attributes, and the text outside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attrs)))
        self.raw = tag if tag in {"script", "style"} else ""

    def handle_endtag(self, tag: str) -> None:
        """Leave a script."""
        self.raw = "" if tag == self.raw else self.raw

    def handle_data(self, data: str) -> None:
        """Keep what people read."""
        self.text += "" if self.raw else data


def parsed(page: str) -> Elements:
    """Parse a page."""
    elements = Elements()
    elements.feed(page)
    return elements


def test_the_page_loads_nothing(sample: Any) -> None:
    """No address but data: and # in any element but a link, and a policy that forbids all others."""
    elements = parsed(render_page(sample.report, sample.directory).html)

    addresses = [
        attributes[name]
        for tag, attributes in elements.found
        for name in ("src", "href", "action", "data", "poster")
        if attributes.get(name) and tag != "a"
    ]
    policies = [a for tag, a in elements.found if tag == "meta" and "http-equiv" in a]
    assert addresses
    assert all(str(address).startswith(("data:", "#")) for address in addresses)
    assert "default-src 'none'" in str(policies[0]["content"])


def test_links_lead_to_places_of_the_page_or_to_files_of_the_run(sample: Any) -> None:
    """Every table's CSV and JSON lie where the page says, and nothing leads elsewhere."""
    page = finish_run(sample.report, sample.directory)
    elements = parsed(page.read_text(encoding="utf-8"))

    links = [str(a["href"]) for tag, a in elements.found if tag == "a" and a.get("href")]
    files = {link for link in links if not link.startswith("#")}
    shown = sum("data" in str(a.get("class")).split() for _, a in elements.found)
    assert len(files) == 2 * (shown + 1)  # and the timed models, which no script sorts
    assert all((sample.directory / link).is_file() for link in files)


def test_the_page_is_read_without_a_script(sample: Any) -> None:
    """Verdicts, numbers, table rows, changes and what was omitted are text in the file."""
    text = " ".join(parsed(render_page(sample.report, sample.directory).html).text.split())

    for said in (
        "1 failed, 1 known, 2 passed (2 models, 1 min 23 s)",
        "failed Match rate 0.912 [0.894, 0.931] ≥ 0.95, 0.038 below",
        "match rate 0.912 [0.894, 0.931] over 200 images, below min_match_rate 0.95 (by 0.038)",
        "AP@[.5:.95]",
        "0.372 its authors on val2017",
        "0.020 below the published 0.372",
        "img-00003.png",
        "of 7 no picture was kept (report.budget_mb)",
        "20 of 300 rows, the worst first",
        "tiger cat",
    ):
        assert said in text


def test_names_with_markup_are_text(sample_of: Callable[..., Any], evil: str) -> None:
    """Class names, file names, manifest lines: no element and no script comes from them."""
    sample = sample_of(label=evil)

    page = render_page(sample.report, sample.directory).html
    elements = parsed(page)

    assert not [a for _, a in elements.found if "onerror" in a or a.get("src") == "x"]
    assert evil in elements.text
    assert page.count("<script") == page.count("</script>")


def test_embedded_values_cannot_end_their_script() -> None:
    """JSON with markup is read back whole, and no < is in it."""
    value = {"name": "</script><!--", "line": "\u2028&"}

    text = str(embedded(value))

    assert "<" not in text
    assert json.loads(text) == value


def test_a_missing_picture_is_one_sentence(sample: Any) -> None:
    """Half a folder makes no half a page."""
    (sample.directory / sample.report.models[0].pictures[0].image).unlink()

    with pytest.raises(ReportError, match="a picture of the run cannot be read"):
        render_page(sample.report, sample.directory)


def test_what_does_not_fit_into_the_page_lies_beside_it(sample: Any) -> None:
    """Without room the details are scripts and the pictures files, and the page says so."""
    report = replace(sample.report, inline_mb=0.0)

    page = render_page(report, sample.directory)

    assert set(page.beside) == {"views/m0.js", "views/m1.js"}
    assert all(data.startswith(b"quantgate.take(") for data in page.beside.values())
    assert 'src="data:' not in page.html
    assert "views/m0.js" in parsed(page.html).text
    assert b"pictures/ssd/" in page.beside["views/m0.js"]


def test_the_worst_pictures_of_all_models_come_into_the_page_first(sample: Any) -> None:
    """With room for one picture it is the worst of the model that fails; the others are files."""
    whole = render_page(sample.report, sample.directory)
    sizes = [
        len(part.encode()) for part in re.findall(r"<noscript.*?</noscript>", whole.html, re.DOTALL)
    ]
    pictures = re.findall(r'src="(data:image[^"]*)"', whole.html)
    room = (sum(sizes) - sum(map(len, pictures[1:])) + 2000) / 1e6

    tight = render_page(replace(sample.report, inline_mb=room), sample.directory)

    assert len(pictures) == 2
    assert re.findall(r'src="(data:image[^"]*)"', tight.html) == pictures[:1]
    assert re.findall(r'img src="(pictures/[^"]*)"', tight.html)


def test_every_model_has_its_row_the_failed_ones_first(sample: Any) -> None:
    """Skipped and broken models stand in their place with their reason, each reason once."""
    problems = (
        Problem("gone", "integrity", "skipped", "no such file"),
        Problem("gone", "min_match_rate", "skipped", "no such file"),
        Problem("odd", "integrity", "broken", "cannot be read"),
        Problem("odd", "max_size_ratio", "broken", "cannot be read"),
    )
    report = replace(sample.report, problems=problems)
    models = [model_view(model, place, report) for place, model in enumerate(report.models)]

    rows = overview_rows(report, models)

    assert [(row.name, row.word) for row in rows] == [
        ("ssd", "failed"), ("odd", "broken"), ("digits", "known"), ("gone", "skipped"),
    ]  # fmt: skip
    assert rows[1].reasons == (("broken", "integrity, max_size_ratio", "cannot be read"),)
    assert rows[3].reasons == (("skipped", "all 2 gates", "no such file"),)


def test_identifiers_are_unique(sample: Any) -> None:
    """Anchors lead to one place each."""
    elements = parsed(render_page(sample.report, sample.directory).html)
    identifiers = [a["id"] for _, a in elements.found if "id" in a]

    targets = {
        str(a["href"])[1:]
        for tag, a in elements.found
        if tag == "a" and str(a.get("href")).startswith("#")
    }
    assert len(identifiers) == len(set(identifiers))
    assert targets <= set(identifiers)


def test_every_table_heading_has_its_scope(sample: Any) -> None:
    """Screen readers say which column a cell is of."""
    elements = parsed(render_page(sample.report, sample.directory).html)

    assert all("scope" in a for tag, a in elements.found if tag == "th")
    assert all(a.get("alt") for tag, a in elements.found if tag == "img")


def numbers_of(chart: str, attribute: str) -> list[float]:
    """Read an attribute of every element of a chart."""
    return [float(value) for value in re.findall(rf'\b{attribute}="(-?[\d.]+)"', chart)]


def test_the_interval_chart_shows_on_which_side_the_value_lies(
    judged_of: Callable[..., Judged],
) -> None:
    """Below a lower limit is left of its line; the passing side is shaded."""
    judged = judged_of("min_match_rate", 0.95, Estimate(0.912, 0.894, 0.931, 200), Outcome.FAILED)

    chart = interval_chart(judged.verdict, "failed")

    value, limit, shaded = (
        numbers_of(chart, "cx")[0],
        numbers_of(chart, "x1")[0],
        numbers_of(chart, "x")[0],
    )
    assert value < limit == shaded


def test_an_exact_value_on_its_limit_is_drawn(judged_of: Callable[..., Judged]) -> None:
    """Zero width divides nothing by zero."""
    judged = judged_of("max_accuracy_drop", 0.0, Estimate.exact(0.0), Outcome.PASSED)

    assert numbers_of(interval_chart(judged.verdict, "passed"), "cx") == [100.0]


def test_every_round_is_a_dot() -> None:
    """In the order measured; one round is enough; none is no chart."""
    estimate = Estimate(1.3, 1.2, 1.4, 3, of="rounds")

    chart = rounds_chart(Speedup("s", estimate, (1.2, 1.3, 1.4), 1.25))

    across, down = numbers_of(chart, "cx"), numbers_of(chart, "cy")
    assert across == sorted(across)
    assert down == sorted(down, reverse=True)
    assert len(numbers_of(rounds_chart(Speedup("s", estimate, (1.3,))), "cx")) == 1
    assert not rounds_chart(Speedup("s", estimate))


def test_shares_are_grouped_as_people_see_them() -> None:
    """i8 and u8 are INT8; what is unknown keeps its name and comes last."""
    assert grouped_shares({"odd": 0.1, "f32": 0.2, "i8": 0.4, "u8": 0.3}) == pytest.approx(
        {"INT8": 0.7, "FP32": 0.2, "odd": 0.1}
    )
    assert 'aria-label="INT8 100.0 %"' in share_bar({"i8": 1.0})
