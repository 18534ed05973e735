#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_info
short_description: Read objects of a Netris controller
version_added: 0.1.0
description:
  - Reads all objects of the given kinds, in the words that M(baremetal.fabric.netris_document) takes, with what only
    the controller can tell.
  - One request for each kind, except for allocations, which the controller shows for one VPC at a time only.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.attributes_info
options:
  gather:
    description: What to read. Each becomes a list of the result.
    type: list
    elements: str
    required: true
    choices:
      - allocations
      - dhcp_option_sets
      - lags
      - links
      - nats
      - owners
      - ports
      - server_cluster_templates
      - server_clusters
      - servers
      - sites
      - subnets
      - switches
      - vnets
      - vpc_peerings
      - vpcs
seealso:
  - module: baremetal.fabric.netris_document
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Look at the fabric
  baremetal.fabric.netris_info:
    gather: [sites, switches, server_clusters]
  register: fabric

- name: Refuse to go on with a switch that does not follow
  ansible.builtin.assert:
    that: fabric.switches | rejectattr('health.ok') | length == 0
"""

RETURN = r"""
allocations:
  description: Allocations.
  type: list
  elements: dict
  returned: when gathered
dhcp_option_sets:
  description: DHCP option sets.
  type: list
  elements: dict
  returned: when gathered
lags:
  description: Link aggregation groups.
  type: list
  elements: dict
  returned: when gathered
  sample: [{id: 40, name: agg1@leaf1, switch: leaf1, ports: [swp7, swp8], lacp: true, mtu: 9000}]
links:
  description: Links.
  type: list
  elements: dict
  returned: when gathered
  sample: [{id: 4, local: eth9@metal1, remote: swp7@leaf1, underlay: false}]
nats:
  description: NAT rules, with the words of their comments as tags.
  type: list
  elements: dict
  returned: when gathered
  sample: [{id: 4, name: blue-snat, vpc: blue, action: snat, source: 192.168.64.0/22, snat_to: 198.51.100.10}]
owners:
  description: Owners, which Netris calls tenants.
  type: list
  elements: dict
  returned: when gathered
  sample: [{id: 1, name: Admin, description: Built-in}]
ports:
  description: Ports of switches and servers, link aggregation groups among them.
  type: list
  elements: dict
  returned: when gathered
  sample: [{id: 3, name: swp1@leaf1, port: swp1, device: leaf1, device_type: switch, status: Up, lag: false, mtu: 9000}]
server_cluster_templates:
  description: Server cluster templates.
  type: list
  elements: dict
  returned: when gathered
server_clusters:
  description:
    - Server clusters, with C(status) and, by the postfix of the template entry, C(vnets) with VLAN id, VPC, subnet,
      gateway and DHCP range.
  type: list
  elements: dict
  returned: when gathered
servers:
  description: Servers.
  type: list
  elements: dict
  returned: when gathered
sites:
  description: Sites with their VLAN ranges, the VLAN ids that V-Nets use and how many are left to choose from.
  type: list
  elements: dict
  returned: when gathered
  sample:
    - {id: 1, name: Default, vlan_range: 2-4094, vlan_range_auto_assign: 2-100, vlans_used: [2, 3], vlans_free: 97}
subnets:
  description: Subnets of all VPCs, those of server clusters among them.
  type: list
  elements: dict
  returned: when gathered
switches:
  description: Switches with their health as the controller sees it.
  type: list
  elements: dict
  returned: when gathered
  sample: [{id: 1, name: leaf1, site: Default, health: {ok: true, message: OK, last_seen: 1700000000000}}]
vnets:
  description: V-Nets.
  type: list
  elements: dict
  returned: when gathered
vpc_peerings:
  description: VPC peerings; none where the controller is too old to have any.
  type: list
  elements: dict
  returned: when gathered
vpcs:
  description: VPCs.
  type: list
  elements: dict
  returned: when gathered
requests:
  description: Number of requests that were made, as C(read) and C(write).
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.module import info_argument_spec, run_info


def main() -> None:
    module = AnsibleModule(argument_spec=info_argument_spec(), supports_check_mode=True)
    run_info(module)


if __name__ == "__main__":
    main()
