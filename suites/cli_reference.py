"""The reference of the command line, made from its parser: ``python -m suites.cli_reference`` writes it anew."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.cli import VERBS
from quantgate.commands import gate

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
_HEAD = """# The command line

Every verb with its arguments, as `quantgate VERB --help` tells them. The exit status is 0 where all went well, 1 where something failed,
4 where the command line or the manifest is wrong. `quantgate completion` completes all this in a shell.
"""


def reference() -> str:
    """Write the page."""
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers()
    for verb in VERBS:
        verb.add(verbs)
    said = {action.dest: action.help for action in verbs._choices_actions}
    parts = [_HEAD]
    for name, own in verbs.choices.items():
        parts.append(f"\n## quantgate {name}\n\n{_sentence(said[name])}\n")
        parts += _rows(own)
    return "".join(parts)


def _rows(parser: Any) -> Iterator[str]:
    """Yield a list of arguments; verbs of their own below each other; what gate hands to pytest as it is."""
    actions = [one for one in parser._actions if not isinstance(one, argparse._HelpAction)]
    plain = [one for one in actions if not isinstance(one, argparse._SubParsersAction)]
    yield "\n" * bool(plain) + "".join(f"- {_written(one)}: {_help(one)}\n" for one in plain)
    for group in actions:
        if isinstance(group, argparse._SubParsersAction):
            told = {choice.dest: choice.help for choice in group._choices_actions}
            for name, own in group.choices.items():
                yield f"\n### {name}\n\n{_sentence(told.get(name))}\n"
                yield from _rows(own)
    if "--shard" in (parser.epilog or ""):
        yield f"\n```text\n{gate._OPTIONS}```\n"


def _written(action: Any) -> str:
    if not action.option_strings:
        name = action.metavar or action.dest
        return f"`{name}{' …' if action.nargs in {'+', '*'} else ''}`"
    value = action.metavar or (
        "|".join(map(str, action.choices)) if action.choices else action.dest.upper()
    )
    return f"`{', '.join(action.option_strings)}{f' {value}' if action.nargs != 0 else ''}`"


def _help(action: Any) -> str:
    text = (action.help or "").replace("%(default)s", str(action.default))
    return " ".join(text.split()).replace("|", "\\|")


def _sentence(said: str | None) -> str:
    text = " ".join((said or "").split())
    return f"{text[:1].upper()}{text[1:]}." if text else ""


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
