#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_allocation
short_description: Manage an IPAM allocation of Netris
version_added: 0.1.0
description:
  - >-
    Creates, changes and deletes an allocation: an address range from which subnets are taken.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the allocation. It is matched exactly.
    type: str
    required: true
  vpc:
    description:
      - Name of the VPC. Together with O(name) it tells allocations apart.
    type: str
    required: true
  prefix:
    description:
      - The range, such as V(192.168.64.0/18). Needed to create it.
    type: str
  owner:
    description:
      - Name of the owner, the Netris tenant that the object belongs to. Needed to create it, and cannot be changed
        later.
    type: str
  description:
    description:
      - Free text.
    type: str
seealso:
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Keep addresses for storage networks
  baremetal.fabric.netris_allocation:
    name: storage
    vpc: blue
    prefix: 10.9.0.0/16
    owner: Admin
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 12, name: storage, vpc: blue, prefix: 10.9.0.0/16, owner: Admin, description: ""}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("allocations"), supports_check_mode=True)
    run_noun(module, "allocations")


if __name__ == "__main__":
    main()
