"""``python -m harness`` is ``quantgate``."""

import sys

from harness.cli import main

sys.exit(main())
