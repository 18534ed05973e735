#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: host_flat_network
short_description: Bridge a server's NIC or VLAN for pods, beside the link of the cluster's own traffic
version_added: 0.1.0
description:
  - Makes a bridge over a NIC, or over a VLAN on one, to which the C(bridge) CNI plugin connects pods. The bridge takes
    over the MAC address and, unless told otherwise, the addresses, routes and name servers of what is below it.
  - On request sets up the link of the cluster's own traffic as well, another NIC or VLAN, so that which of the two
    default routes is used is decided by their metrics.
  - Files of others in C(/etc/netplan) are not edited. A definition of our own, which systemd-networkd finds first, puts
    what they say about a NIC out of force; it is back when the flat network goes.
  - A change that moves an address is guarded by a dead-man switch. The server brings the previous configuration back by
    itself unless the module is called a second time, over a new connection, within O(rollback_timeout). The result
    RV(confirm_needed) tells when that is due. A bridge without addresses over a VLAN is made without applying netplan
    and costs nobody a packet.
  - Runs on the server, needs only Python 3.8 or newer, netplan with systemd-networkd, and iproute2.
extends_documentation_fragment:
  - baremetal.fabric.host_guard
options:
  name:
    description: Name of the flat network; its netplan file carries it.
    type: str
    default: lan
  state:
    description: Whether the server shall have a leg in it. V(absent) gives the NIC back what it had.
    type: str
    choices: [present, absent]
    default: present
  bridge:
    description: Name of the bridge.
    type: str
    default: br-lan
  uplink:
    description: The NIC, or the VLAN on it, that the network comes in by. Needed unless O(state=absent).
    type: dict
    suboptions:
      nic:
        description: Name of the NIC. It may be a bond when O(uplink.vlan_id) or O(cluster_link.vlan_id) is given.
        type: str
        required: true
      mac:
        description: MAC address of the NIC. Where given, it finds the NIC, whatever its name.
        type: str
      vlan_id:
        description: Take this VLAN on the NIC, tagged, instead of the NIC as a whole.
        type: int
      mtu:
        description: MTU of the device, and of the bridge over it. Left alone when not given.
        type: int
  addressing:
    description: How the bridge gets its addresses.
    type: dict
    default: {}
    suboptions: &addressing
      mode:
        description:
          - V(keep) takes over what the device below has at the first run. V(none) leaves the server without an address
            in that network.
          - The bridge keeps by default, the cluster's link uses DHCP.
        type: str
        choices: [keep, dhcp, static, none]
      addresses:
        description: Addresses with prefix length, with V(static).
        type: list
        elements: str
        default: []
      gateway:
        description: Gateway of the default route, with V(static).
        type: str
      routes:
        description: Further routes.
        type: list
        elements: dict
        default: []
        suboptions:
          to:
            description: The network.
            type: str
            required: true
          via:
            description: The gateway.
            type: str
            required: true
          metric:
            description: Metric, that of the default route unless given.
            type: int
      nameservers:
        description: Name servers.
        type: list
        elements: str
        default: []
      search:
        description: Domains that names are completed with.
        type: list
        elements: str
        default: []
      route_metric:
        description:
          - Metric of the default route, of which the lowest one is used. By default 300 for the bridge and 100 for the
            cluster's link.
        type: int
      use_routes:
        description: Whether routes are taken from DHCP.
        type: bool
        default: true
      use_dns:
        description: Whether name servers are taken from DHCP.
        type: bool
        default: true
      accept_ra:
        description: Whether IPv6 router advertisements are accepted.
        type: bool
        default: false
  cluster_link:
    description: The link of the cluster's own traffic. Left alone when not given.
    type: dict
    suboptions:
      nic:
        description: Name of the NIC. It may be a bond when O(cluster_link.vlan_id) is given.
        type: str
        required: true
      mac:
        description: MAC address of the NIC. Where given, it finds the NIC, whatever its name.
        type: str
      vlan_id:
        description: Take this VLAN on the NIC, tagged, instead of the NIC as a whole.
        type: int
      mtu:
        description:
          - MTU of the device, for example 9000 where every device of that VLAN has it. Left alone when not given.
        type: int
      addressing:
        description: How it gets its addresses.
        type: dict
        default: {}
        suboptions: *addressing
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: A bridge over the NIC in the office's network, whose address it takes over
  baremetal.fabric.host_flat_network:
    uplink:
      nic: eth0
    allow_connection_nics: true
  register: network

- name: Besides, the cluster's traffic on VLAN 20 of the other NIC, by which everything else leaves
  baremetal.fabric.host_flat_network:
    uplink:
      nic: eth0
    addressing:
      mode: dhcp
      route_metric: 300
    cluster_link:
      nic: eth1
      vlan_id: 20
      mtu: 9000
      addressing:
        mode: dhcp
        route_metric: 100

- name: A bridge for pods alone, over a VLAN
  baremetal.fabric.host_flat_network:
    uplink:
      nic: bond0
      vlan_id: 30
    addressing:
      mode: none

- name: Have the NIC as it was before
  baremetal.fabric.host_flat_network:
    name: lan
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done, in words.
  type: list
  elements: str
  returned: success
confirm_needed:
  description: Whether an address was moved and the same call is due once more, over a new connection.
  type: bool
  returned: success
bridge:
  description: The bridge as it is now, or null when it is to be absent.
  type: dict
  returned: success
  contains:
    name:
      description: Name of the bridge.
      type: str
    uplink:
      description: The device below.
      type: str
    mac:
      description: Its MAC address.
      type: str
    carrier:
      description: Whether it has a carrier.
      type: bool
    addresses:
      description: Its addresses with prefix length.
      type: list
      elements: str
    mtu:
      description: Its MTU.
      type: int
cluster_link:
  description: The link of the cluster's traffic, or null when it is not managed.
  type: dict
  returned: success
  contains:
    device:
      description: Name of the device.
      type: str
    addresses:
      description: Its addresses with prefix length.
      type: list
      elements: str
    mtu:
      description: Its MTU.
      type: int
default_routes:
  description: Every default route of the server; of each family the first one is used.
  type: list
  elements: dict
  returned: success
  contains:
    device:
      description: The device that it leaves by.
      type: str
    metric:
      description: Its metric.
      type: int
    via:
      description: The gateway, null where there is none.
      type: str
    family:
      description: 4 or 6.
      type: int
bridged_traffic:
  description:
    - V(accepted) when the server's FORWARD rules let frames between ports of the bridge pass, V(missing) when they
      should and do not, V(unavailable) when the server has no usable iptables or the bridge is not there yet.
  type: str
  returned: success
management:
  description: How Ansible reaches the server.
  type: dict
  returned: success
  contains:
    peer:
      description: Address at the other end of the connection, null for a local one.
      type: str
    nics:
      description: NICs that carry the way back to it.
      type: list
      elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.flat_run import apply_flat
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.module import GUARD_OPTIONS, answer

ROUTE = {
    "to": {"type": "str", "required": True},
    "via": {"type": "str", "required": True},
    "metric": {"type": "int"},
}
ADDRESSING = {
    "mode": {"type": "str", "choices": ["keep", "dhcp", "static", "none"]},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "gateway": {"type": "str"},
    "routes": {"type": "list", "elements": "dict", "default": [], "options": ROUTE},
    "nameservers": {"type": "list", "elements": "str", "default": []},
    "search": {"type": "list", "elements": "str", "default": []},
    "route_metric": {"type": "int"},
    "use_routes": {"type": "bool", "default": True},
    "use_dns": {"type": "bool", "default": True},
    "accept_ra": {"type": "bool", "default": False},
}
PORT = {
    "nic": {"type": "str", "required": True},
    "mac": {"type": "str"},
    "vlan_id": {"type": "int"},
    "mtu": {"type": "int"},
}
OPTIONS = {
    **GUARD_OPTIONS,
    "name": {"type": "str", "default": "lan"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "bridge": {"type": "str", "default": "br-lan"},
    "uplink": {"type": "dict", "options": PORT},
    "addressing": {"type": "dict", "default": {}, "options": ADDRESSING},
    "cluster_link": {
        "type": "dict",
        "options": {**PORT, "addressing": {"type": "dict", "default": {}, "options": ADDRESSING}},
    },
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=OPTIONS, required_if=[("state", "present", ["uplink"])], supports_check_mode=True
    )
    answer(module, apply_flat)


if __name__ == "__main__":
    main()
