#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: node_lease
short_description: Wait until a server has an address in a subnet
version_added: 0.1.0
description:
  - Waits until an interface is up with an address in the subnet, reminding the DHCP client from time to time.
  - Runs on the server, with Python 3.8 or later and nothing else.
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode. In check mode it looks once and does not mind if there is no address.
options:
  interface:
    description: The interface.
    type: str
    required: true
  subnet:
    description: The subnet. Not needed in check mode.
    type: str
  timeout:
    description: Seconds to wait.
    type: int
    default: 180
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Wait for the address from the tenant cluster's subnet
  baremetal.fabric.node_lease:
    interface: bond0
    subnet: 192.168.64.0/22
  register: lease
"""

RETURN = r"""
address:
  description: The address, null if there is none in check mode.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._node import lease
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import System


def main() -> None:
    spec = {
        "interface": {"type": "str", "required": True},
        "subnet": {"type": "str"},
        "timeout": {"type": "int", "default": 180},
    }
    module = AnsibleModule(spec, supports_check_mode=True)
    interface, subnet = module.params["interface"], module.params["subnet"]
    system = System()
    if module.check_mode:
        address = lease.inside(lease.look(system, interface), subnet) if subnet else None
        module.exit_json(changed=False, address=address)
    if not subnet:
        module.fail_json(msg="missing required arguments: subnet")
    try:
        address = lease.await_address(system, interface, subnet, module.params["timeout"])
    except lease.NoAddress as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, address=address)


if __name__ == "__main__":
    main()
