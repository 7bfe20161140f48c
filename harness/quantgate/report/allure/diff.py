"""One picture for Allure: a page of CSS alone, because its viewer runs no scripts, and its images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from quantgate.escaping import markup
from quantgate.report.evidence import Evidence
from quantgate.report.html.palette import CHANGES, OPTIMIZED, PARENT, SEEN_FIRST
from quantgate.report.html.pictures import data_uri, diff_svg, role_svg
from quantgate.report.words import objects as object_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.report.picture import ObjectChange, Picture

IMAGE_DIFF = "application/vnd.allure.image.diff"
TABS = ("Parent | Optimized | Diff", "Swipe", "Blink", "Matches")
_WIDTH_PX = 640


def image_diff(panes: Sequence[bytes]) -> Evidence:
    """Fill Allure's own viewer: expected is the parent, actual the optimized model (WebP each)."""
    parent, optimized, diff = (data_uri(pane) for pane in panes)
    document = {"expected": parent, "actual": optimized, "diff": diff}
    return Evidence("diff.imagediff", IMAGE_DIFF, json.dumps(document).encode())


def description(picture: Picture, overview: bytes) -> str:
    """Show a picture without a click: what changed, and the panes in one image."""
    told = f"<p><b>{markup(picture.name)}</b>: {markup(picture.sentence)}</p>"
    return told + shown(f"{picture.name}: parent, optimized, diff", overview)


def shown(alt: str, picture: bytes) -> str:
    """Show a WebP in a description."""
    return f'<img style="width:100%" alt="{markup(alt)}" src="{data_uri(picture)}">'


def diff_page(picture: Picture, image: bytes) -> Evidence:
    """Make the tabs Parent | Optimized | Diff, Swipe, Blink and Matches for an objects picture."""
    width, height = picture.size
    frame_px = round(_WIDTH_PX * height / max(1, width))
    parent, optimized = role_svg(picture, "parent"), role_svg(picture, "optimized")
    panes = (
        ("Parent", "", parent),
        ("Optimized", "", optimized),
        ("Diff", "dim", diff_svg(picture)),
    )
    row = "".join(
        f'<figure><figcaption class="{title.lower()}">{title}</figcaption>{_pane(svg, kind)}</figure>'
        for title, kind, svg in panes
    )
    body = _BODY.format(
        row=row, parent=_pane(parent), optimized=_pane(optimized), table=_matches(picture)
    )
    style = _STYLE.format(
        uri=data_uri(image), ratio=f"{width}/{height}", wide=_WIDTH_PX, high=frame_px,
        half=_WIDTH_PX // 2, least=frame_px + 90, parent=PARENT, optimized=OPTIMIZED,
    )  # fmt: skip
    page = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{markup(picture.name)}</title><style>{style}{_change_rules()}</style></head><body>{body}</body></html>'
    return Evidence("diff.html", "text/html", page.encode())


def _pane(svg: str, kind: str = "") -> str:
    return f'<div class="im"><div class="bg {kind}"></div>{svg}</div>'


def _matches(picture: Picture) -> str:
    measure = next((change.measure for change in picture.changes), "IoU")
    titles = ("Change", "Parent", "Score", "Optimized", "Score", measure)
    heading = "".join(f"<th>{title}</th>" for title in titles)
    changes = sorted(picture.changes, key=lambda change: SEEN_FIRST.index(change.change))
    rows = "".join(_match(change) for change in changes)
    return f"<table><thead><tr>{heading}</tr></thead><tbody>{rows}</tbody></table>"


def _match(change: ObjectChange) -> str:
    cells = "".join(f"<td>{markup(text)}</td>" for text in object_words.change_cells(change))
    return f'<tr class="{change.change}">{cells}</tr>'


def _change_rules() -> str:
    return "".join(
        f"tr.{name} td:first-child{{border-left:6px solid {colour}}}"
        for name, colour in CHANGES.items()
    )


_BODY = """<div class="w">
<input type="radio" name="t" id="t1" checked><label for="t1">Parent | Optimized | Diff</label>
<input type="radio" name="t" id="t2"><label for="t2">Swipe</label>
<input type="radio" name="t" id="t3"><label for="t3">Blink</label>
<input type="radio" name="t" id="t4"><label for="t4">Matches</label>
<div class="p p1"><div class="row">{row}</div></div>
<div class="p p2"><div class="swipe">{optimized}<div class="top">{parent}</div></div>
<p>Left of the line: parent; right: optimized. Drag the lower right corner of the left part.</p></div>
<div class="p p3"><div class="blink">{parent}<div class="over">{optimized}</div></div>
<p>Changes between parent and optimized every second; rests while the pointer is on it.</p></div>
<div class="p p4">{table}</div></div>"""

_STYLE = """
*{{box-sizing:border-box}}
body{{font:14px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;margin:8px;color:#1b2330;background:#fff}}
.w{{min-height:{least}px}}
.bg{{background:url({uri}) 0 0/100% 100%;position:absolute;inset:0}}
.dim{{filter:grayscale(1) brightness(.75)}}
.im{{position:relative;width:100%;aspect-ratio:{ratio};overflow:hidden}}
.ov{{position:absolute;inset:0;width:100%;height:100%}} .ov text{{font-family:system-ui,sans-serif}}
.o:hover>rect.b{{fill:#ffffff55}} .o:hover text{{font-weight:700}}
.w>input{{position:absolute;opacity:0}}
.w>label{{display:inline-block;padding:5px 14px;margin:0 4px 10px 0;border:1px solid #cbd2da;border-radius:6px;cursor:pointer}}
.w>input:focus-visible+label{{outline:2px solid {parent};outline-offset:1px}}
.w>input:checked+label{{background:#1b2330;border-color:#1b2330;color:#fff}}
.p{{display:none}} #t1:checked~.p1,#t2:checked~.p2,#t3:checked~.p3,#t4:checked~.p4{{display:block}}
.row{{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:8px}}
figure{{margin:0}} figcaption{{font-weight:600;padding:3px 8px;border-left:6px solid #9aa5b1;margin-bottom:4px}}
figcaption.parent{{border-color:{parent}}} figcaption.optimized{{border-color:{optimized}}}
.swipe,.blink{{position:relative;width:{wide}px;height:{high}px}}
.swipe .im{{width:{wide}px;height:{high}px}}
.top{{position:absolute;left:0;top:0;width:{half}px;height:{high}px;overflow:hidden;resize:horizontal;max-width:{wide}px;border-right:3px solid #fff;box-shadow:1px 0 0 #1b2330}}
.over{{position:absolute;inset:0;animation:b 2s steps(1) infinite}} .blink:hover .over{{animation-play-state:paused}}
@keyframes b{{0%{{opacity:0}}50%{{opacity:1}}}}
p{{color:#5b6775;margin:6px 0}}
table{{border-collapse:collapse}} td,th{{border-bottom:1px solid #e1e6ec;padding:4px 12px;text-align:left}}
td{{font-variant-numeric:tabular-nums}}
"""
