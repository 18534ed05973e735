#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_vnet
short_description: Manage a V-Net of Netris
version_added: 0.1.0
description:
  - >-
    Creates, changes and deletes a V-Net: one VLAN with its gateways, DHCP and ports.
  - Also changes details of a V-Net that a server cluster made, such as its DHCP range, by O(server_cluster) and
    O(postfix). Such a V-Net is never created or deleted here, and what is not named of it stays.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the V-Net. It is matched exactly. Required unless O(server_cluster) is given.
    type: str
  server_cluster:
    description:
      - Name of the server cluster whose V-Net is meant.
    type: str
  postfix:
    description:
      - Postfix of the template entry that the V-Net was made for.
    type: str
  vpc:
    description:
      - Name of the VPC. Needed to create it, and cannot be changed later.
    type: str
  owner:
    description:
      - Name of the owner, the Netris tenant that the object belongs to. Needed to create it, and cannot be changed
        later.
    type: str
  sites:
    description:
      - Names of the sites. Needed to create it.
    type: list
    elements: str
  vlan:
    description:
      - VLAN id, V(auto) to let the controller choose, or V(disabled). V(auto) by default.
    type: str
  enabled:
    description:
      - Whether the V-Net is active.
    type: bool
  ip_family:
    description:
      - Address families.
    type: str
    choices: [ipv4, ipv6, dual]
  vxlan_id:
    description:
      - VXLAN id. The controller chooses one by default.
    type: int
  guest_owners:
    description:
      - Names of the owners that may use it, too.
    type: list
    elements: str
  gateways:
    description:
      - Gateways, in any order.
    type: list
    elements: dict
    suboptions:
      prefix:
        description:
          - >-
            Address with prefix length. May be left out with O(server_cluster): then the V-Net's only IPv4 gateway is
            meant.
        type: str
      dhcp_enabled:
        description:
          - Whether the gateway gives out addresses. On by default when O(gateways[].dhcp) is given.
        type: bool
      dhcp:
        description:
          - What it gives out. The controller chooses what is not given.
        type: dict
        suboptions:
          start:
            description:
              - First address.
            type: str
          end:
            description:
              - Last address.
            type: str
          start_host:
            description:
              - First address as host number in the gateway's subnet, for subnets that only the controller knows.
            type: int
          end_host:
            description:
              - Last address as host number in the gateway's subnet.
            type: int
          option_set:
            description:
              - Name of the DHCP option set.
            type: str
  ports:
    description:
      - Member ports, in any order.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The port, as V(port@device). For a server, its NIC.
        type: str
        required: true
      tagged:
        description:
          - Whether frames carry the VLAN tag there.
        type: bool
      state:
        description:
          - V(absent) takes the port out, with O(ports_mode=merge).
        type: str
        choices: [present, absent]
  ports_mode:
    description:
      - With V(exact), the default, the V-Net has the given ports and no others. With V(merge), they are added to what
        is there.
    type: str
    choices: [exact, merge]
  tags:
    description:
      - Tags. The ownership mark is added and kept by itself and need not be listed.
    type: list
    elements: str
seealso:
  - module: baremetal.fabric.netris_server_cluster
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Make a V-Net for storage
  baremetal.fabric.netris_vnet:
    name: storage
    vpc: blue
    owner: Admin
    sites: [Default]
    gateways:
      - prefix: 10.9.1.1/24
        dhcp: {start: 10.9.1.10, end: 10.9.1.99}
    ports:
      - name: eth3@metal1

- name: Keep the DHCP range of a server cluster's V-Net off the last addresses
  baremetal.fabric.netris_vnet:
    server_cluster: blue
    postfix: nodes
    gateways:
      - dhcp: {start_host: 1, end_host: 1017}
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 5, name: storage, vpc: blue, vlan: 5, sites: [Default]}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("vnets"), supports_check_mode=True)
    run_noun(module, "vnets")


if __name__ == "__main__":
    main()
