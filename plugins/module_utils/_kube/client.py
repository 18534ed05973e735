"""One connection to one Kubernetes API, reduced to the few verbs that the rest of the room needs."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .errors import KubeError, UnknownKind, Unreachable

try:
    import urllib3
    from kubernetes import client as kube_client
    from kubernetes import config as kube_config
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic import DynamicClient
    from kubernetes.dynamic.exceptions import DynamicApiError

    IMPORT_ERROR: str | None = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

Document = dict[str, Any]

#: Seconds to connect (TLS included, which takes a loaded server its time), seconds to read.
#: A request that outlives this is retried by urllib3 or reported.
REQUEST_TIMEOUT = (20.0, 60.0)


class _NoDiscovery:
    """Stands in for the library's discoverer, whose cache is a guessable file in the shared temp directory."""

    def __init__(self, client: Any, cache_file: Any) -> None:
        pass


class Cluster:
    """The API of one cluster. Kinds are discovered on first use, one request per group version, and kept in memory."""

    def __init__(self, api_client: Any) -> None:
        self.api_client = api_client
        self._dynamic = DynamicClient(api_client, discoverer=_NoDiscovery)
        self._kinds: dict[str, dict[str, Document]] = {}
        self._closers: list[Callable[[], None]] = []

    @property
    def host(self) -> str:
        return str(self.api_client.configuration.host)

    def on_close(self, closer: Callable[[], None]) -> None:
        """Whatever carries this connection (a tunnel, key files) ends with it."""
        self._closers.append(closer)

    def close(self) -> None:
        while self._closers:
            self._closers.pop()()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # -- discovery ---------------------------------------------------------------------------------------------

    def forget_kinds(self) -> None:
        self._kinds.clear()

    def _resources(self, api_version: str) -> dict[str, Document]:
        if api_version not in self._kinds:
            base = "/api/v1" if api_version == "v1" else f"/apis/{api_version}"
            try:
                listing = self.request("get", base)
            except KubeError as error:
                if error.status != 404:
                    raise
                return {}  # not remembered: a CRD of this very group may be on its way
            self._kinds[api_version] = {
                entry["kind"]: {**entry, "base": base}
                for entry in listing.get("resources") or []
                if "/" not in entry["name"]
            }
        return self._kinds[api_version]

    def resource(self, api_version: str, kind: str) -> Document:
        """The plural, scope and base path of a kind."""
        found = self._resources(api_version).get(kind)
        if found is None:
            self._kinds.pop(api_version, None)  # look again next time
            raise UnknownKind(api_version, kind)
        return found

    def serves(self, api_version: str, kind: str) -> bool:
        try:
            self.resource(api_version, kind)
        except UnknownKind:
            return False
        return True

    def path(self, api_version: str, kind: str, name: str | None = None, namespace: str | None = None) -> str:
        resource = self.resource(api_version, kind)
        parts = [resource["base"]]
        if resource["namespaced"] and namespace:
            parts += ["namespaces", namespace]
        parts.append(resource["name"])
        if name:
            parts.append(name)
        return "/".join(parts)

    # -- verbs -------------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        params.setdefault("_request_timeout", REQUEST_TIMEOUT)
        try:
            response = self._dynamic.request(method, path, body=body, serialize=False, **params)
            raw = response.data.decode("utf-8")
        except (DynamicApiError, ApiException) as error:
            raise _refused(method, path, error) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"cannot reach the Kubernetes API at {self.host}: {_root_cause(error)}") from error
        try:
            return json.loads(raw)
        except ValueError:
            return raw

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Document | None:
        try:
            found: Document = self.request("get", self.path(api_version, kind, name, namespace))
        except KubeError as error:
            if error.status == 404 and not isinstance(error, UnknownKind):
                return None
            raise
        return found

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
    ) -> list[Document]:
        """All objects of a kind in a namespace (or everywhere), following the API's pages."""
        path = self.path(api_version, kind, None, namespace)
        items: list[Document] = []
        token: str | None = None
        while True:
            page = self.request("get", path, label_selector=labels, field_selector=fields, limit=500, _continue=token)
            for item in page.get("items") or []:
                item.setdefault("apiVersion", api_version)  # a list leaves both out of its items
                item.setdefault("kind", kind)
                items.append(item)
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return items

    def apply(self, document: Document, *, manager: str, force: bool = True, dry_run: bool = False) -> Document:
        """Server-side apply: the API merges, defaults and validates, in a dry run as well."""
        metadata = document["metadata"]
        path = self.path(document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace"))
        applied: Document = self.request(
            "patch",
            path,
            body=document,
            content_type="application/apply-patch+yaml",
            field_manager=manager,
            force_conflicts=force,
            dry_run="All" if dry_run else None,
        )
        return applied

    def create(self, document: Document, *, dry_run: bool = False) -> Document:
        path = self.path(document["apiVersion"], document["kind"], None, document["metadata"].get("namespace"))
        created: Document = self.request("post", path, body=document, dry_run="All" if dry_run else None)
        return created

    def merge(
        self,
        api_version: str,
        kind: str,
        name: str,
        patch: Document,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
    ) -> Document:
        merged: Document = self.request(
            "patch",
            self.path(api_version, kind, name, namespace),
            body=patch,
            content_type="application/merge-patch+json",
            dry_run="All" if dry_run else None,
        )
        return merged

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        propagation: str = "Foreground",
        grace: int | None = None,
        dry_run: bool = False,
        uid: str | None = None,
    ) -> bool:
        """False if there was nothing to delete. With `uid`, only that very object goes, not a namesake made since."""
        options: Document = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if dry_run:
            options["dryRun"] = ["All"]
        try:
            self.request("delete", self.path(api_version, kind, name, namespace), body=options)
        except KubeError as error:
            if error.status == 404:
                return False
            raise
        return True

    def log_tail(self, pod: str, namespace: str, container: str, lines: int, *, previous: bool = False) -> str:
        """The last lines of a container's log, or why there are none: it serves error messages, so it never raises."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        query = [("container", container), ("tailLines", str(lines))] + ([("previous", "true")] if previous else [])
        try:
            text = self.request("get", path, query_params=query, header_params={"Accept": "*/*"})
        except KubeError as error:
            return f"(no log: {error.message})"
        return str(text).rstrip()


def connect(kubeconfig: str, context: str | None = None) -> Cluster:
    """A connection by kubeconfig file; only the named file is read and it is never written to."""
    if not Path(kubeconfig).is_file():
        raise Unreachable(f"there is no kubeconfig file {kubeconfig}")
    configuration = new_configuration()
    try:
        kube_config.load_kube_config(
            config_file=kubeconfig, context=context, client_configuration=configuration, persist_config=False
        )
    except (kube_config.ConfigException, ValueError, OSError, TypeError, AttributeError) as error:
        raise KubeError(f"kubeconfig {kubeconfig} cannot be used: {error}") from error
    return Cluster(kube_client.ApiClient(configuration))


def connect_by_token(address: str, token: str, ca_path: str | None, validate_certs: bool) -> Cluster:
    """A connection without a kubeconfig; where there is no CA file the machine's own authorities are trusted."""
    configuration = new_configuration()
    configuration.host = address
    configuration.api_key = {"authorization": token}
    configuration.api_key_prefix = {"authorization": "Bearer"}
    configuration.ssl_ca_cert = ca_path
    configuration.verify_ssl = validate_certs
    return Cluster(kube_client.ApiClient(configuration))


def new_configuration() -> Any:
    """Client settings of ours: patient with an API server that restarts, quiet about certificates of its own."""
    configuration = kube_client.Configuration()
    # Methods that may be sent twice without harm. Server-side apply is one of them although it travels as PATCH.
    configuration.retries = urllib3.util.Retry(
        total=5,
        connect=3,
        read=2,
        status=4,
        other=0,
        backoff_factor=0.4,
        raise_on_status=False,
        status_forcelist=(429, 503),
        allowed_methods=frozenset({"GET", "PATCH", "PUT", "DELETE"}),
    )
    return configuration


def _root_cause(error: BaseException) -> str:
    """urllib3 wraps the reason several times; users need the innermost."""
    reason: Any = getattr(error, "reason", None)
    while isinstance(reason, BaseException):
        error, reason = reason, getattr(reason, "reason", None)
    text = str(error)
    # Some begin with the repr of a connection object, which tells nobody anything.
    return text.split("object at 0x", 1)[-1].split(": ", 1)[-1] if "object at 0x" in text else text


def _refused(method: str, path: str, error: Any) -> KubeError:
    body = getattr(error, "body", None)
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    status = int(getattr(error, "status", 0) or 0)
    try:
        details = json.loads(body or "")
        message = str(details.get("message") or error.reason)
        reason = str(details.get("reason") or "")
    except (ValueError, AttributeError):
        message, reason = str(body or error.reason or error), ""
    return KubeError(f"{message.strip()} (HTTP {status}, {method.upper()} {path})", status=status, reason=reason)


def label_selector(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def describe(document: Document) -> str:
    """How messages name an object: kind, namespace, name."""
    metadata = document.get("metadata") or {}
    namespace = metadata.get("namespace")
    return f"{document.get('kind')} {namespace + '/' if namespace else ''}{metadata.get('name')}"


def names(documents: Iterable[Document]) -> list[str]:
    return [describe(document) for document in documents]
