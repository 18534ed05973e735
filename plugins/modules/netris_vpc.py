#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_vpc
short_description: Manage a VPC of Netris
version_added: 0.1.0
description:
  - >-
    Creates, changes and deletes a VPC: one routing domain.
  - A VPC can only be deleted when nothing is left in it.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the VPC. It is matched exactly.
    type: str
    required: true
  owner:
    description:
      - Name of the owner, the Netris tenant that the object belongs to. Needed to create it, and cannot be changed
        later.
    type: str
  guest_owners:
    description:
      - Names of the owners that may use it, too.
    type: list
    elements: str
  tags:
    description:
      - Tags. The ownership mark is added and kept by itself and need not be listed.
    type: list
    elements: str
seealso:
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Make the VPC of the tenant cluster blue
  baremetal.fabric.netris_vpc:
    name: blue
    owner: Admin
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 7, name: blue, owner: Admin, guest_owners: [], tags: [managed-by=baremetal.fabric]}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("vpcs"), supports_check_mode=True)
    run_noun(module, "vpcs")


if __name__ == "__main__":
    main()
