#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_lag
short_description: Manage a link aggregation group of Netris
version_added: 0.1.0
description:
  - Creates, changes and deletes a link aggregation group of switch ports.
  - >-
    A group has no name of our choice: the one that has ports in common with O(ports) is meant.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  switch:
    description:
      - Name of the switch.
    type: str
    required: true
  ports:
    description:
      - Its member ports, in any order.
    type: list
    elements: str
    required: true
  lacp:
    description:
      - Whether LACP is spoken. On by default.
    type: bool
  description:
    description:
      - Free text.
    type: str
  mtu:
    description:
      - MTU. 9000 by default.
    type: int
  owner:
    description:
      - Name of the owner, the Netris tenant that the object belongs to. Needed to create it.
    type: str
seealso:
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Bond the two switch ports of a server
  baremetal.fabric.netris_lag:
    switch: leaf1
    ports: [swp7, swp8]
    description: metal1
    owner: Admin
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 40, name: agg1@leaf1, switch: leaf1, ports: [swp7, swp8], lacp: true, mtu: 9000}
plan:
  description: What was done, or in check mode would be done, in order. Empty when nothing changes.
  type: list
  elements: dict
  returned: success
  contains:
    noun:
      description: Kind of object.
      type: str
    name:
      description: Name of the object.
      type: str
    operation:
      description: One of V(create), V(update), V(delete).
      type: str
    changes:
      description: The fields that change, each with C(field), C(before) and C(after).
      type: list
      elements: dict
    reason:
      description: Why, where it is not obvious.
      type: str
requests:
  description: Number of requests that were made, as C(read) and C(write).
  type: dict
  returned: success
errors:
  description: All mistakes in the options, each with C(path) and C(message). Nothing was written then.
  type: list
  elements: dict
  returned: when options are wrong
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.module import noun_argument_spec, run_noun


def main() -> None:
    module = AnsibleModule(argument_spec=noun_argument_spec("lags"), supports_check_mode=True)
    run_noun(module, "lags")


if __name__ == "__main__":
    main()
