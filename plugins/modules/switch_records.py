#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: switch_records
short_description: The file that stands for switches which a person configures
version_added: 0.1.0
description:
  - Keeps what each switch carries in a file beside the inventory, gives VLAN ids and subnets away, and makes the list
    of what has to be set at which port. One play at a time writes the file.
  - Talks to no switch. The file is part of the intent, to be kept in version control with the inventory, since nothing
    else remembers which VLAN id is whose.
attributes:
  check_mode:
    support: full
    description: VLAN ids and subnets are given away, but not written down.
  diff_mode:
    support: full
    description: Shows the file.
options:
  file:
    description: The file.
    type: path
    required: true
  phase:
    description:
      - V(look) reads, V(reserve) gives VLAN ids and subnets away, V(plan) makes the list of what has to be set, and
        V(record) writes down that it was.
    type: str
    choices: [look, reserve, plan, record]
    default: look
  links:
    description: For each switch its ports, and the server NIC at the other end of each as nic@server.
    type: dict
    required: true
  document:
    description: The document of M(baremetal.fabric.fabric_plan). Needed for every O(phase) but V(look).
    type: dict
    default: {}
  reserved:
    description: By network, the C(vlan_id) and C(subnet) that it was given.
    type: dict
    default: {}
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Say what has to be set
  baremetal.fabric.switch_records:
    file: inventory/fabric-manual.json
    phase: plan
    links:
      leaf1: {swp1: eth9@shared1, swp2: eth10@shared1}
    document: "{{ planned.document }}"
    reserved: "{{ reserved.reserved }}"
  delegate_to: localhost
"""

RETURN = r"""
looks:
  description: What each switch carries, as M(baremetal.fabric.switch_info) tells it.
  type: list
  elements: dict
  returned: with every O(phase) but V(reserve)
reserved:
  description: By network, its C(vlan_id) and C(subnet).
  type: dict
  returned: with O(phase=reserve)
tentative:
  description: Networks whose VLAN id and subnet were not written down, in check mode; another play may take them.
  type: list
  elements: str
  returned: with O(phase=reserve)
lines:
  description: What has to be set, one line for each network and port that changes.
  type: list
  elements: str
  returned: with O(phase=plan) and O(phase=record)
  sample:
    - "leaf1: VLAN 101 (blue); gateway 192.168.67.254/22, routed to no other network; DHCP 192.168.64.1-192.168.67.249"
    - "leaf1 swp7 (eth9@metal1): LACP port-channel of swp7, swp8; VLAN 101 untagged (access); MTU 9216"
table:
  description: Every port of every switch as it shall be, as CSV.
  type: str
  returned: with O(phase=plan) and O(phase=record)
expected:
  description: For each server whose ports change, what its NICs have to hear by LLDP.
  type: dict
  returned: with O(phase=plan) and O(phase=record)
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.module import system_of
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.records import run

OPTIONS = {
    "file": {"type": "path", "required": True},
    "phase": {"type": "str", "choices": ["look", "reserve", "plan", "record"], "default": "look"},
    "links": {"type": "dict", "required": True},
    "document": {"type": "dict", "default": {}},
    "reserved": {"type": "dict", "default": {}},
}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)

    try:
        result: dict[str, Any] = run(module.params, system_of(module), module.check_mode)
    except HostNetworkError as error:
        module.fail_json(msg=f"{module.params['file']}: {error}", **error.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
