"""What of a Kubernetes object counts as a difference, and what of it may be shown."""

from __future__ import annotations

import base64
import copy
from typing import Any

from . import yaml_text
from .client import Document

_SERVER_METADATA = (
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
# Written by controllers in step with what is compared anyway.
_CONTROLLER_ANNOTATIONS = (
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "kubectl.kubernetes.io/last-applied-configuration",
)
HIDDEN = "(hidden)"
HIDDEN_CHANGED = "(hidden, new value)"


def essence(document: Document | None) -> Document | None:
    """The part of an object that somebody declares, without what the server and controllers keep in it."""
    if document is None:
        return None
    kept = copy.deepcopy(document)
    kept.pop("status", None)
    metadata = kept.get("metadata") or {}
    for key in _SERVER_METADATA:
        metadata.pop(key, None)
    annotations = metadata.get("annotations") or {}
    for key in _CONTROLLER_ANNOTATIONS:
        annotations.pop(key, None)
    if not annotations:
        metadata.pop("annotations", None)
    return kept


def normalise(document: Document) -> Document:
    """A Secret's stringData is write-only: as data it can be compared with what the server returns."""
    if document.get("kind") != "Secret" or document.get("apiVersion") != "v1" or not document.get("stringData"):
        return document
    kept = copy.deepcopy(document)
    encoded = {
        key: base64.b64encode(str(value).encode("utf-8")).decode("ascii")
        for key, value in kept.pop("stringData").items()
    }
    kept["data"] = {**(kept.get("data") or {}), **encoded}
    return kept


def presentable(before: Document | None, after: Document | None) -> tuple[Document | None, Document | None]:
    """The essence of both with the values of Secrets hidden, yet so that a changed value shows as changed."""
    old, new = essence(before), essence(after)
    for document in (old, new):
        if document is None or document.get("kind") != "Secret":
            continue
        for field in ("data", "stringData"):
            values = document.get(field)
            if not isinstance(values, dict):
                continue
            previous: dict[str, Any] = ((before or {}).get(field) or {}) if document is new else {}
            document[field] = {
                key: HIDDEN_CHANGED if key in previous and previous[key] != value else HIDDEN
                for key, value in values.items()
            }
    return old, new


def masked(document: Any) -> Any:
    """A copy fit for logs and results, whatever was handed in."""
    if not isinstance(document, dict) or document.get("kind") != "Secret":
        return document
    return {
        key: dict.fromkeys(value, HIDDEN) if key in ("data", "stringData") and isinstance(value, dict) else value
        for key, value in document.items()
    }


def as_text(document: Document | None) -> str:
    if document is None:
        return ""
    return yaml_text.readable(document)
