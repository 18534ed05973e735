"""CRDs and values schemas of real software, which are not part of this repository.

They are in the folder that FABRIC_SCHEMAS names, by default `shared/schemas` beside the checkout. A test that needs one
is skipped where it is not there, except in CI, which must have them.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
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


@functools.cache
def document(pattern: str) -> Any:
    """What the file says; not to be changed, the next test gets the same."""
    return yaml.load(find(pattern).read_text(), yaml.CSafeLoader)


@functools.cache
def spec_validator(pattern: str, version: str | None = None) -> jsonschema.Draft202012Validator:
    """Of the specs that a CRD takes, in this version or its only one."""
    versions = {each["name"]: each["schema"] for each in document(pattern)["spec"]["versions"]}
    (schema,) = [versions[version]] if version else versions.values()
    return jsonschema.Draft202012Validator(closed(schema["openAPIV3Schema"]["properties"]["spec"]))


def closed(schema: Any) -> Any:
    """A CRD's schema in which a misspelt field is a mistake, as it is for an API server that is asked to be strict."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(each) for key, each in schema.items()}
    if "properties" in schema and not {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & set(schema):
        result["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
    return result
