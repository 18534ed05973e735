#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: switch_networks
short_description: Networks of tenant clusters on the ports of a Linux leaf switch
version_added: 0.1.0
description:
  - Makes a VLAN-aware bridge, LACP port-channels of the servers that have several ports, and the ports' VLANs. Where
    asked, each network has a gateway and a DHCP server in a network namespace of its own, so that nothing is routed
    between them.
  - The switch keeps a record of what it carries, from which any machine that runs the plays goes on, and comes up with
    it when it restarts. One play at a time changes it; one that finds another's change unconfirmed waits for it.
  - A change takes itself back within O(rollback_timeout) unless it is confirmed over a connection of its own
    (O(phase=confirm)); RV(confirm_needed) tells when that is due.
  - Only what bears the collection's mark is changed or removed, and the ports that O(ports) and O(uplinks) name. When
    the last network goes, nothing is left and the ports are as they were.
  - Runs on the switch, needs only Python 3.8 or newer and iproute2, and C(dnsmasq) for DHCP. The switch has to apply
    what the Linux bridge says to its hardware (switchdev, or Cumulus' C(switchd)).
attributes:
  check_mode:
    support: full
    description: VLAN ids and subnets that are not given away yet stay unknown.
  diff_mode:
    support: full
    description: Shows the switch's record and the commands.
options:
  switch:
    description: The switch's name in the inventory, for messages.
    type: str
    required: true
  phase:
    description:
      - V(reserve) gives VLAN ids and subnets to O(networks) that have none and writes them into the record; to be run
        on one switch for all.
      - V(apply) brings the switch to O(networks).
      - V(confirm) keeps a change for good.
    type: str
    choices: [reserve, apply, confirm]
    default: apply
  networks:
    description: The networks of the play. Others that the switch carries stay as they are.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the network.
        type: str
        required: true
      state:
        description: Whether the switch shall carry it.
        type: str
        choices: [present, absent]
        default: present
      subnet:
        description: Its subnet, where that is not to be cut from O(networks[].supernet).
        type: str
      supernet:
        description: The network that its subnet is cut from.
        type: str
      prefix_length:
        description: The prefix length of a subnet that is cut.
        type: int
      gateway_host:
        description: The gateway's address, as host number in the subnet.
        type: int
      dhcp:
        description: The range that is leased. Without it there is no DHCP server.
        type: dict
        suboptions:
          start_host:
            description: Its first address, as host number.
            type: int
            required: true
          end_host:
            description: Its last address, as host number.
            type: int
            required: true
      routed:
        description: Whether gateway and DHCP server are on this very switch.
        type: bool
        default: false
      members_mode:
        description:
          - With V(exact) the network has O(networks[].members) and no others.
          - With V(merge) others stay.
        type: str
        choices: [exact, merge]
        default: exact
      members:
        description: The servers in it that are cabled to this switch.
        type: list
        elements: dict
        default: []
        suboptions:
          server:
            description: Name of the server.
            type: str
            required: true
          ports:
            description: The ports that it is cabled to. Several are one LACP port-channel.
            type: list
            elements: str
            default: []
          tagged:
            description: Whether its frames are tagged.
            type: bool
            default: false
          state:
            description: V(absent) takes it out, with O(networks[].members_mode=merge).
            type: str
            choices: [present, absent]
            default: present
  reserved:
    description: By network, the C(vlan_id) and C(subnet) that it was given, on whatever switch.
    type: dict
    default: {}
  vlan_range:
    description: VLAN ids to choose from, for example V(100-199,300). Needed for O(phase=reserve).
    type: str
    default: ""
  vlan_ids_used:
    description: VLAN ids of O(vlan_range) that something else uses on another switch.
    type: list
    elements: int
    default: []
  bridge:
    description: The VLAN-aware bridge. One that is there already is used, and never removed.
    type: str
    default: br-fabric
  mtu:
    description: MTU of ports and port-channels.
    type: int
    default: 9216
  ports:
    description: The ports that are cabled to servers. They are switched on, with or without a network.
    type: list
    elements: str
    default: []
  uplinks:
    description: Ports to the rest of the fabric, which carry every network tagged. Several are one port-channel.
    type: list
    elements: str
    default: []
  token:
    description: The RV(token) of the change to confirm.
    type: str
  rollback_timeout:
    description: Seconds after which the switch takes an unconfirmed change back.
    type: int
    default: 60
  allow_connection_ports:
    description: Allow to change ports by which Ansible itself reaches the switch. Without it that is refused.
    type: bool
    default: false
  management_peer:
    description: Address that Ansible connects from. By default the other end of the SSH connection.
    type: str
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Give blue a VLAN id and a subnet
  baremetal.fabric.switch_networks:
    switch: leaf1
    phase: reserve
    vlan_range: 100-199
    networks:
      - {name: blue, supernet: 192.168.64.0/18, prefix_length: 22, gateway_host: 1022, routed: true}
  delegate_to: leaf1
  register: reserved

- name: Carry it
  baremetal.fabric.switch_networks:
    switch: leaf1
    ports: [swp1, swp2, swp7, swp8]
    reserved: "{{ reserved.reserved }}"
    networks:
      - name: blue
        gateway_host: 1022
        dhcp: {start_host: 1, end_host: 1017}
        routed: true
        members:
          - {server: shared1, ports: [swp1, swp2], tagged: true}
          - {server: metal1, ports: [swp7, swp8]}
  delegate_to: leaf1
  register: change

- name: Keep it
  baremetal.fabric.switch_networks:
    switch: leaf1
    phase: confirm
    token: "{{ change.token }}"
  delegate_to: leaf1
  vars:
    ansible_control_path: none
  when: change.confirm_needed
"""

RETURN = r"""
switch:
  description: The name that was given.
  type: str
  returned: success
actions:
  description: The commands that were run, or would be run, on the switch, and the files written.
  type: list
  elements: str
  returned: success
reserved:
  description: By network, its C(vlan_id) and C(subnet); null where only a run without check mode can tell.
  type: dict
  returned: with O(phase=reserve)
networks:
  description: All networks of the switch after the change, as M(baremetal.fabric.switch_info) returns them.
  type: list
  elements: dict
  returned: with O(phase=apply)
confirm_needed:
  description: Whether ports were changed, so that the change has to be confirmed.
  type: bool
  returned: with O(phase=apply)
token:
  description: What to confirm it with.
  type: str
  returned: with O(phase=apply)
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.module import system_of
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.run import apply

MEMBER = {
    "server": {"type": "str", "required": True},
    "ports": {"type": "list", "elements": "str", "default": []},
    "tagged": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
DHCP = {
    "start_host": {"type": "int", "required": True},
    "end_host": {"type": "int", "required": True},
}
NETWORK = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "subnet": {"type": "str"},
    "supernet": {"type": "str"},
    "prefix_length": {"type": "int"},
    "gateway_host": {"type": "int"},
    "dhcp": {"type": "dict", "options": DHCP},
    "routed": {"type": "bool", "default": False},
    "members_mode": {"type": "str", "choices": ["exact", "merge"], "default": "exact"},
    "members": {"type": "list", "elements": "dict", "default": [], "options": MEMBER},
}
OPTIONS = {
    "switch": {"type": "str", "required": True},
    "phase": {"type": "str", "choices": ["reserve", "apply", "confirm"], "default": "apply"},
    "networks": {"type": "list", "elements": "dict", "default": [], "options": NETWORK},
    "reserved": {"type": "dict", "default": {}},
    "vlan_range": {"type": "str", "default": ""},
    "vlan_ids_used": {"type": "list", "elements": "int", "default": []},
    "bridge": {"type": "str", "default": "br-fabric"},
    "mtu": {"type": "int", "default": 9216},
    "ports": {"type": "list", "elements": "str", "default": []},
    "uplinks": {"type": "list", "elements": "str", "default": []},
    "token": {"type": "str", "no_log": False},
    "rollback_timeout": {"type": "int", "default": 60},
    "allow_connection_ports": {"type": "bool", "default": False},
    "management_peer": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=OPTIONS, required_if=[("phase", "confirm", ["token"])], supports_check_mode=True
    )

    try:
        result: dict[str, Any] = apply(module.params, system_of(module), module.check_mode)
    except HostNetworkError as error:
        module.fail_json(msg=f"{module.params['switch']}: {error}", **error.details)
    module.exit_json(switch=module.params["switch"], **result)


if __name__ == "__main__":
    main()
