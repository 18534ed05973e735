"""What tests do with a controller."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._netris.client import Client, Endpoint
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document_schema import parse_document
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.executor import Executor, Options
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.nouns.registry import ALL
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.observe import Observer
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.result import document_result, shown

Document = dict[str, Any]


class Site:
    """One controller, seen through the engine and past it."""

    def __init__(self, announced: dict[str, str]) -> None:
        self.endpoint = Endpoint(
            announced["NETRIS_URL"], announced["NETRIS_USERNAME"], announced["NETRIS_PASSWORD"], timeout=20
        )

    def client(self) -> Client:
        return Client(self.endpoint)

    def apply(self, document: Document, check: bool = False, **options: Any) -> dict[str, Any]:
        client = self.client()
        settings = {"wait_timeout": 20, "poll_interval": 0.1, **options}
        try:
            parsed = parse_document(copy.deepcopy(document), settings.get("purge", ()))
            outcome = Executor(client, parsed, Options(check_mode=check, **settings)).run()
            return {
                **document_result(parsed, outcome, check),
                "requests": client.requests.as_dict(),
                "warnings": outcome.warnings,
            }
        finally:
            client.close()

    def gather(self, *nouns: str) -> dict[str, list[dict[str, Any]]]:
        client = self.client()
        try:
            world = Observer(client, nouns).look()
            return {key: [shown(ALL[key], record, world) for record in world.all(key)] for key in nouns}
        finally:
            client.close()

    def knobs(self, **changes: Any) -> None:
        """Turn the laboratory's switches; the path is not an API path, so no envelope comes back."""
        client = self.client()
        client.get("/api/v2/sites")
        client._session.put(
            self.endpoint.url + "/lab/knobs",
            json=changes,
            headers={"Cookie": client._cookie},
            timeout=10,
        ).raise_for_status()
        client.close()


def tenant(
    name: str, dedicated: Sequence[str] = (), shared: Sequence[str] = ("shared1", "shared2", "shared3")
) -> Document:
    """Everything that one tenant cluster needs, as the fabric role writes it."""
    return {
        "vpcs": [{"name": name, "owner": "Admin"}],
        "lags": [lag("shared1", 1), lag("shared2", 3), lag("shared3", 5), lag("metal1", 7), lag("metal2", 9)],
        "server_cluster_templates": [template()],
        "server_clusters": [
            {
                "name": name,
                "site": "Default",
                "owner": "Admin",
                "vpc": name,
                "template": "tenant-nodes",
                "servers": [
                    *({"name": server, "shared": True} for server in shared),
                    *({"name": server} for server in dedicated),
                ],
            }
        ],
        "vnets": [
            {
                "server_cluster": name,
                "postfix": "nodes",
                "gateways": [{"dhcp": {"start_host": 1, "end_host": 1017}}],
            }
        ],
    }


def joined(*documents: Document) -> Document:
    """One document of several, each entry once."""
    result: Document = {}
    for document in documents:
        for key, entries in document.items():
            known = result.setdefault(key, [])
            known.extend(entry for entry in entries if entry not in known)
    return result


def absent(name: str) -> Document:
    return {
        "server_clusters": [{"name": name, "site": "Default", "state": "absent"}],
        "vpcs": [{"name": name, "state": "absent"}],
        "server_cluster_templates": [{"name": "tenant-nodes", "state": "absent", "if_unused": True}],
    }


def lag(server: str, first: int) -> dict[str, Any]:
    ports = [f"swp{first}", f"swp{first + 1}"]
    return {"switch": "leaf1", "ports": ports, "lacp": True, "description": server, "owner": "Admin"}


def template() -> dict[str, Any]:
    return {
        "name": "tenant-nodes",
        "vnets": [
            {
                "postfix": "nodes",
                "type": "l2vpn",
                "vlan": "untagged",
                "vlan_id": "auto",
                "server_nics": ["eth10", "eth9"],
                "ipv4_gateway": {
                    "assign_type": "auto",
                    "allocation": "192.168.64.0/18",
                    "child_subnet_prefix_length": 22,
                    "hostnum": 1022,
                },
                "ipv4_dhcp_enabled": True,
            }
        ],
    }


def operations(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(step["operation"], step["noun"], step["name"]) for step in result["plan"]]
