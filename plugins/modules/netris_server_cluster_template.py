#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_server_cluster_template
short_description: Manage a server cluster template of Netris
version_added: 0.1.0
description:
  - >-
    Creates, changes and deletes a template: which NICs of a server cluster's servers form which V-Net.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the template. It is matched exactly.
    type: str
    required: true
  vnets:
    description:
      - The V-Nets that each server cluster gets, in any order. Needed to create the template.
    type: list
    elements: dict
    suboptions:
      postfix:
        description:
          - End of the V-Net's name; tells the V-Nets of a cluster apart.
        type: str
        required: true
      type:
        description:
          - Kind of V-Net.
        type: str
        choices: [l2vpn, l3vpn, netris-ufm, netris-nvlink]
      vlan:
        description:
          - How frames leave the ports of dedicated servers.
        type: str
        choices: [untagged, tagged]
      vlan_id:
        description:
          - Who chooses the VLAN id.
        type: str
        choices: [auto, specify, dynamic]
      server_nics:
        description:
          - NICs, in any order. The names mean the same on every server.
        type: list
        elements: str
        required: true
      ip_family:
        description:
          - Address families.
        type: str
        choices: [ipv4, ipv6, dual]
      ipv4_gateway:
        description:
          - >-
            A gateway with prefix length, V(specify) to ask for it when a cluster is created, or a mapping for a
            subnet that the controller cuts from a supernet: C(allocation) (a prefix), C(child_subnet_prefix_length),
            C(hostnum) (the gateway's host number) and C(assign_type) (V(auto)).
        type: raw
      ipv4_dhcp_enabled:
        description:
          - Whether the IPv4 gateway gives out addresses.
        type: bool
      ipv6_gateway:
        description:
          - The same for IPv6.
        type: raw
      ipv6_dhcp_enabled:
        description:
          - Whether the IPv6 gateway gives out addresses.
        type: bool
      ufm:
        description:
          - UFM, for O(vnets[].type=netris-ufm).
        type: str
      pkey:
        description:
          - Partition key, for O(vnets[].type=netris-ufm).
        type: str
      partition:
        description:
          - Partition, for O(vnets[].type=netris-nvlink).
        type: str
  if_unused:
    description:
      - With O(state=absent), keep the object without an error while something else still uses it.
    type: bool
    default: false
seealso:
  - module: baremetal.fabric.netris_server_cluster
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Make the template of all tenant clusters
  baremetal.fabric.netris_server_cluster_template:
    name: tenant-nodes
    vnets:
      - postfix: nodes
        type: l2vpn
        vlan: untagged
        vlan_id: auto
        server_nics: [eth9, eth10]
        ipv4_gateway:
          assign_type: auto
          allocation: 192.168.64.0/18
          child_subnet_prefix_length: 22
          hostnum: 1022
        ipv4_dhcp_enabled: true

- name: Remove it unless a server cluster uses it
  baremetal.fabric.netris_server_cluster_template:
    name: tenant-nodes
    state: absent
    if_unused: true
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 3, name: tenant-nodes, vnets: [{postfix: nodes, type: l2vpn}]}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("server_cluster_templates"), supports_check_mode=True)
    run_noun(module, "server_cluster_templates")


if __name__ == "__main__":
    main()
