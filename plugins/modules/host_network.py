#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: host_network
short_description: Bond a server's NICs and carry tenant VLANs on the bond
version_added: 0.1.0
description:
  - Describes the bond of a server and the tenant VLANs on it as netplan files and brings the server there. Touches only
    what differs.
  - Each tenant cluster gets a VLAN device on the bond and a bridge over it. They are made at runtime without applying
    netplan, so that adding or removing one costs nobody else a packet, and come back from netplan's files at boot.
  - Tenant VLANs are kept apart from the server. The bridge has no address, IPv6 is off, and every frame that the bridge
    would hand up to the server, or that the server would send through it, is dropped at the bridge device, by C(tc)
    where that works and else by C(ebtables). Frames between the ports of the bridge are exempted from the server's own
    iptables rules and connection tracking, through which C(br_netfilter) would send them.
  - A change of the bond is guarded by a dead-man switch. The server brings the previous configuration back by itself
    unless the module is called a second time, over a new connection, within O(rollback_timeout). The result
    RV(confirm_needed) tells when that is due; tenants are then set up by that second call.
  - An operator of the host cluster may make the devices of tenant clusters instead (O(tenants[].made_by)).
  - Runs on the server, needs only Python 3.8 or newer, netplan with systemd-networkd, and iproute2.
extends_documentation_fragment:
  - baremetal.fabric.host_guard
options:
  bond:
    description:
      - The bond. Without it, O(link) must exist already and is left alone.
    type: dict
    suboptions:
      name:
        description: Name of the bond.
        type: str
        default: bond0
      nics:
        description: The NICs that make up the bond.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: Name of the NIC.
            type: str
            required: true
          mac:
            description: MAC address of the NIC. Where given, it finds the NIC, whatever its name.
            type: str
      mode:
        description: Bonding mode.
        type: str
        choices: [802.3ad, active-backup, balance-xor]
        default: 802.3ad
      lacp_rate:
        description: How often LACP packets are asked for.
        type: str
        choices: [fast, slow]
        default: fast
      transmit_hash_policy:
        description: What decides which NIC a packet leaves by.
        type: str
        choices: [layer2, layer2+3, layer3+4, encap2+3, encap3+4]
        default: layer3+4
      mii_monitor_interval:
        description: Milliseconds between two looks at the NICs' links.
        type: int
        default: 100
      mtu:
        description: MTU of the bond and its NICs. Left alone when not given.
        type: int
      dhcp4:
        description: Whether the bond gets its address by DHCP.
        type: bool
        default: true
      route_metric:
        description: Metric of the routes learned by DHCP. Higher than that of a management network's default route.
        type: int
        default: 200
      use_routes:
        description: Whether routes are taken from DHCP.
        type: bool
        default: true
      use_dns:
        description: Whether name servers are taken from DHCP.
        type: bool
        default: true
      optional:
        description: Whether booting goes on without waiting for an address on the bond.
        type: bool
        default: false
  link:
    description: The device that carries the tenant VLANs when O(bond) is not given.
    type: str
    default: bond0
  tenants:
    description: Tenant clusters whose VLANs this server carries, or carries no longer. Others are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the tenant cluster; its netplan file carries it.
        type: str
        required: true
      vlan_id:
        description: Its VLAN id. May be unknown in check mode. Not needed for removal.
        type: int
      bridge:
        description: Name of the bridge, V(br-vlan-) and the VLAN id by default.
        type: str
      mtu:
        description: MTU of the VLAN device and the bridge, that of the bond by default.
        type: int
      state:
        description: Whether the server shall carry the VLAN.
        type: str
        choices: [present, absent]
        default: present
      made_by:
        description:
          - Who makes the devices. V(nmstate) and V(bridge_operator) are operators of the host cluster, and are told by
            M(baremetal.fabric.host_bridge); here their devices are guarded, and seen to be there.
          - Where they are somebody else's so far, that one keeps its configuration until O(settle).
        type: str
        choices: [host, nmstate, bridge_operator]
        default: host
  settle:
    description:
      - Wait for devices that an operator of the host cluster makes, and take away what the former maker of a tenant's
        devices would bring back at the next boot. To be set in a second call, after M(baremetal.fabric.host_bridge).
      - Devices that are in use stay as they are.
    type: bool
    default: false
  devices_timeout:
    description: Seconds to wait for devices that an operator of the host cluster makes.
    type: int
    default: 60
  allow_cut:
    description:
      - Allow to remove a bridge that bridge-operator is to make anew. It cuts the tenant cluster off, and fails while
        pods are connected to it.
    type: bool
    default: false
  require_network_manager:
    description: Whether to fail when NetworkManager, with which kubernetes-nmstate works, does not run on the server.
    type: bool
    default: true
  require_isolation:
    description: Whether to fail when nothing on the server can keep tenant VLANs apart from it.
    type: bool
    default: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Bond two NICs
  baremetal.fabric.host_network:
    bond:
      name: bond0
      nics:
        - name: eth9
        - name: eth10
  register: network

- name: Carry the VLAN of a tenant cluster
  baremetal.fabric.host_network:
    link: bond0
    tenants:
      - name: blue
        vlan_id: 3

- name: Carry it no longer
  baremetal.fabric.host_network:
    tenants:
      - name: blue
        state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done, in words.
  type: list
  elements: str
  returned: success
confirm_needed:
  description: Whether the bond was changed and the same call is due once more, over a new connection.
  type: bool
  returned: success
bond:
  description: The bond as it is now, or null when it is not managed.
  type: dict
  returned: success
  contains:
    name:
      description: Name of the bond.
      type: str
    members:
      description: The kernel's names of its NICs.
      type: list
      elements: str
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
    lacp_partner:
      description: The switch's LACP system address, null while nobody answers.
      type: str
tenants:
  description: The tenant clusters asked for.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the tenant cluster.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    vlan_id:
      description: VLAN id, null when not known yet.
      type: int
    vlan_device:
      description: Name of the VLAN device.
      type: str
    bridge:
      description: Name of the bridge.
      type: str
    made_by:
      description: Who makes the devices.
      type: str
    releases:
      description: Who made them before and has still to be released, by a call with O(settle); else null.
      type: str
    host_isolation:
      description:
        - What keeps the VLAN apart from the server. One of V(tc-matchall), V(tc-u32), V(ebtables) and V(none), null
          before the bridge exists.
      type: str
    bridged_traffic:
      description:
        - V(exempt) when the server's iptables rules are kept away from bridged traffic, V(missing) when they should be
          and are not, V(unavailable) when the server has no usable iptables.
      type: str
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
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.module import GUARD_OPTIONS, answer
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.run import apply

NIC = {
    "name": {"type": "str", "required": True},
    "mac": {"type": "str"},
}
BOND = {
    "name": {"type": "str", "default": "bond0"},
    "nics": {"type": "list", "elements": "dict", "required": True, "options": NIC},
    "mode": {"type": "str", "choices": ["802.3ad", "active-backup", "balance-xor"], "default": "802.3ad"},
    "lacp_rate": {"type": "str", "choices": ["fast", "slow"], "default": "fast"},
    "transmit_hash_policy": {
        "type": "str",
        "choices": ["layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4"],
        "default": "layer3+4",
    },
    "mii_monitor_interval": {"type": "int", "default": 100},
    "mtu": {"type": "int"},
    "dhcp4": {"type": "bool", "default": True},
    "route_metric": {"type": "int", "default": 200},
    "use_routes": {"type": "bool", "default": True},
    "use_dns": {"type": "bool", "default": True},
    "optional": {"type": "bool", "default": False},
}
TENANT = {
    "name": {"type": "str", "required": True},
    "vlan_id": {"type": "int"},
    "bridge": {"type": "str"},
    "mtu": {"type": "int"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "made_by": {"type": "str", "choices": ["host", "nmstate", "bridge_operator"], "default": "host"},
}
OPTIONS = {
    **GUARD_OPTIONS,
    "bond": {"type": "dict", "options": BOND},
    "link": {"type": "str", "default": "bond0"},
    "tenants": {"type": "list", "elements": "dict", "default": [], "options": TENANT},
    "settle": {"type": "bool", "default": False},
    "devices_timeout": {"type": "int", "default": 60},
    "allow_cut": {"type": "bool", "default": False},
    "require_network_manager": {"type": "bool", "default": True},
    "require_isolation": {"type": "bool", "default": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    answer(module, apply)


if __name__ == "__main__":
    main()
