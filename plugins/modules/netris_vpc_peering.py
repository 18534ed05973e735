#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_vpc_peering
short_description: Manage a VPC peering of Netris
version_added: 0.1.0
description:
  - Creates, changes and deletes a peering of two VPCs, which then take over each other's routes.
  - Peerings are not transitive. Two VPCs that are peered to the same third one stay apart.
  - A peering carries no tags, so nobody can tell which are ours, and one is deleted when its name says so.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the peering. It is matched exactly.
    type: str
    required: true
  server_cluster:
    description:
      - Name of a server cluster. Together with O(postfix) it names the V-Net whose subnet is meant where this entry
        needs one. The server cluster may be made by the same M(baremetal.fabric.netris_document).
    type: str
  postfix:
    description:
      - Postfix of the template's entry that the V-Net was made from.
    type: str
  vpc_a:
    description:
      - Name of one VPC. Needed to create it, and cannot be changed later.
    type: str
  vpc_b:
    description:
      - Name of the other VPC. Needed to create it, and cannot be changed later.
    type: str
  inbound_a:
    description:
      - Prefix list of the routes that O(vpc_a) takes over, one line each, such as C(permit 10.80.0.0/24), as the
        controller takes them. An empty list takes over every route.
      - C({subnet}) stands for the subnet that O(server_cluster) and O(postfix) name.
    type: list
    elements: str
  inbound_b:
    description:
      - The same for O(vpc_b).
    type: list
    elements: str
seealso:
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Let blue reach the shared services
  baremetal.fabric.netris_vpc_peering:
    name: blue-services
    vpc_a: blue
    vpc_b: services
    inbound_a: [permit 10.80.0.0/24]
    inbound_b: [permit 192.168.64.0/22]
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 2, name: blue-services, vpc_a: blue, vpc_b: services, inbound_a: [permit 10.80.0.0/24], inbound_b: []}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("vpc_peerings"), supports_check_mode=True)
    run_noun(module, "vpc_peerings")


if __name__ == "__main__":
    main()
