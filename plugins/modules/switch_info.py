#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: switch_info
short_description: What a Linux leaf switch carries and what its ports lead to
version_added: 0.1.0
description:
  - Reads the record that M(baremetal.fabric.switch_networks) keeps on the switch, its ports, and the neighbours that
    C(lldpd) has heard, if it runs there. Changes nothing.
  - Runs on the switch, needs only Python 3.8 or newer and iproute2.
extends_documentation_fragment:
  - baremetal.fabric.modes.read_only
options:
  switch:
    description: The switch's name in the inventory, returned with what was found.
    type: str
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Look at the switch
  baremetal.fabric.switch_info:
    switch: leaf1
  delegate_to: leaf1
  register: look
"""

RETURN = r"""
switch:
  description: The name that was given.
  type: str
  returned: success
networks:
  description: The networks that the switch carries by its record.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the network.
      type: str
    vlan_id:
      description: Its VLAN id.
      type: int
    subnet:
      description: Its subnet.
      type: str
    gateway:
      description: Address of its gateway.
      type: str
    dhcp:
      description: C(start) and C(end) of the range of the DHCP server; null without one.
      type: dict
    routed:
      description: Whether gateway and DHCP server are on this switch.
      type: bool
    members:
      description: Servers with their C(ports) on this switch, and whether their frames are C(tagged).
      type: list
      elements: dict
ports:
  description: The switch's ports, each with C(up), C(carrier) and C(mtu).
  type: dict
  returned: success
neighbours:
  description: By port, C(system) and C(port) at the other end, as heard by LLDP. Null when no C(lldpd) answers.
  type: dict
  returned: success
vlan_ids_used:
  description: VLAN ids in use on the switch's ports that are not ours.
  type: list
  elements: int
  returned: success
rolled_back:
  description: When the switch took an unconfirmed change back by itself, null if it has not since the last change.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.module import system_of
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.run import look


def main() -> None:
    module = AnsibleModule(argument_spec={"switch": {"type": "str", "required": True}}, supports_check_mode=True)

    try:
        found = look(system_of(module), module.params["switch"])
    except HostNetworkError as error:
        module.fail_json(msg=f"{module.params['switch']}: {error}", **error.details)
    if found["rolled_back"]:
        module.warn(
            f"{found['switch']}: an earlier change was not confirmed; the switch took it back by itself at"
            f" {found['rolled_back']}"
        )
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
