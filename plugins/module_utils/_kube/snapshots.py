"""Snapshots of a control plane's state, asked for as vCluster's own command line does it.

Pure. A request is a Secret with where to write and with what credentials, and a ConfigMap of the same name in which the
control plane tells how far it is. Source: vCluster's pkg/snapshot and loft-sh/api's pkg/snapshot, 0.36.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .errors import KubeError

Document = dict[str, Any]

REQUEST_LABEL = "vcluster.loft.sh/snapshot-request"
NAME_LABEL, NAMESPACE_LABEL = "vcluster.loft.sh/vcluster-name", "vcluster.loft.sh/vcluster-namespace"
OPTIONS_KEY, REQUEST_KEY = "snapshotOptions", "snapshotRequest"
COMPLETED = "Completed"
FAILED = ("PartiallyFailed", "Failed", "Canceled", "Deleted")

#: What each kind of store is told beyond its place: our name and vCluster's.
CREDENTIALS: dict[str, dict[str, str]] = {
    "s3": {
        "access_key_id": "access-key-id",
        "secret_access_key": "secret-access-key",
        "session_token": "session-token",
        "region": "region",
        "endpoint": "url",
        "path_style": "force-path-style",
        "ca_certificate": "ca-cert",
        "insecure": "insecure-skip-tls-verify",
        "kms_key": "kms-key-id",
    },
    "oci": {"username": "username", "password": "password"},
    "azure": {
        "sas": "sas",
        "storage_key": "storage-key",
        "tenant_id": "tenant-id",
        "client_id": "client-id",
        "client_secret": "client-secret",
        "subscription_id": "subscription-id",
        "resource_group": "resource-group",
    },
    "container": {},
}
SECRETS = ("secret_access_key", "session_token", "password", "sas", "storage_key", "client_secret")


class SnapshotError(KubeError):
    """A place or credentials that vCluster would refuse."""


def store_of(url: str) -> str:
    """s3, oci, azure or container; raises SnapshotError for what is none of them."""
    parts = urlsplit(url)
    if parts.query or parts.username or parts.password:
        raise SnapshotError(f"{parts.scheme}://{parts.hostname or ''}{parts.path}: no credentials or options in it")
    if parts.scheme == "s3" and parts.netloc and parts.path.strip("/"):
        return "s3"
    if parts.scheme == "oci" and parts.netloc and parts.path.strip("/"):
        return "oci"
    if parts.scheme == "https" and parts.netloc and parts.path.strip("/"):
        return "azure"
    if parts.scheme == "container" and not parts.netloc and parts.path.strip("/"):
        return "container"
    raise SnapshotError(
        f"'{url}' is none of s3://BUCKET/KEY, oci://REGISTRY/REPOSITORY, https://ACCOUNT.blob.core.windows.net/CONTAINER/BLOB"
        " and container:///PATH"
    )


def options(url: str, credentials: Mapping[str, Any]) -> Document:
    """Where the snapshot is, in vCluster's words."""
    store = store_of(url)
    known = CREDENTIALS[store]
    given = {key: value for key, value in credentials.items() if value not in (None, "", False)}
    strange = sorted(set(given) - set(known))
    if strange:
        told = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
        raise SnapshotError(f"{', '.join(strange)}: no credentials for {url}; {told}")
    details: Document = {known[key]: value for key, value in given.items()}
    parts = urlsplit(url)
    if store == "s3":
        details |= {"bucket": parts.netloc, "key": parts.path.lstrip("/")}
    elif store == "oci":
        details["repository"] = f"{parts.netloc}{parts.path}"
    elif store == "azure":
        details["blob-url"] = url
    else:
        details["path"] = parts.path
    return {"type": store, **{each: {} for each in ("s3", "container", "oci", "azure", "file")}, store: details}


def storage_options(url: str, credentials: Mapping[str, Any]) -> str:
    """The same as a process of vCluster's reads it from its environment."""
    return base64.b64encode(json.dumps(options(url, credentials), sort_keys=True).encode()).decode()


def _metadata(name: str, namespace: str, tenant: str) -> Document:
    labels = {NAMESPACE_LABEL: namespace, NAME_LABEL: tenant, REQUEST_LABEL: ""}
    return {"name": name, "namespace": namespace, "labels": labels}


def request_secret(name: str, namespace: str, tenant: str, url: str, credentials: Mapping[str, Any]) -> Document:
    text = json.dumps(options(url, credentials), sort_keys=True)
    metadata = _metadata(name, namespace, tenant)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {OPTIONS_KEY: text}}


def request_config_map(name: str, namespace: str, tenant: str, url: str, now: str) -> Document:
    """`now` in RFC 3339: of two requests for one place the newer wins."""
    text = json.dumps(
        {"metadata": {"name": name, "creationTimestamp": now}, "spec": {"url": url}, "status": {}}, sort_keys=True
    )
    metadata = _metadata(name, namespace, tenant)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {REQUEST_KEY: text}}


def request_of(config_map: Document) -> Document:
    """What the ConfigMap says; empty when it is no request."""
    try:
        found = json.loads((config_map.get("data") or {}).get(REQUEST_KEY) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def phase_of(request: Mapping[str, Any]) -> str:
    return str((request.get("status") or {}).get("phase") or "")


def error_of(request: Mapping[str, Any]) -> str:
    return str(((request.get("status") or {}).get("error") or {}).get("message") or "no reason given")


def unfinished(config_maps: list[Document], url: str) -> str | None:
    """The newest request for this place that is still being worked on."""
    open_ones = [
        (str((request.get("metadata") or {}).get("creationTimestamp") or ""), str(each["metadata"]["name"]))
        for each in config_maps
        if (request := request_of(each)).get("spec", {}).get("url") == url
        and phase_of(request) not in (COMPLETED, *FAILED)
        and not each["metadata"].get("deletionTimestamp")
    ]
    return max(open_ones)[1] if open_ones else None
