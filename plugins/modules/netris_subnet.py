#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_subnet
short_description: Manage an IPAM subnet of Netris
version_added: 0.1.0
description:
  - Creates, changes and deletes a subnet. It must lie within an allocation of the same VPC.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the subnet. It is matched exactly.
    type: str
    required: true
  vpc:
    description:
      - Name of the VPC. Together with O(name) it tells subnets apart.
    type: str
    required: true
  prefix:
    description:
      - The subnet, such as V(10.9.1.0/24). Needed to create it, and cannot be changed later.
    type: str
  owner:
    description:
      - Name of the owner, the Netris tenant that the object belongs to. Needed to create it.
    type: str
  sites:
    description:
      - Names of the sites in which it may be used. Needed to create it.
    type: list
    elements: str
  purpose:
    description:
      - What it is for. V(common) by default.
    type: str
    choices: [common, loopback, management, load-balancer, nat, inactive, bgp]
  description:
    description:
      - Free text.
    type: str
  default_gateway:
    description:
      - Default gateway, for O(purpose=management). Empty for none.
    type: str
  global_routing:
    description:
      - Whether the subnet is announced to the system VPC.
    type: bool
  tags:
    description:
      - Tags. The ownership mark is added and kept by itself and need not be listed.
    type: list
    elements: str
seealso:
  - module: baremetal.fabric.netris_allocation
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Make a subnet for storage
  baremetal.fabric.netris_subnet:
    name: storage-1
    vpc: blue
    prefix: 10.9.1.0/24
    owner: Admin
    sites: [Default]
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 13, name: storage-1, vpc: blue, prefix: 10.9.1.0/24, owner: Admin, sites: [Default], purpose: common}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("subnets"), supports_check_mode=True)
    run_noun(module, "subnets")


if __name__ == "__main__":
    main()
