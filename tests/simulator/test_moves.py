"""A server changes its tenant cluster: one document, both sides, against the controller."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._intent import Model, build_model
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document import (
    GATHER,
    membership_document,
    observe,
)

from .site import Site, joined, tenant

SHARED = ["shared1", "shared2", "shared3"]
METAL = ["metal1", "metal2", "metal3"]
WIDE: dict[str, Any] = {
    "fabric_tenant_supernet": "192.168.64.0/18",
    "fabric_host_cluster": {
        "name": "host",
        "gateway": "192.168.55.254/21",
        "api_endpoint": "192.168.55.253:6443",
        "kubeconfig": "/lab/host.kubeconfig",
    },
}


def model() -> Model:
    groups = {"tenant_clusters": ["blue", "green"], "shared_servers": SHARED, "bare_metal": METAL}
    return build_model({host: dict(WIDE) for hosts in groups.values() for host in hosts}, groups)


def move(site: Site, server: str, target: str, check: bool = False) -> dict[str, Any]:
    observed = observe(model(), site.gather(*GATHER))
    return site.apply(membership_document(model(), observed, server, target), check=check)


def members(site: Site) -> dict[str, list[str]]:
    return {
        each["name"]: sorted(server["name"] for server in each["servers"] if not server["shared"])
        for each in site.gather("servers", "server_clusters")["server_clusters"]
    }


def test_from_one_to_the_other_and_back(site: Site) -> None:
    site.apply(joined(tenant("blue", ["metal1", "metal3"]), tenant("green", ["metal2"])))
    planned = move(site, "metal1", "green", check=True)
    assert members(site) == {"blue": ["metal1", "metal3"], "green": ["metal2"]}
    done = move(site, "metal1", "green")
    assert done["plan"] == planned["plan"]
    assert members(site) == {"blue": ["metal3"], "green": ["metal1", "metal2"]}
    assert move(site, "metal1", "green")["changed"] is False
    shared = site.gather("servers", "server_clusters")["server_clusters"][0]["servers"]
    assert sum(server["shared"] for server in shared) == 3
    move(site, "metal1", "blue")
    assert members(site) == {"blue": ["metal1", "metal3"], "green": ["metal2"]}


def test_to_parking_and_out_of_it(site: Site) -> None:
    site.apply(joined(tenant("blue", ["metal1"]), tenant("green", ["metal2"])))
    move(site, "metal1", "")
    assert members(site) == {"blue": [], "green": ["metal2"]}
    assert move(site, "metal1", "")["changed"] is False
    move(site, "metal1", "green")
    assert members(site) == {"blue": [], "green": ["metal1", "metal2"]}


def test_each_write_leaves_the_other_servers_where_they_are(site: Site) -> None:
    """What was read before somebody else's move must not undo that move."""
    site.apply(joined(tenant("blue", ["metal1", "metal2", "metal3"]), tenant("green")))
    stale = observe(model(), site.gather(*GATHER))
    move(site, "metal3", "green")
    site.apply(membership_document(model(), stale, "metal1", "green"))
    assert members(site) == {"blue": ["metal2"], "green": ["metal1", "metal3"]}
