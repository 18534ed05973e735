# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""What an entry may say in terms of a server cluster's subnet, which only the controller knows."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from ..errors import Mistake
from ..model import Entry, Reference, World
from ..options import Option, not_blank, text
from .server_cluster import made_vnets, match_postfix, vnet_facts

CLUSTER_OPTIONS: dict[str, Option] = {
    "server_cluster": text(check=not_blank),
    "postfix": text(check=not_blank),
}


def cluster_subnet(entry: Entry, world: World) -> IPv4Network | None:
    """The IPv4 subnet of the V-Net that the entry names by server cluster and postfix; None until it can be seen."""
    cluster = world.by_name("server_clusters", str(entry.raw.get("server_cluster")))
    postfix = str(entry.raw.get("postfix"))
    if cluster is None:
        return None
    for item in made_vnets(cluster):
        vnet = world.by_id("vnets", int(item["id"]))
        if vnet is not None and match_postfix(str(item.get("name")), str(cluster.value["name"]), [postfix]) == postfix:
            subnet = vnet_facts(vnet)["subnet"]
            return IPv4Network(subnet) if subnet else None
    return None


def check_cluster(entry: Entry) -> Iterator[Mistake]:
    """The two options make sense together only."""
    if ("server_cluster" in entry.raw) != ("postfix" in entry.raw):
        missing = "postfix" if "server_cluster" in entry.raw else "server_cluster"
        yield Mistake(f"{entry.path}.{missing}", "is required: server_cluster and postfix name a V-Net together")


def cluster_reference(entry: Entry) -> Iterator[Reference]:
    if "server_cluster" in entry.raw:
        yield Reference("server_clusters", entry.raw["server_cluster"], "server_cluster")


def awaited_subnet(entry: Entry, world: World) -> str:
    """Why an entry that needs the subnet has to wait; empty when it is known."""
    cluster = entry.raw.get("server_cluster")
    if cluster is None or cluster_subnet(entry, world) is not None:
        return ""
    return f"once the subnet of the server cluster {cluster!r} is known"
