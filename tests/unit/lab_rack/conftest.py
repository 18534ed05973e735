"""The agent is no package of the collection: it is found by its own directory, as on the switch."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lab" / "agent"))
