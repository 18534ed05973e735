"""vCluster Platform's management API, which is a Kubernetes API, and what may be done with an object of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._vcluster import immutable, shown
from .._vcluster.paths import at
from . import compare, yaml_text
from .client import Cluster, Document, connect_by_token, describe
from .documents.common import TENANT_LABEL, merge
from .errors import KubeError

VALUES = "spec.template.helmRelease.values"
#: By which the Platform refuses to delete an object.
KEPT = "loft.sh/non-deletable"


def connect(host: str, api_path: str, access_key: str, ca_path: str | None, validate_certs: bool) -> Cluster:
    """A connection with an access key of the Platform's; without a CA of its own, the machine's are trusted."""
    parts = urlsplit(host if "://" in host else f"https://{host}")
    if parts.scheme != "https" or not parts.netloc:
        raise KubeError(f"host: '{host}' is no https:// address, and an access key is not sent over anything else")
    if ca_path and not Path(ca_path).is_file():
        raise KubeError(f"ca_path: there is no file {ca_path}")
    address = f"https://{parts.netloc}{parts.path.rstrip('/')}{api_path.rstrip('/')}"
    return connect_by_token(address, access_key, ca_path or None, validate_certs)


def refusals(found: Document, wanted: Document) -> Iterator[str]:
    """Why the object that is there cannot become the one that is wanted: one sentence each."""
    yield from _not_ours(found)
    spec = found.get("spec") or {}
    if spec.get("external"):
        yield "it is only registered there (spec.external) and was made by Helm: set tenant_cluster_way to helm or cli"
    if spec.get("templateRef"):
        yield "it was made from a template of the Platform's (spec.templateRef), which has the say over its values"
    for path in ("clusterRef.cluster", "clusterRef.namespace", "template.helmRelease.chart.name"):
        old, new = at(spec, path), at(wanted["spec"], path)
        if old and old != new:
            yield f"spec.{path} is {old} and cannot become {new}"
    values = values_of(found)
    if isinstance(values, dict):
        yield from immutable.refused(immutable.kept(values), values_of(wanted) or {})


def removal_refusals(found: Document) -> Iterator[str]:
    yield from _not_ours(found)
    if str(((found.get("metadata") or {}).get("annotations") or {}).get(KEPT)).lower() == "true":
        yield f"it is protected by the annotation {KEPT}: take that off first"


def _not_ours(found: Document) -> Iterator[str]:
    name = found["metadata"]["name"]
    if ((found.get("metadata") or {}).get("labels") or {}).get(TENANT_LABEL) != name:
        yield f"somebody else has made it: label it {TENANT_LABEL}={name} to hand it over"


def values_of(document: Document) -> Any:
    """The chart's values of an object; text that is no YAML as it is."""
    text = at(document, VALUES)
    try:
        return yaml_text.load(text) or {} if isinstance(text, str) else {}
    except ValueError:
        return text


def patch(found: Document, wanted: Document) -> Document:
    """What has to be merged into the object so that it is as wanted; what others have set besides stays."""
    change = _difference(found, {key: wanted[key] for key in ("metadata", "spec")})
    if owner := at(change, "spec.owner"):
        # A user or a team: the one that it was before does not stay beside the other.
        former = at(found, "spec.owner") or {}
        owner.update({key: None for key in ("user", "team") if former.get(key) and key not in wanted["spec"]["owner"]})
    if at(change, VALUES) is not None and values_of(found) == values_of(wanted):
        release = change["spec"]["template"]["helmRelease"]
        del release["values"]
        change = _pruned(change)
    return change


def _difference(old: Any, new: Document) -> Document:
    change: Document = {}
    for key, value in new.items():
        before = old.get(key) if isinstance(old, dict) else None
        if isinstance(value, dict):
            if inner := _difference(before, value):
                change[key] = inner
        elif before != value:
            change[key] = value
    return change


def _pruned(change: Document) -> Document:
    kept: Document = {}
    for key, value in change.items():
        each = _pruned(value) if isinstance(value, dict) else value
        if each != {}:
            kept[key] = each
    return kept


def touches_release(change: Document) -> bool:
    """Whether a patch has the Platform deploy the chart anew."""
    return bool(at(change, "spec.template.helmRelease"))


def deploy_hash(document: Document) -> str:
    return str((document.get("status") or {}).get("deployHash") or "")


def diff(found: Document | None, after: Document | None) -> dict[str, str]:
    """Both sides for a person: the values as what they are, and without secrets."""
    title = describe(after or found or {})
    former = values_of(found) if found else None
    texts = []
    for document, before in ((found, None), (after, former)):
        essence = compare.essence(document)
        if essence is not None:
            values = values_of(essence)
            if isinstance(values, dict):
                essence["spec"]["template"]["helmRelease"]["values"] = shown.hidden(values, before)
        texts.append(compare.as_text(essence))
    return {"before_header": title, "after_header": title, "before": texts[0], "after": texts[1]}


def merged(found: Document, change: Document) -> Document:
    return merge(copy.deepcopy(found), change)
