"""The layer between AnsibleModule and the rest of the room: options, connection, failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from . import client, compare
from .client import Cluster
from .errors import KubeError, Unreachable, WaitTimeout
from .tenant_api import Access, open_tenant, read_access


def host_options() -> dict[str, Any]:
    """For modules that are about the host cluster and nothing else."""
    return {
        "kubeconfig": {"type": "path", "required": True, "fallback": (env_fallback, ["K8S_AUTH_KUBECONFIG"])},
        "context": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_CONTEXT"])},
    }


def forbidden_options() -> dict[str, Any]:
    """For modules that look at more than the namespaces of one tenant cluster."""
    return {"allow_forbidden": {"type": "bool", "default": False}}


def control_plane_options() -> dict[str, Any]:
    """For modules that are about one control plane in the host cluster."""
    return {**host_options(), "name": {"type": "str", "required": True}, "namespace": {"type": "str"}}


def connection_options() -> dict[str, Any]:
    return {
        **host_options(),
        "tenant": {
            "type": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "namespace": {"type": "str"},
                "server_name": {"type": "str"},
                "backend": {"type": "str", "choices": ["vcluster", "kamaji"], "default": "vcluster"},
            },
        },
    }


def open_cluster(params: dict[str, Any]) -> Cluster:
    """The host cluster or, with the option `tenant`, a tenant cluster through it."""
    host = client.connect(params["kubeconfig"], params.get("context"))
    tenant = params.get("tenant")
    if not tenant:
        return host
    return enter_tenant(host, tenant)


def tenant_access(host: Cluster, tenant: dict[str, Any]) -> Access:
    """What the Secret of the option `tenant` holds."""
    return read_access(host, tenant["name"], tenant.get("namespace"), tenant.get("backend"))


def enter_tenant(host: Cluster, tenant: dict[str, Any], access: Access | None = None) -> Cluster:
    """The tenant cluster of the option `tenant`; `access` spares a request to whoever has read it already."""
    name, namespace, server_name = tenant["name"], tenant.get("namespace"), tenant.get("server_name")
    return open_tenant(host, name, namespace, server_name, access, tenant.get("backend"))


class Call(Protocol):
    """What a module's work knows of its task: of AnsibleModule, or of the action plugin that stands in for it."""

    @property
    def params(self) -> dict[str, Any]: ...

    @property
    def check_mode(self) -> bool: ...


Work = Callable[[Call], dict[str, Any]]


def outcome(call: Call, work: Work) -> dict[str, Any]:
    """What a module's work returns; what goes wrong becomes one clear failure."""
    if client.IMPORT_ERROR:
        return {"failed": True, "msg": missing_required_lib("kubernetes"), "exception": client.IMPORT_ERROR}
    try:
        return work(call)
    except WaitTimeout as error:
        return {"failed": True, "msg": error.message, "timed_out": True, **error.result}
    except KubeError as error:
        return {"failed": True, "msg": error.message, "status": error.status, "reason": error.reason}


def run(module: AnsibleModule, work: Work) -> None:
    """Runs a module's work as a program."""
    result = outcome(module, work)
    hide_secrets(module)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def hide_secrets(module: AnsibleModule) -> None:
    """Results carry the module's arguments along; the values of Secrets must not travel with them."""
    objects = module.params.get("objects")
    if isinstance(objects, list):
        module.params["objects"] = [compare.masked(document) for document in objects]


def unless_missing(
    work: Callable[[], dict[str, Any]],
    module: Call,
    plan: Callable[[str], dict[str, Any]],
) -> dict[str, Any]:
    """In check mode a cluster that is still to be made is no failure: `plan` says what would be done."""
    try:
        return work()
    except Unreachable as error:
        if not module.check_mode:
            raise
        return plan(error.message)
