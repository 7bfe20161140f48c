"""What the package needs of Python versions and systems that the tests do not run on."""

from __future__ import annotations

import subprocess
import sys

# Modules of Python's library that Windows has not.
WITHOUT = """
import builtins, importlib, pkgutil

absent = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
found = builtins.__import__

def import_as_on_windows(name, globals=None, locals=None, fromlist=(), level=0):
    caller = (globals or {}).get("__name__", "")
    if caller.split(".")[0] in {"quantgate", "planted"} and name.split(".")[0] in absent:
        raise ModuleNotFoundError(f"No module named {name!r}: imported by {caller}")
    return found(name, globals, locals, fromlist, level)

builtins.__import__ = import_as_on_windows
"""
EVERY = """
import quantgate

names = [
    module.name
    for module in pkgutil.walk_packages(quantgate.__path__, "quantgate.")
    # predict.py is a script that packages carry, with modules of its own beside it.
    if not module.name.endswith(("__main__", "package.predict"))
]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
PLANTED = """
exec(compile("import fcntl", "planted", "exec"), {"__name__": "planted"})
"""


def python(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_no_module_needs_posix_to_be_imported() -> None:
    """Every module of the package can be imported where Python has no POSIX modules."""
    done = python(WITHOUT + EVERY)

    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout.split()[-1]) > 200


def test_a_posix_module_would_be_noticed() -> None:
    """The check above refuses an import of fcntl."""
    done = python(WITHOUT + PLANTED)

    assert done.returncode != 0
    assert "No module named 'fcntl': imported by planted" in done.stderr
