"""The chart's schemas, by release."""

from __future__ import annotations

import functools
import json
from typing import Any

import jsonschema

from tests.support import schemas

RELEASES = ("0.30", "0.32", "0.33", "0.34", "0.35", "0.36", "0.37")


@functools.cache
def schema_of(release: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schemas.find(f"vcluster-values-v{release}.*.schema.json").read_text())
    return loaded


@functools.cache
def validator_of(release: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema_of(release))
