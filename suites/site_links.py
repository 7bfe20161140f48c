"""Follow every link inside the built site, to its anchor: ``python -m suites.site_links SITE``.

Sphinx checks the links that it makes itself; those of raw HTML, of pictures and to what lies beside the site are followed here.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Example reports, whose own links are made by scripts.
_REPORT = "example-"


class _Page(HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where an element leads, and its name."""
        del tag
        for key, value in attrs:
            if value and key in {"href", "src"}:
                self.links.add(value)
            if value and key in {"id", "name"}:
                self.anchors.add(value)


def dead(site: Path) -> list[str]:
    """List links that lead nowhere, as ``page: link``."""
    pages: dict[Path, _Page] = {}
    for path in sorted(site.rglob("*.html")):
        if not path.relative_to(site).parts[0].startswith(_REPORT):
            pages[path.resolve()] = parsed = _Page()
            parsed.feed(path.read_text("utf-8"))
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            known = pages.get(target)
            if not target.is_file() or (known and anchor and anchor not in known.anchors):
                found.append(f"{path.relative_to(site.resolve())}: {link}")
    return found


if __name__ == "__main__":
    _dead = dead(Path(sys.argv[1]))
    sys.exit("\n".join(["links that lead nowhere:", *_dead]) if _dead else 0)
