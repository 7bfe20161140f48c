"""Poses drawn into the maps that bottom-up models give, and read back by the obvious loops over persons and parts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

#: Parts of OpenPose's body in the order of its maps; limbs with the first channel of their field.
NECK, PARTS = 1, 18
LIMBS = (
    *((1, 2, 12), (1, 5, 20), (2, 3, 14), (3, 4, 16), (5, 6, 22), (6, 7, 24), (1, 8, 0)),
    *((8, 9, 2), (9, 10, 4), (1, 11, 6), (11, 12, 8), (12, 13, 10), (1, 0, 28), (0, 14, 30)),
    *((14, 16, 34), (0, 15, 32), (15, 17, 36), (2, 16, 18), (5, 17, 26)),
)
#: COCO's number of each part; the neck has none.
COCO_OF = {
    0: 0,
    2: 6,
    3: 8,
    4: 10,
    5: 5,
    6: 7,
    7: 9,
    8: 12,
    9: 14,
    10: 16,
    11: 11,
    12: 13,
    13: 15,
    14: 2,
    15: 1,
    16: 4,
    17: 3,
}
#: A standing body, in shares of its box, part by part.
BODY = np.array(
    [
        *((0.5, 0.08), (0.5, 0.2), (0.3, 0.22), (0.2, 0.4), (0.12, 0.55), (0.7, 0.22), (0.8, 0.4)),
        *((0.88, 0.55), (0.38, 0.55), (0.36, 0.75), (0.35, 0.95), (0.62, 0.55), (0.64, 0.75)),
        *((0.65, 0.95), (0.44, 0.05), (0.56, 0.05), (0.38, 0.07), (0.62, 0.07)),
    ]
)


def bodies(rng: np.random.Generator, count: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Draw that many standing bodies beside each other, each bent a little: cells [count, parts, 2].

    All stay two cells off the edge, where a peak has neighbours on either side.
    """
    high, wide = shape
    made = []
    for number in range(count):
        room = wide / count
        box = np.array([room * 0.9, high * rng.uniform(0.7, 0.95)])
        corner = np.array([room * (number + 0.05), rng.uniform(0, high - box[1])])
        bent = BODY + rng.uniform(-0.02, 0.02, BODY.shape)
        made.append(np.clip(corner + bent * box, 2.0, (wide - 3.0, high - 3.0)))
    return np.array(made).reshape(count, PARTS, 2)


def heat_of(places: NDArray[np.float64], shape: tuple[int, int], spread: float = 1.0) -> Array:
    """One map a part of cells [persons, parts, 2], NaN where a part is hidden: the higher of overlapping bells."""
    y, x = np.indices(shape)
    maps = np.zeros((places.shape[1], *shape))
    for person in places:
        for part, (px, py) in enumerate(person):
            if not np.isnan(px):
                bell = np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * spread**2))
                maps[part] = np.maximum(maps[part], bell)
    return maps.astype(np.float32)


def fields_of(places: NDArray[np.float64], shape: tuple[int, int]) -> Array:
    """Unit vectors along every limb of cells [persons, parts, 2], one cell to each side of it."""
    y, x = np.indices(shape)
    fields = np.zeros((2 * len(LIMBS), *shape))
    for person in places:
        for start, end, channel in LIMBS:
            a, b = person[start], person[end]
            length = float(np.hypot(*(b - a)))
            if not length > 0:  # hidden, or both in one place
                continue
            ux, uy = (b - a) / length
            along = (x - a[0]) * ux + (y - a[1]) * uy
            beside = np.abs((x - a[0]) * uy - (y - a[1]) * ux)
            limb = (along >= -1) & (along <= length + 1) & (beside <= 1)
            fields[channel][limb], fields[channel + 1][limb] = ux, uy
    return fields.astype(np.float32)


def openpose_outputs(places: NDArray[np.float64], shape: tuple[int, int]) -> dict[str, Array]:
    """Give fields and heat maps as Open Model Zoo's human-pose-estimation-0001 names and shapes them."""
    heat = heat_of(places, shape)
    background = 1 - heat.max(axis=0, keepdims=True)
    return {
        "Mconv7_stage2_L1": fields_of(places, shape)[None],
        "Mconv7_stage2_L2": np.concatenate([heat, background])[None],
    }


def in_coco(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Parts [persons, 18, 2] as COCO's key points [persons, 17, 2]."""
    found = np.full((len(places), 17, 2), np.nan)
    for part, number in COCO_OF.items():
        found[:, number] = places[:, part]
    return found


def tagged_outputs(
    places: NDArray[np.float64], shape: tuple[int, int], rng: np.random.Generator
) -> dict[str, Array]:
    """Heat maps with suppressed cells negated, and tags, as Open Model Zoo's human-pose-estimation-0005 has them."""
    heat = heat_of(places, shape)
    # Somewhere in the background there is every tag, as there is behind a trained model.
    tags = rng.uniform(-2, 3 * len(places) + 2, heat.shape)
    y, x = np.indices(shape)
    for number, person in enumerate(places):
        for part, (px, py) in enumerate(person):
            if not np.isnan(px):
                near = (x - px) ** 2 + (y - py) ** 2 <= 9
                tags[part][near] = 3.0 * number + rng.normal(0, 0.1, int(near.sum()))
    return {"heatmaps": negated(heat)[None], "embeddings": tags[None, ..., None].astype(np.float32)}


def negated(heat: Array) -> Array:
    """Negate every cell that another within two cells exceeds, of maps [parts, h, w]."""
    from scipy.ndimage import maximum_filter

    highest = maximum_filter(heat, size=(1, 5, 5), mode="constant", cval=-np.inf)
    return np.where(heat == highest, heat, -heat)


def plain_peaks(heat: Array, least: float, reach: int, most: int) -> list[tuple[int, int, float]]:
    """Look at every cell of one map [h, w] that is high enough: x, y and height, the highest first."""
    found = []
    for y, x in zip(*np.nonzero(heat > least), strict=True):
        around = heat[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        if heat[y, x] == around.max():
            found.append((int(x), int(y), float(heat[y, x])))
    return sorted(found, key=lambda one: -one[2])[:most]


def plain_openpose(heat: Array, fields: Array) -> list[tuple[float, NDArray[np.float64]]]:
    """Score, and COCO's key points in cells [17, 3] of each person, pair by pair and limb by limb."""
    peaks: list[list[tuple[float, float, float]]] = []
    for part in range(PARTS):
        own = []
        for x, y, value in plain_peaks(heat[part], 0.1, 1, 30):
            own.append((x + _apex(heat[part][y], x), y + _apex(heat[part][:, x], y), value))
        peaks.append(own)
    people: list[dict[str, Any]] = []
    for number, (start, end, channel) in enumerate(LIMBS):
        pairs = []
        for i, a in enumerate(peaks[start]):
            for j, b in enumerate(peaks[end]):
                score = _limb_score(a, b, fields[channel : channel + 2])
                if score > 0:
                    pairs.append((score, i, j))
        left: set[int] = set()
        right: set[int] = set()
        for score, i, j in sorted(pairs, key=lambda pair: -pair[0]):
            if i not in left and j not in right:
                left.add(i)
                right.add(j)
                heights = peaks[start][i][2], peaks[end][j][2]
                _join(people, (start, i, end, j), (score, *heights), filling=number >= 17)
    return sorted(_persons(people, peaks), key=lambda one: -one[0])


def _persons(
    people: list[dict[str, Any]], peaks: list[list[tuple[float, float, float]]]
) -> Iterator[tuple[float, NDArray[np.float64]]]:
    for person in people:
        if person["n"] >= 3 and person["sum"] / person["n"] >= 0.2:
            points = np.zeros((17, 3))
            for part, index in person["parts"].items():
                if part != NECK:
                    points[COCO_OF[part]] = peaks[part][index]
            yield math.sqrt(min(1.0, person["sum"] * (person["n"] - 1) / 595)), points


def _apex(line: Array, at: int) -> float:
    """Place of the top of the parabola through three values of a line, from the middle one."""
    if not 0 < at < len(line) - 1:
        return 0.0
    before, own, after = (float(line[k]) for k in (at - 1, at, at + 1))
    bend = 2 * own - before - after
    return min(0.5, max(-0.5, (after - before) / (2 * bend))) if bend else 0.0


def _limb_score(
    a: tuple[float, float, float], b: tuple[float, float, float], field: Array
) -> float:
    """How well a field [2, h, w] agrees with the way from a to b; 0 where it does not."""
    high, wide = field.shape[1:]
    way = np.array(b[:2]) - np.array(a[:2])
    length = float(np.hypot(*way))
    if length == 0:
        return 0.0
    agreed = []
    for share in np.linspace(0, 1, 10):
        x, y = np.array(a[:2]) + share * way
        x0, y0 = int(x), int(y)
        x1, y1 = min(x0 + 1, wide - 1), min(y0 + 1, high - 1)
        above = field[:, y0, x0] * (1 - x + x0) + field[:, y0, x1] * (x - x0)
        below = field[:, y1, x0] * (1 - x + x0) + field[:, y1, x1] * (x - x0)
        value = float((above * (1 - y + y0) + below * (y - y0)) @ way / length)
        if value > 0.05:
            agreed.append(value)
    if len(agreed) < 9:
        return 0.0
    return float(np.mean(agreed) + min(0.0, high / 2 / length - 1))


def _join(
    people: list[dict[str, Any]],
    limb: tuple[int, int, int, int],
    sums: tuple[float, float, float],
    *,
    filling: bool,
) -> None:
    start, i, end, j = limb
    has_start = [one for one in people if one["parts"].get(start) == i]
    has_end = [one for one in people if one["parts"].get(end) == j]
    if filling:
        if has_start and end not in has_start[0]["parts"]:
            has_start[0]["parts"][end] = j
        elif has_end and start not in has_end[0]["parts"]:
            has_end[0]["parts"][start] = i
    elif has_start:
        has_start[0]["parts"][end] = j
        has_start[0]["sum"] += sums[0] + sums[2]
        has_start[0]["n"] += 1
    else:
        people.append({"parts": {start: i, end: j}, "sum": sum(sums), "n": 2})


def plain_tagged(signed: Array, tags: Array) -> list[tuple[float, NDArray[np.float64]]]:
    """Score, and key points in cells [17, 3] of each person, part by part, lacking ones by their tag."""
    heat = np.abs(signed)
    people: list[dict[str, Any]] = []
    for part in (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16):
        peaks = plain_peaks(signed[part], 0.1, 2, 30)
        pairs = []
        for i, (x, y, value) in enumerate(peaks):
            for j, person in enumerate(people):
                away = abs(float(tags[part, y, x]) - float(np.mean(person["tags"])))
                if away < 1:
                    pairs.append((round(away), -value, i, j))
        left, free = set(range(len(peaks))), set(range(len(people)))
        for _, _, i, j in sorted(pairs):
            if i in left and j in free:
                left.remove(i)
                free.remove(j)
                _take(people[j], part, peaks[i], tags)
        for i in sorted(left):
            people.append({"parts": {}, "tags": []})
            _take(people[-1], part, peaks[i], tags)
    return sorted(_completed(people, heat, tags), key=lambda one: -one[0])


def _completed(
    people: list[dict[str, Any]], heat: Array, tags: Array
) -> Iterator[tuple[float, NDArray[np.float64]]]:
    for person in people:
        score = sum(height for *_, height in person["parts"].values()) / len(heat)
        wanted = np.mean(person["tags"])
        points = np.zeros((len(heat), 3))
        for part in range(len(heat)):
            if part not in person["parts"]:
                cost = np.round(np.abs(tags[part] - wanted)) - heat[part]
                y, x = divmod(int(cost.argmin()), heat.shape[2])
                person["parts"][part] = (x, y, float(heat[part, y, x]))
            x, y, height = person["parts"][part]
            quarter = [_quarter(heat[part][y], x), _quarter(heat[part][:, x], y)]
            points[part] = (x + quarter[0], y + quarter[1], height)
        yield score, points


def _take(person: dict[str, Any], part: int, peak: tuple[int, int, float], tags: Array) -> None:
    person["parts"][part] = peak
    person["tags"].append(float(tags[part, peak[1], peak[0]]))


def _quarter(line: Array, at: int) -> float:
    if not 0 < at < len(line) - 1:
        return 0.0
    return 0.25 * float(np.sign(line[at + 1] - line[at - 1]))
