# SPDX-License-Identifier: Apache-2.0
"""The intent's variables, declared once: names, types, defaults and meaning.

Each entry is JSON Schema. `schemas/` in the collection is written from here (a test keeps them equal), the validator
reads with it, and nobody else holds a default.
"""

from __future__ import annotations

from typing import Any

from .control_plane_variables import CONTROL_PLANE, SHARED_NODES
from .model import LINUX_SWITCH, MANUAL, NETRIS
from .provision_variables import PROVISION
from .schema import Schema

_NETWORK = {"type": "string", "minLength": 1, "examples": ["192.168.64.0/18"]}
_NAME = {"type": "string", "minLength": 1}

COLLECTION_WIDE: dict[str, dict[str, Any]] = {
    "fabric_site": {**_NAME, "default": "Default", "description": "Netris site that the rack belongs to."},
    "fabric_owner": {
        **_NAME,
        "default": "Admin",
        "description": "Netris tenant that owns what the collection makes.",
    },
    "fabric_server_nics": {
        "type": "array",
        "items": _NAME,
        "minItems": 1,
        "uniqueItems": True,
        "default": ["eth9", "eth10"],
        "description": "NICs that are cabled to the fabric, under the same names on every server.",
    },
    "fabric_bond": {**_NAME, "default": "bond0", "description": "Bond that the servers make of their fabric NICs."},
    "fabric_mtu": {
        "type": "integer",
        "minimum": 1280,
        "maximum": 9216,
        "examples": [9000],
        "description": "MTU of bonds, tenant VLANs and their pods; switch ports must carry it. Default: 1500.",
    },
    "host_network_backend": {
        "type": "string",
        "enum": ["host", "nmstate", "bridge_operator"],
        "default": "host",
        "description": "What makes the tenant clusters' VLAN devices and bridges on the shared servers.",
    },
    "host_network_bridge_operator_accepted": {
        "type": "boolean",
        "default": False,
        "description": "Whether bridge-operator is used although it may leave a bridge without its VLAN.",
    },
    "host_network_bridge_operator_image": {
        "type": "string",
        "default": "",
        "description": "Image of bridge-operator's daemon, by digest; it has no release.",
    },
    "fabric_template_postfix": {
        **_NAME,
        "default": "nodes",
        "description": "Postfix of the templates' one entry; V-Nets are named <cluster>-<postfix>.",
    },
    "fabric_host_template": {
        **_NAME,
        "default": "host-nodes",
        "description": "Server cluster template of the host cluster; used by nothing else.",
    },
    "fabric_tenant_template": {
        **_NAME,
        "default": "tenant-nodes",
        "description": "Server cluster template that all tenant clusters share.",
    },
    "fabric_tenant_supernet": {
        **_NETWORK,
        "description": "Network from which the controller cuts one subnet for each tenant cluster.",
    },
    "fabric_tenant_prefix_length": {
        "type": "integer",
        "minimum": 8,
        "maximum": 30,
        "default": 22,
        "description": "Prefix length of a tenant cluster's subnet.",
    },
    "fabric_gateway_host_number": {
        "type": "integer",
        "minimum": 1,
        "default": 1022,
        "description": "Host number of the gateway in a tenant cluster's subnet: 1022 is the last address of a /22.",
    },
    "fabric_reserved_networks": {
        "type": "array",
        "default": [],
        "description": "Networks that no tenant cluster may meet, such as the management network.",
        "items": {
            "type": "object",
            "required": ["name", "prefix"],
            "additionalProperties": False,
            "properties": {
                "name": {**_NAME, "description": "What the network is for; used in messages."},
                "prefix": {**_NETWORK, "examples": ["10.77.0.0/16"]},
            },
        },
    },
    "fabric_nat_subnets": {
        "type": "array",
        "items": {**_NETWORK, "examples": ["198.51.100.0/28"]},
        "uniqueItems": True,
        "default": [],
        "description": "Subnets with the purpose nat in Netris; tenant clusters have their public addresses from them.",
    },
    "fabric_shared_vpcs": {
        "type": "array",
        "default": [],
        "description": "VPCs with services that tenant clusters may be peered with; whoever runs them makes them.",
        "items": {
            "type": "object",
            "required": ["name", "prefixes"],
            "additionalProperties": False,
            "properties": {
                "name": {**_NAME, "description": "Name of the VPC in Netris."},
                "prefixes": {
                    "type": "array",
                    "items": {**_NETWORK, "examples": ["10.80.0.0/24"]},
                    "minItems": 1,
                    "uniqueItems": True,
                    "description": "Networks in it that are routed from tenant clusters.",
                },
            },
        },
    },
    "fabric_peering_rule": {
        "type": "string",
        "pattern": "\\{prefix\\}",
        "examples": ["permit {prefix}"],
        "default": "permit {prefix}",
        "description": "Line of a peering's prefix list that lets in one network, as the controller takes it.",
    },
    "fabric_provider": {
        "type": "string",
        "enum": [NETRIS, LINUX_SWITCH, MANUAL],
        "default": NETRIS,
        "description": "Who brings networks onto the switch ports: Netris, the plays over ssh, or a person.",
    },
    "fabric_vlan_range": {
        "type": "string",
        "pattern": "^(|[0-9]+(-[0-9]+)?( *, *[0-9]+(-[0-9]+)?)*)$",
        "examples": ["100-199,300"],
        "default": "",
        "description": "VLAN ids that nothing else uses on the switches; required without Netris.",
    },
    "fabric_switch_bridge": {
        **_NAME,
        "default": "br-fabric",
        "description": "VLAN-aware bridge of a Linux switch; one that is there already is used and never removed.",
    },
    "fabric_switch_mtu": {
        "type": "integer",
        "minimum": 1280,
        "maximum": 9216,
        "default": 9216,
        "description": "MTU of the switch ports without Netris; at least fabric_mtu.",
    },
    "fabric_gateway_switch": {
        "type": "string",
        "examples": ["leaf1"],
        "default": "",
        "description": "Switch that gives VLAN ids and subnets away and is the gateway; required with several.",
    },
    "fabric_switch_gateway": {
        "type": "boolean",
        "default": True,
        "description": "Whether that switch is the networks' gateway; else a router of yours has its address.",
    },
    "fabric_switch_dhcp": {
        "type": "boolean",
        "default": True,
        "description": "Whether that switch serves DHCP, or with the provider manual somebody; else nobody does.",
    },
    "fabric_host_cluster": {
        "type": "object",
        "description": "The Kubernetes cluster on the shared servers.",
        "required": ["gateway", "api_endpoint"],
        "additionalProperties": False,
        "properties": {
            "name": {**_NAME, "default": "host", "description": "Name of its server cluster and VPC in Netris."},
            "gateway": {
                "type": "string",
                "minLength": 1,
                "examples": ["192.168.55.254/21"],
                "description": "Gateway of its subnet, with the prefix length.",
            },
            "api_endpoint": {
                "type": "string",
                "minLength": 1,
                "examples": ["192.168.55.253:6443"],
                "description": "Address and port of its API server; the address is kept out of the DHCP range.",
            },
            "pod_cidr": {**_NETWORK, "default": "10.244.0.0/16", "description": "Its pods' addresses."},
            "service_cidr": {**_NETWORK, "default": "10.96.0.0/16", "description": "Its services' addresses."},
            "kubeconfig": {
                "type": "string",
                "default": "",
                "description": "Path of its kubeconfig on the machine that runs Ansible.",
            },
            "extra_servers": {
                "type": "array",
                "items": _NAME,
                "uniqueItems": True,
                "default": [],
                "description": "Netris servers on its VLAN that are no hosts of the inventory.",
            },
        },
    },
}

_ANY_SERVER: dict[str, dict[str, Any]] = {
    "fabric_netris_name": {"type": "string", "description": "Name in Netris; default: the inventory's name."},
    "fabric_hostname": {"type": "string", "description": "Name in the system; default: the inventory's name."},
    "fabric_node_name": {"type": "string", "description": "Kubernetes node's name; default: the inventory's name."},
    "fabric_nic_macs": {
        "type": "object",
        "default": {},
        "additionalProperties": {
            "type": "string",
            "pattern": "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$",
            "examples": ["0c:42:a1:00:00:09"],
        },
        "description": "MAC address for each fabric NIC; where given, the NIC is found by it and not by its name.",
    },
}

SHARED_SERVER: dict[str, dict[str, Any]] = {**_ANY_SERVER, **PROVISION}

BARE_METAL: dict[str, dict[str, Any]] = {
    **_ANY_SERVER,
    "fabric_tenant_cluster": {
        "type": "string",
        "default": "",
        "description": "Tenant cluster that the server belongs to; absent or empty: parked.",
    },
    "node_join_labels": {
        "type": "object",
        "default": {},
        "description": "Labels of its node; one that is taken out here is taken off the node.",
    },
    "node_join_taints": {
        "type": "array",
        "default": [],
        "description": "Taints of its node; one that is taken out here is taken off the node.",
        "items": {
            "type": "object",
            "required": ["key", "effect"],
            "additionalProperties": False,
            "properties": {
                "key": {**_NAME, "description": "Its key."},
                "value": {"type": "string", "description": "Its value."},
                "effect": {
                    "type": "string",
                    "pattern": "^(NoSchedule|PreferNoSchedule|NoExecute)$",
                    "examples": ["NoSchedule", "PreferNoSchedule", "NoExecute"],
                    "description": "What it does to pods that do not tolerate it.",
                },
            },
        },
    },
    "node_join_kubelet_arguments": {
        "type": "array",
        "items": {"type": "string", "pattern": "^--[a-z][^\\s\"'\\\\]*$", "examples": ["--v=4"]},
        "default": [],
        "description": "More arguments for its kubelet, one word each.",
    },
    "node_join_kubelet_config": {
        "type": "object",
        "default": {},
        "description": "Fields of a KubeletConfiguration for its kubelet alone.",
    },
    "node_join_registries": {
        "type": "array",
        "items": {"type": "string", "pattern": "^(https?://)?[A-Za-z0-9.\\[\\]:-]+(/\\S*)?$", "examples": ["ghcr.io"]},
        "default": [],
        "description": "Registries and mirrors, hosts or URLs, that are tried from the server before it joins.",
    },
    "node_join_proxy": {
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "properties": {
            "http_proxy": {"type": "string", "description": "Proxy for HTTP."},
            "https_proxy": {"type": "string", "description": "Proxy for HTTPS."},
            "no_proxy": {"type": "string", "description": "What is reached directly, with commas."},
        },
        "description": "Proxy of the join script, the container runtime and the kubelet.",
    },
    **PROVISION,
}

_QUANTITY = {"type": "string", "pattern": "^[1-9][0-9]*(\\.[0-9]+)?(Mi|Gi|Ti)$", "examples": ["20Gi"]}

VM_NODE: dict[str, dict[str, Any]] = {
    "fabric_tenant_cluster": {
        "type": "string",
        "default": "",
        "description": "Tenant cluster that the virtual machine is a node of; required.",
    },
    "fabric_node_name": _ANY_SERVER["fabric_node_name"],
    "vm_node_state": {
        "type": "string",
        "pattern": "^(present|absent)$",
        "examples": ["present or absent"],
        "default": "present",
        "description": "Whether it shall be there; absent removes it with its disk.",
    },
    "vm_node_cores": {"type": "integer", "minimum": 1, "default": 2, "description": "Cores of the virtual machine."},
    "vm_node_memory": {**_QUANTITY, "default": "2Gi", "description": "Memory of the virtual machine."},
    "vm_node_disk": {
        **_QUANTITY,
        "default": "20Gi",
        "description": "Size of its disk, which bears its name. It can grow, not shrink.",
    },
    "vm_node_image": {
        "type": "string",
        "pattern": "^(https?|docker)://[^\\s/]+/\\S+$",
        "examples": ["https://images.example.com/noble-20260801.img", "docker://registry.example.com/noble:20260801"],
        "description": "Cloud image of its disk: the URL of a file, or docker:// for an image in a registry; required.",
    },
    "vm_node_image_checksum": {
        "type": "string",
        "pattern": "^(|md5:[0-9a-f]{32}|sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$",
        "examples": ["sha256:<64 hexadecimal digits>"],
        "default": "",
        "description": "Checksum of the image; required for a file. In a registry the digest takes its place.",
    },
    "vm_node_storage_class": {
        "type": "string",
        "default": "",
        "description": "StorageClass of its disk; default: the host cluster's default.",
    },
    "vm_node_mac": {
        "type": "string",
        "pattern": "^(|([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})$",
        "examples": ["02:42:a1:00:00:09"],
        "default": "",
        "description": "MAC address of its NIC in the tenant cluster's VLAN; default: one that follows from its name.",
    },
    "vm_node_labels": {
        "type": "object",
        "default": {},
        "additionalProperties": {"type": "string"},
        "description": "Labels of its node.",
    },
}

TENANT_CLUSTER: dict[str, dict[str, Any]] = {
    "fabric_netris_name": {
        "type": "string",
        "description": "Name of its server cluster and VPC in Netris; default: the inventory's name.",
    },
    "fabric_shared_servers": {
        "type": "array",
        "items": _NAME,
        "minItems": 1,
        "uniqueItems": True,
        "description": "Shared servers that its VLAN reaches; default: all of them.",
    },
    "fabric_internet": {
        "type": "object",
        "default": {},
        "description": "Its way to the internet and back; without it there is none.",
        "additionalProperties": False,
        "properties": {
            "snat_address": {
                "type": "string",
                "default": "",
                "examples": ["198.51.100.5"],
                "description": "Public address that its servers reach the internet from, out of fabric_nat_subnets.",
            },
            "dnat": {
                "type": "array",
                "default": [],
                "description": "Ports of public addresses that lead to it.",
                "items": {
                    "type": "object",
                    "required": ["address", "port"],
                    "additionalProperties": False,
                    "properties": {
                        "address": {
                            **_NAME,
                            "examples": ["198.51.100.5"],
                            "description": "Public address, out of fabric_nat_subnets.",
                        },
                        "protocol": {
                            "type": "string",
                            "enum": ["tcp", "udp"],
                            "default": "tcp",
                            "description": "Protocol of the port.",
                        },
                        "port": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": 65535,
                            "description": "Port of the public address.",
                        },
                        "to": {
                            "type": "string",
                            "default": "",
                            "examples": ["192.168.64.10"],
                            "description": "Where it leads: an address of its subnet, if that is known.",
                        },
                        "to_host_number": {
                            "type": "integer",
                            "minimum": 1,
                            "description": "The same as a host number of its subnet, whichever the controller chooses.",
                        },
                        "to_port": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": 65535,
                            "description": "Port there; default: the same port.",
                        },
                    },
                },
            },
        },
    },
    "fabric_peerings": {
        "type": "array",
        "items": _NAME,
        "uniqueItems": True,
        "default": [],
        "description": "VPCs of fabric_shared_vpcs that it reaches.",
    },
    "tenant_cluster_replicas": {
        "type": "integer",
        "minimum": 1,
        "default": 1,
        "description": "Control-plane replicas, each on a shared server of its own.",
    },
    "tenant_cluster_pod_cidr": {**_NETWORK, "default": "10.244.0.0/16", "description": "Its pods' addresses."},
    "tenant_cluster_service_cidr": {**_NETWORK, "default": "10.96.0.0/16", "description": "Its services' addresses."},
    "tenant_cluster_api_port": {
        "type": "integer",
        "minimum": 1,
        "maximum": 65535,
        "description": "Port of the API endpoint; default: 443, with Kamaji 6443.",
    },
    "tenant_cluster_backend": {
        "type": "string",
        "enum": ["vcluster", "kamaji"],
        "default": "vcluster",
        "description": "What runs its control plane.",
    },
    "tenant_cluster_kubernetes_version": {
        "type": "string",
        "examples": ["v1.35.0"],
        "description": "Version of Kubernetes; with vCluster by default the chart's, with Kamaji required.",
    },
    "tenant_cluster_kamaji": {
        "type": "object",
        "default": {},
        "description": "What only Kamaji has.",
        "additionalProperties": False,
        "properties": {
            "datastore": {"type": "string", "description": "Name of its DataStore; default: Kamaji's own."},
            "coredns": {"type": "boolean", "default": True, "description": "Whether Kamaji installs CoreDNS in it."},
            "kube_proxy": {
                "type": "boolean",
                "default": True,
                "description": "Whether Kamaji installs kube-proxy in it.",
            },
            "konnectivity": {
                "type": "boolean",
                "default": False,
                "description": "Whether the API server reaches nodes by konnectivity; the VIP then has a second port.",
            },
            "cert_sans": {
                "type": "array",
                "items": _NAME,
                "uniqueItems": True,
                "default": [],
                "description": "More names and addresses that the API server's certificate is valid for.",
            },
            "cni": {
                **_NAME,
                "default": "flannel",
                "description": "Pod network to install: flannel, none, or the path of a file with manifests.",
            },
            "flannel_image": {"type": "string", "description": "Image of flannel, where it comes from a mirror."},
            "flannel_plugin_image": {"type": "string", "description": "Image of flannel's CNI plugin, likewise."},
            "spec": {
                "type": "object",
                "default": {},
                "description": "Merged last into the spec of the TenantControlPlane.",
            },
        },
    },
    **CONTROL_PLANE,
    "tenant_cluster_namespace": {
        "type": "string",
        "description": "Namespace of its control plane in the host cluster; default: vcluster-<name>.",
    },
    "tenant_network_namespace": {
        "type": "string",
        "description": "Namespace of its network attachments; default: vcluster-<name>-networks.",
    },
    "tenant_cluster_host_kubeconfig": {
        **_NAME,
        "description": "kubeconfig of the host cluster with rights on its namespaces alone, as the playbook"
        " tenant_credentials writes it; default: that of fabric_host_cluster.",
    },
}

SHARED_NODE_CLUSTER: dict[str, dict[str, Any]] = {
    "fabric_shared_servers": {
        **TENANT_CLUSTER["fabric_shared_servers"],
        "description": "Shared servers that run its control plane and its pods; default: all of them.",
    },
    "tenant_cluster_backend": {
        "type": "string",
        "enum": ["vcluster"],
        "default": "vcluster",
        "description": "What runs its control plane; Kamaji has no shared nodes.",
    },
    **{
        name: each
        for name, each in TENANT_CLUSTER.items()
        if name
        in (
            "tenant_cluster_replicas",
            "tenant_cluster_kubernetes_version",
            "tenant_cluster_namespace",
            "tenant_cluster_host_kubeconfig",
        )
        or (name in CONTROL_PLANE and not name.startswith("api_load_balancer_") and name != "tenant_cluster_addons")
    },
    **SHARED_NODES,
}

SWITCH: dict[str, dict[str, Any]] = {
    "fabric_hostname": {
        "type": "string",
        "description": "Name that the switch tells by LLDP; default: the inventory's name.",
    },
    "fabric_links": {
        "type": "object",
        "default": {},
        "additionalProperties": {
            "type": "string",
            "pattern": "^[^@\\s]+@[^@\\s]+$",
            "examples": ["eth9@server1"],
        },
        "description": "By switch port, the server NIC at the other end of its cable, as nic@server.",
    },
    "fabric_uplinks": {
        "type": "array",
        "items": _NAME,
        "uniqueItems": True,
        "default": [],
        "description": "Ports to the rest of the fabric, which carry every network; several are one port-channel.",
    },
}

# Variables of the collection that begin like intent but are no part of the model: what the plays take and what the
# role fabric leaves on a tenant cluster's host. Known here so that a misspelt name can be told from them.
NOT_INTENT = (
    "fabric_tenants",
    "fabric_delete",
    "fabric_server",
    "fabric_unreachable",
    "fabric_reinstall",
    "fabric_move_serial",
    "fabric_upgrade_serial",
    "fabric_person",
    "fabric_person_role",
    "fabric_person_namespaces",
    "fabric_person_days",
    "fabric_person_server",
    "fabric_person_state",
    "fabric_wait_timeout",
    "fabric_vlan_id",
    "fabric_subnet",
    "fabric_gateway",
    "fabric_dhcp_range",
    "fabric_vip",
    "fabric_control_plane_range",
    "fabric_vpc",
    "fabric_vnet",
    "fabric_snat_address",
    "fabric_dnat",
    "fabric_peered_vpcs",
    "fabric_switch_rollback_timeout",
    "fabric_switch_allow_connection_ports",
    "fabric_manual_timeout",
    "fabric_manual_interval",
    "fabric_manual_lldp",
    "fabric_manual_probe",
    "fabric_manual_state_file",
    "fabric_manual_csv_file",
)

# What a variable may begin with to be read from the inventory at all; templates elsewhere are none of our business.
PREFIXES = (
    "fabric_",
    "tenant_cluster_",
    "tenant_network_",
    "vm_node_",
    # Of the roles' options only these: others may be templates over what a play has yet to learn.
    "api_load_balancer_mode",
    "api_load_balancer_replicas",
    "host_network_backend",
    "host_network_bridge_operator_accepted",
    "host_network_bridge_operator_image",
    "node_join_labels",
    "node_join_taints",
    "node_join_kubelet_",
    "node_join_registries",
    "node_join_proxy",
    *PROVISION,
)

REQUIRED = ("fabric_tenant_supernet", "fabric_host_cluster")


def published() -> dict[str, Schema]:
    """The files under `schemas/`: one for each kind of file in an inventory, by file name."""
    return {
        "group_vars_all.schema.json": _document(
            "Variables of the whole rack (group_vars/all)", COLLECTION_WIDE, list(REQUIRED)
        ),
        "tenant_cluster.schema.json": _document("Variables of a tenant cluster (host_vars/<name>)", TENANT_CLUSTER, []),
        "shared_node_cluster.schema.json": _document(
            "Variables of a tenant cluster on shared nodes (host_vars/<name>)", SHARED_NODE_CLUSTER, []
        ),
        "shared_server.schema.json": _document("Variables of a shared server (host_vars/<name>)", SHARED_SERVER, []),
        "bare_metal_server.schema.json": _document(
            "Variables of a bare-metal server (host_vars/<name>)", BARE_METAL, []
        ),
        "switch.schema.json": _document("Variables of a leaf switch (host_vars/<name>)", SWITCH, []),
        "vm_node.schema.json": _document(
            "Variables of a virtual machine that is a node (host_vars/<name>)",
            VM_NODE,
            ["fabric_tenant_cluster", "vm_node_image"],
        ),
    }


def _document(title: str, properties: dict[str, dict[str, Any]], required: list[str]) -> Schema:
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": properties,
    }
    if required:
        document["required"] = required
    return document
