# SPDX-License-Identifier: Apache-2.0
"""Names: what Kubernetes and Linux allow, and the names that follow from a tenant cluster's."""

from __future__ import annotations

import re

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
DNS_LABEL_LENGTH = 63
# Helm refuses longer release names; the release is named as the tenant cluster.
HELM_RELEASE_LENGTH = 53
# A StatefulSet's pods carry the label "<name>-<revision hash of 10>", which is a label value of at most 63.
STATEFUL_SET_LENGTH = 52
# What runs a tenant cluster's control plane.
VCLUSTER = "vcluster"
KAMAJI = "kamaji"
# IFNAMSIZ without its closing zero byte.
INTERFACE_LENGTH = 15
# No VLAN id is longer than this one.
WORST_VLAN_ID = 4094


def dns_label_mistake(name: str) -> str | None:
    """Why `name` is not a DNS-1123 label, or None when it is one."""
    if not DNS_LABEL.fullmatch(name):
        return (
            f"'{name}' is not a valid name: use lower-case letters, digits and '-', beginning and ending with a letter"
            " or digit (DNS-1123)"
        )
    if len(name) > DNS_LABEL_LENGTH:
        return f"'{name}' has {len(name)} characters, at most {DNS_LABEL_LENGTH} are allowed (DNS-1123)"
    return None


def interface_mistake(name: str) -> str | None:
    """Why `name` cannot be the name of a network interface, or None when it can."""
    if not name or re.search(r"[\s/:%]", name) or name in (".", ".."):
        return f"'{name}' cannot be the name of a network interface"
    if len(name) > INTERFACE_LENGTH:
        return f"interface name '{name}' has {len(name)} characters, Linux allows {INTERFACE_LENGTH}"
    return None


def vlan_interface(bond: str, vlan_id: int) -> str:
    return f"{bond}.{vlan_id}"


def bridge(vlan_id: int) -> str:
    return f"br-vlan-{vlan_id}"


def default_namespace(tenant_cluster: str) -> str:
    return f"vcluster-{tenant_cluster}"


def default_api_port(backend: str) -> int:
    """Kamaji's API servers listen on the port of the endpoint themselves, where 6443 is the custom."""
    return 6443 if backend == KAMAJI else 443


def default_network_namespace(tenant_cluster: str) -> str:
    return f"vcluster-{tenant_cluster}-networks"


def vnet(server_cluster: str, postfix: str) -> str:
    """The V-Net that a server cluster makes of a template's entry."""
    return f"{server_cluster}-{postfix}"
