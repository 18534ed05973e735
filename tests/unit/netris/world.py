"""A world as a controller would show it, without a controller: readings in wire form go in, records come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document_schema import parse_document
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.noun import Document
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.observe import Observer, nouns_of
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.reconcile import Plan, make_plan

MARK = "managed-by=baremetal.fabric"
ADMIN = {"id": 1, "name": "Admin"}
DEFAULT = {"id": 1, "name": "Default"}


class Lists:
    """What each list answers; counts how often it is asked."""

    def __init__(self, **lists: Sequence[Mapping[str, Any]]) -> None:
        self.asked: list[str] = []
        self._lists: dict[str, list[dict[str, Any]]] = {
            "/api/tenants": [dict(ADMIN)],
            "/api/v2/sites": [{"id": 1, "name": "Default", "vlanRange": "2-4094"}],
            "/api/v2/vpc": [{"id": 1, "name": "VPC-1", "isDefault": True, "adminTenant": ADMIN, "tags": []}],
        }
        for name, items in lists.items():
            path = PATHS[name]
            self._lists[path] = [*self._lists.get(path, []), *(dict(item) for item in items)]

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ARG002
        raise AssertionError(f"a plan reads lists only, not {path}")

    def get_list(self, path: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        self.asked.append(path)
        found = self._lists.get(path, [])
        if params and "filterByVpc" in params:
            found = [item for item in found if (item.get("vpc") or {}).get("id") == params["filterByVpc"]]
        return found


PATHS = {
    "vpcs": "/api/v2/vpc",
    "hardware": "/api/v2/hw",
    "ports": "/api/v2/ports",
    "links": "/api/v2/link",
    "subnets": "/api/v2/ipam/subnets",
    "allocations": "/api/v2/ipam",
    "templates": "/api/v2/server-cluster-template",
    "clusters": "/api/v2/server-cluster",
    "vnets": "/api/v2/vnet",
    "option_sets": "/api/v2/dhcp-option-set",
    "nats": "/api/v2/nat",
    "vpc_peerings": "/api/v2/vpc-peering",
}


def server(ident: int, name: str) -> dict[str, Any]:
    return {"id": ident, "name": name, "type": "server", "site": DEFAULT, "tenant": ADMIN, "portCount": 2, "tags": []}


def rack(*names: str) -> dict[str, list[dict[str, Any]]]:
    """Servers with eth9 linked to a port each."""
    return {
        "hardware": [server(100 + number, name) for number, name in enumerate(names)],
        "links": [
            {"id": number + 1, "local": {"name": f"eth9@{name}"}, "remote": {"name": f"swp{number + 1}@leaf1"}}
            for number, name in enumerate(names)
        ],
    }


def template(ident: int = 7, name: str = "t") -> dict[str, Any]:
    vnet = {"id": 1, "postfix": "nodes", "type": "l2vpn", "vlan": "untagged", "vlanID": "auto", "serverNics": ["eth9"]}
    return {"id": ident, "name": name, "vnets": [vnet]}


def cluster(
    ident: int, name: str, *members: Mapping[str, Any], vnets: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    return {
        "id": ident,
        "name": name,
        "admin": ADMIN,
        "site": DEFAULT,
        "vpc": {"id": 1, "name": "VPC-1"},
        "srvClusterTemplate": {"id": 7, "name": "t"},
        "tags": [MARK],
        "servers": list(members),
        "status": {"label": "Active", "value": "success"},
        "resources": {"vnets": list(vnets)},
    }


def member(ident: int, shared: bool = False) -> dict[str, Any]:
    return {"id": ident, "name": "", "shared": shared}


def wanted(name: str, *servers: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "site": "Default",
        "owner": "Admin",
        "vpc": "VPC-1",
        "template": "t",
        "servers": [{"name": each} for each in servers],
        **more,
    }


def plan(raw: Mapping[str, Any], lists: Lists, purge: Sequence[str] = ()) -> Plan:
    document: Document = parse_document(raw, purge)
    return make_plan(document, Observer(lists, nouns_of(document, purge), document).look(), purge)


def steps(found: Plan) -> list[tuple[str, str]]:
    return [(action.operation, action.name) for action in found.actions]
