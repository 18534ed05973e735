"""CRDs and values schemas of real software, which are not part of this repository.

They are in the folder that FABRIC_SCHEMAS names, by default `shared/schemas` beside the checkout. A test that needs one
is skipped where it is not there, except in CI, which must have them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DIRECTORY = Path(os.environ.get("FABRIC_SCHEMAS") or Path(__file__).parents[3] / "shared" / "schemas")


def find(pattern: str) -> Path:
    """The file of this name; of several that match, the first."""
    found = sorted(DIRECTORY.glob(pattern))
    if not found:
        reason = f"no {pattern} in {DIRECTORY}; set FABRIC_SCHEMAS to the folder of the schemas"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found[0]
