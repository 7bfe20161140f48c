"""Loads the harness as a pytest plugin; everything else is in harness/."""

pytest_plugins = ["harness.plugin"]
