"""Pictures inside the terminal, read back from the escape sequences that were written."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from quantgate.report.terminal_picture import encoded, protocol_of


@pytest.fixture
def picture() -> Image.Image:
    """Blocks of four colours, in a height that is no multiple of a band, [13, 10]."""
    pixels = np.zeros((13, 10, 3), np.uint8)
    pixels[:7, :4], pixels[7:, :4], pixels[:7, 4:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return Image.fromarray(pixels)


def drawn(text: str, size: tuple[int, int]) -> np.ndarray:
    """Draw sixels as a terminal does (DEC STD 070), RGB [height, width, 3]."""
    colours: dict[int, tuple[int, ...]] = {}
    shown = np.full((size[1] + 6, size[0], 3), 99, np.uint8)
    x = y = now = 0
    body = text.partition("q")[2].removesuffix("\x1b\\")
    for piece in re.findall(r'"[\d;]+|#\d+(?:;\d+){4}|#\d+|!\d+.|[$\-]|[?-~]', body):
        if piece[0] == "#" and ";" in piece:
            index, _, *parts = map(int, piece[1:].split(";"))
            colours[index] = tuple(round(part * 255 / 100) for part in parts)
        elif piece[0] == "#":
            now = int(piece[1:])
        elif piece == "$":
            x = 0
        elif piece == "-":
            x, y = 0, y + 6
        elif piece[0] != '"':
            count = int(piece[1:-1]) if piece[0] == "!" else 1
            for row in range(6):
                if (ord(piece[-1]) - 63) >> row & 1:
                    shown[y + row, x : x + count] = colours[now]
            x += count
    return shown[: size[1]]


def test_sixels_draw_the_picture(picture: Image.Image) -> None:
    """Every pixel has its colour, those of the last, incomplete band too."""
    shown = drawn(encoded(picture, "sixel"), picture.size)

    assert np.abs(shown.astype(int) - np.asarray(picture).astype(int)).max() <= 3


def test_kitty_and_iterm_are_given_the_whole_file(picture: Image.Image) -> None:
    """The parts of kitty's protocol join to a PNG, of which only the last says that it is."""
    large = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3)).astype(np.uint8))
    parts = re.findall(r"\x1b_G(?:a=T,f=100,)?m=(\d);([^\x1b]*)\x1b\\", encoded(large, "kitty"))
    data = base64.b64decode("".join(text for _, text in parts))
    iterm = encoded(picture, "iterm").partition(":")[2].removesuffix("\x07")

    assert [more for more, _ in parts] == ["1"] * (len(parts) - 1) + ["0"]
    assert len(parts) > 1
    with Image.open(io.BytesIO(data)) as read:
        assert np.array_equal(np.asarray(read), np.asarray(large))
    with Image.open(io.BytesIO(base64.b64decode(iterm))) as read:
        assert np.array_equal(np.asarray(read), np.asarray(picture))


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, ""),
        ({}, ""),
    ],
)
def test_a_terminal_is_known_by_its_environment(environment: dict[str, str], protocol: str) -> None:
    """One that is not known to show pictures is given none."""
    assert protocol_of(environment) == protocol
