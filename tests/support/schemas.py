"""CRDs and values schemas of real software, which are not part of this repository.

They are in the folder that FABRIC_SCHEMAS names, by default `shared/schemas` beside the checkout. A test that needs one
is skipped where it is not there, except in CI, which must have them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from fabric_lab.state import schemas_dir

DIRECTORY = schemas_dir()


def find(pattern: str) -> Path:
    """The file of this name; of several that match, the first."""
    found = sorted(DIRECTORY.glob(pattern))
    if not found:
        reason = f"no {pattern} in {DIRECTORY}; set FABRIC_SCHEMAS to the folder of the schemas"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found[0]


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A CRD's schema in which a misspelt field is a mistake, as it is for an API server that is asked to be strict."""
    result = {
        key: closed(each) if isinstance(each, dict) else each for key, each in schema.items() if key != "properties"
    }
    if "properties" in schema:
        result["properties"] = {key: closed(each) for key, each in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            result["additionalProperties"] = False
    return result
