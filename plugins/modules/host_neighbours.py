#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: host_neighbours
short_description: What a server hears of its switches by LLDP
version_added: 0.1.0
description:
  - Asks the server's C(lldpd) which switch port each NIC is cabled to and, where the switch tells them, which VLANs it
    carries, and compares that with what it is to be. Changes nothing.
  - Runs on the server, needs only Python 3.8 or newer and C(lldpd).
extends_documentation_fragment:
  - baremetal.fabric.modes.read_only
options:
  expected:
    description: What the NICs are to hear.
    type: list
    elements: dict
    default: []
    suboptions:
      nic:
        description: Name of the NIC.
        type: str
        required: true
      switch:
        description: Name that the switch tells.
        type: str
        required: true
      port:
        description: Name of its port.
        type: str
        required: true
      untagged:
        description: VLAN id of untagged frames.
        type: int
      tagged:
        description: VLAN ids of tagged frames.
        type: list
        elements: int
        default: []
      gone:
        description: VLAN ids that the port carried and shall not carry any more.
        type: list
        elements: int
        default: []
  vlans:
    description: Whether VLANs are compared too, where the switch tells them.
    type: bool
    default: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: See that metal1 is where the inventory says
  baremetal.fabric.host_neighbours:
    expected:
      - {nic: eth9, switch: leaf1, port: swp7, untagged: 101}
  register: heard
  until: heard.differences | length == 0
  retries: 60
  delay: 10
"""

RETURN = r"""
heard:
  description: By NIC, C(system) and C(ports) (all names of the one port), and C(untagged) and C(tagged) VLAN ids.
  type: dict
  returned: success
asked:
  description: Whether the server has an C(lldpd) that answers.
  type: bool
  returned: success
said:
  description: Why nobody could be asked; empty otherwise.
  type: str
  returned: success
differences:
  description: One line for each NIC that does not hear what it should.
  type: list
  elements: str
  returned: success
  sample:
    - eth9 hears swp8 of leaf1; it is to hear swp7 of leaf1
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.neighbours import differences, heard

EXPECTED = {
    "nic": {"type": "str", "required": True},
    "switch": {"type": "str", "required": True},
    "port": {"type": "str", "required": True},
    "untagged": {"type": "int"},
    "tagged": {"type": "list", "elements": "int", "default": []},
    "gone": {"type": "list", "elements": "int", "default": []},
}
OPTIONS = {
    "expected": {"type": "list", "elements": "dict", "default": [], "options": EXPECTED},
    "vlans": {"type": "bool", "default": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    now: dict[str, dict[str, Any]] = {}
    program = module.get_bin_path("lldpcli", opt_dirs=["/usr/sbin", "/sbin"])
    asked, said = False, "there is no lldpcli"
    if program:
        code, output, errors = module.run_command([program, "-f", "json0", "show", "neighbors", "details"])
        asked, said = code == 0, (errors or output).strip()[-200:] if code else ""
        try:
            now = heard(json.loads(output or "{}")) if asked else {}
        except ValueError:
            module.fail_json(msg=f"lldpcli said what is no JSON: {output[:200]}")
    lines = differences(now, module.params["expected"], module.params["vlans"])
    module.exit_json(changed=False, heard=now, asked=asked, said=said, differences=lines)


if __name__ == "__main__":
    main()
