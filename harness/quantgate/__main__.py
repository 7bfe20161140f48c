"""``python -m quantgate`` is ``quantgate``."""

import sys

from quantgate.cli import main

sys.exit(main())
