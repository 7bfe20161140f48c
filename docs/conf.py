"""How Sphinx builds the site from the pages of this folder: `tox -e docs`."""

from __future__ import annotations

import re
from pathlib import Path

project = "quantgate"
author = "the authors of quantgate"
copyright = "the authors of quantgate, Apache-2.0"  # noqa: A001 - Sphinx names it so
_code = (Path(__file__).parents[1] / "harness" / "quantgate" / "__init__.py").read_text("utf-8")
release = version = re.findall(r'__version__ = "(.+)"', _code)[0]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# What a reader copies from a transcript is the commands, without the prompt and without what they said.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
exclude_patterns = ["ci/**"]
nitpicky = True
# Types of other packages, and of this one where no page describes them.
nitpick_ignore_regex = [("py:.*", ".*")]
autodoc_typehints = "signature"

html_theme = "furo"
html_title = "quantgate"
html_show_sphinx = False
