"""``python -m fabric_lab``."""

from __future__ import annotations

import sys

from fabric_lab.cli import main

sys.exit(main())
