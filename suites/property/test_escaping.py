"""Hostile names through every medium, read back by the medium's own reader."""

from __future__ import annotations

import csv
import io
import os
import re
import tomllib
import unicodedata
from html.parser import HTMLParser

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from quantgate.errors import DatasetError, ManifestError, UndecidedError
from quantgate.escaping import (
    csv_text,
    markdown,
    markdown_block,
    markdown_code,
    markup,
    one_line,
    terminal,
    toml_key,
    toml_string,
    workflow_message,
    workflow_property,
)

#: What attackers put into names, to be mixed with each other and with any text at all.
ATTACKS = (
    *(
        "\x1b[31m",
        "\x1b]0;title\x07",
        "\x9b31m",
        "\n::error::x",
        "\r\n::set-output name=a::b",
        "\x00",
    ),
    *("::add-mask::abc", " ::stop-commands::x", "##[add-mask]x", "##vso[task.x]y", "##teamcity[x]"),
    *("\u202egpj.exe", "\u2066", "\u2028::warning::x", "\x85::notice::x", "\udce9", "\U000e0041"),
    *(
        "`",
        "```\n# out",
        "|",
        "[x](javascript:alert(1))",
        "![x](http://h/i.png)",
        "<img src=x onerror=1>",
    ),
    *(
        "</script><script>1",
        "http://h.example",
        "www.h.example",
        "@someone",
        "#12",
        "$x$",
        "&lt;b&gt;",
    ),
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        '"',
        "'",
        ",",
        "\\",
        "%0A::x",
        "\n",
        "-->",
        "]]>",
        "*a*",
    ),
)
NAMES = st.lists(
    st.one_of(st.sampled_from(ATTACKS), st.text(max_size=8)), min_size=1, max_size=5
).map("".join)
#: Names a medium: more than two thousand in all in every run; the long campaign asks for more.
MANY = settings(max_examples=int(os.environ.get("QUANTGATE_NAMES", "300")))
COMMAND = re.compile(r"^\s*::|##\[|##[a-z]+\[", re.MULTILINE)


def unseen(text: str, allowed: str = "") -> list[str]:
    """List the characters that a reader does not see but that change what is seen."""
    return [
        c
        for c in text
        if c not in allowed
        and (
            unicodedata.category(c) in {"Cc", "Zl", "Zp", "Cs"}
            or c in "\u202a\u202e\u2066\u2069\ufeff"
        )
    ]


@MANY
@given(NAMES)
@example("".join(ATTACKS))
def test_a_terminal_sees_no_control_and_no_command(name: str) -> None:
    """Alone, in an error and among lines of our own."""
    for line in (
        terminal(one_line(name)),
        terminal(str(DatasetError(f"{name} cannot be read"))),
        terminal(str(DatasetError(name))),
    ):
        assert not unseen(line)
        assert not COMMAND.search(line)
    lines = terminal(f"a\n  {one_line(name)}\n{name}")
    assert not unseen(lines, "\n")
    assert not COMMAND.search(lines)


@MANY
@given(NAMES)
def test_an_error_is_one_line_a_problem(name: str) -> None:
    """A name cannot add a line that looks like the harness's own."""
    assert "\n" not in str(DatasetError(f"a {name} b"))
    assert str(ManifestError(name, (name, name))).count("\n") == 2
    assert not unseen(str(ManifestError(name, (name,))), "\n")
    assert not unseen(str(UndecidedError(name)), "\n")


@MANY
@given(NAMES)
@example("".join(ATTACKS))
def test_nothing_in_markdown_is_alive(name: str) -> None:
    """A cell holds its text alone: no link, image, tag, emphasis, code or new cell."""
    reader = MarkdownIt("commonmark").enable("table")
    for cell in (markdown(name), markdown_code(name)):
        tokens = reader.parse(f"| a | b |\n|---|---|\n| {cell} | end |\n")
        cells = [
            t for t, before in zip(tokens[1:], tokens, strict=False) if before.type == "td_open"
        ]
        assert len(cells) == 2
        kinds = {child.type for child in cells[0].children or ()}
        assert kinds <= {"text", "code_inline", "html_inline"}
        tags = [child.content for child in cells[0].children or () if child.type == "html_inline"]
        assert set(tags) <= {"<!-- -->"}
        assert cells[1].content == "end"
        assert not re.search(r"(?<!\\)@(?!<!-- -->)|https?:(?!\\)//", cell) or cell.startswith("`")


@MANY
@given(NAMES)
def test_a_block_of_markdown_is_not_left(name: str) -> None:
    """Whatever backticks a name has, what follows the block is read as Markdown again."""
    tokens = MarkdownIt("commonmark").parse(f"{markdown_block(name)}\n\nafter\n")

    assert [token.type for token in tokens] == [
        "fence",
        "paragraph_open",
        "inline",
        "paragraph_close",
    ]
    assert not unseen(tokens[0].content, "\n")


@MANY
@given(NAMES)
def test_a_workflow_command_is_one_line(name: str) -> None:
    """Message and property keep their place, and come back when they are decoded."""
    line = f"::error title={workflow_property(name)}::{workflow_message(name)}"

    assert not unseen(line)
    found = re.fullmatch(r"::error title=([^:,]*)::(.*)", line)
    assert found is not None
    decoded = found[2].replace("%0A", "\n").replace("%25", "%")
    assert decoded == "\n".join(map(one_line, name.split("\n")))


@MANY
@given(NAMES.filter(lambda name: not any("\ud800" <= c <= "\udfff" for c in name)))
def test_toml_reads_its_own_strings_and_keys(name: str) -> None:
    """The text comes back, and a terminal may show the line."""
    line = f"{toml_key(name)} = {toml_string(name)}"

    assert tomllib.loads(line) == {name: name}
    assert not unseen(line)


@MANY
@given(st.lists(NAMES, min_size=1, max_size=3))
def test_a_spreadsheet_reads_texts_as_texts(names: list[str]) -> None:
    """As many cells as there were, on one line, none of which begins a formula."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n").writerow([csv_text(name) for name in names])
    (row,) = csv.reader(io.StringIO(stream.getvalue(), newline=""))

    assert [cell.removeprefix("'") for cell in row] == [
        one_line(name).removeprefix("'") for name in names
    ]
    for cell in row:
        assert not unseen(cell)
        assert cell.lstrip()[:1] not in set("=+-@\uff1d\uff0b\uff0d\uff20")


@MANY
@given(NAMES)
def test_html_holds_texts_as_texts(name: str) -> None:
    """No tag is opened, no attribute is left, and the text is the name that was given."""

    class Reader(HTMLParser):
        tags: list[str]
        text: str

    found = Reader(convert_charrefs=True)
    found.tags, found.text = [], ""
    found.handle_starttag = lambda tag, attrs: found.tags.append(f"{tag} {attrs}")  # type: ignore[method-assign]
    found.handle_data = lambda data: setattr(found, "text", found.text + data)  # type: ignore[method-assign]
    found.feed(f'<p title="{markup(name)}">{markup(name)}</p>')
    found.close()

    assert found.tags == [f"p {[('title', one_line(name))]}"]
    assert found.text == one_line(name)
