"""``python -m fabric_lab.supervisor SOCKET OWNER``: started by `up`, not by people."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fabric_lab.supervisor.daemon import run

asyncio.run(run(Path(sys.argv[1]), sys.argv[2]))
