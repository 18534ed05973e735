#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: k8slan_lans
short_description: Virtual LANs of pods and virtual machines, by k8slan
version_added: 0.1.0
description:
  - Declares LANs to k8slan, waits until every node that k8slan serves is ready for them, or removes them and waits
    until they are gone.
  - All rules are checked before anything is touched, and all mistakes are told at once. k8slan itself checks few of
    them, and uniqueness across LANs not at all.
  - A LAN cannot be changed. One that shall differ is refused, or with O(recreate) removed and made anew.
  - Only LANs with the label C(app.kubernetes.io/managed-by=baremetal.fabric), which this module sets, are changed or
    removed.
  - Runs on the machine that runs Ansible.
extends_documentation_fragment:
  - baremetal.fabric.kube
attributes:
  check_mode:
    support: full
    description:
      - Every rule is checked. In a cluster that does not exist yet, or that does not serve LANs yet, all is reported
        as to be created.
  diff_mode:
    support: full
    description: Shows the LANs before and after.
options:
  state:
    description:
      - Whether the LANs shall exist. With V(absent) this is so for all of O(lans), whatever each of them says.
    type: str
    choices: [present, absent]
    default: present
  lans:
    description:
      - The LANs. With O(state=absent) their names and namespaces are enough, and without any all of ours are removed.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the LAN.
        type: str
        required: true
      state:
        description: Whether this one shall exist. Those that shall not go first, so others may take over what they had.
        type: str
        choices: [present, absent]
        default: present
      namespace:
        description: Namespace of the LAN and of its network attachments. It must exist.
        type: str
        default: default
      netns:
        description:
          - Network namespace that is made for it on each node. Unique across all LANs. Defaults to the LAN's name.
        type: str
      bridge:
        description: Name of its bridge in that network namespace, 13 characters at most.
        type: str
        default: br0
      vxlan:
        description: Name of its VXLAN device in that network namespace, 13 characters at most.
        type: str
        default: vx0
      vni:
        description: VXLAN network identifier, unique across all LANs. Required for a LAN that shall be there.
        type: int
      group:
        description: Multicast group by which the nodes find each other.
        type: str
        default: ff02::14
      port:
        description:
          - UDP port of the VXLAN. Neither that of k8slan's own default, which Calico uses, nor that of Flannel and
            Cilium.
        type: int
        default: 14789
      device:
        description: NIC of the nodes that carries the LAN, where O(lans[].devices) says nothing else.
        type: str
      devices:
        description: NICs by the host names of nodes.
        type: dict
        default: {}
      spokes:
        description: The places at the LAN. Required for a LAN that shall be there.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description:
              - Name of the spoke, 13 characters at most, unique across all LANs.
            type: str
            required: true
          consumer:
            description: What is attached to it, which decides by which of its two network attachments.
            type: str
            choices: [pod, vm]
            default: pod
  naming:
    description:
      - How k8slan names network attachments and resources. Its release 0.0.2 does so by the spoke (V(spoke)); its
        later source puts the LAN's name before that (V(lan_spoke)).
    type: str
    choices: [spoke, lan_spoke]
    default: spoke
  recreate:
    description:
      - Remove a LAN that shall differ from what it is, and make it anew. Whoever is attached would lose the
        interface, so this is refused as long as somebody is.
    type: bool
    default: false
  free_finalizers:
    description:
      - Take off at once those finalizers of LANs that shall go which nobody is left to take off, because their node is
        gone or not Ready, or because k8slan does not run there.
      - Meant for after a removal has run out of time. Only LANs that are ours and are being removed are touched, and
        each finalizer is told in a warning.
    type: bool
    default: false
  operator_namespace:
    description: Namespace in which k8slan runs.
    type: str
    default: k8slan-system
  operator_daemon_set:
    description: Name of its DaemonSet. The nodes that its pods are on are those that a LAN waits for.
    type: str
    default: k8slan-ds
  wait:
    description:
      - Wait until the LANs are ready on every node or, if they shall not exist, gone. The removal of others is awaited
        in any case before a LAN is made.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait; the failure tells what each LAN lacks on which node.
    type: int
    default: 300
seealso:
  - module: baremetal.fabric.host_multicast
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: A LAN for a router's pod and a virtual machine
  baremetal.fabric.k8slan_lans:
    kubeconfig: /etc/fabric/host.kubeconfig
    lans:
      - name: lan-example
        vni: 222
        device: bond0
        spokes:
          - name: srl
          - name: vm
            consumer: vm

- name: Take it away
  baremetal.fabric.k8slan_lans:
    kubeconfig: /etc/fabric/host.kubeconfig
    state: absent
    lans:
      - name: lan-example
"""

RETURN = r"""
objects:
  description: What was done, or would be done, with each LAN, in the order of doing.
  type: list
  elements: dict
  returned: success
  contains:
    api_version:
      description: API version of the object.
      type: str
    kind:
      description: Kind of the object.
      type: str
    namespace:
      description: Namespace of the LAN.
      type: str
    name:
      description: Name of the LAN.
      type: str
    action:
      description: One of V(created), V(unchanged), V(deleted) and V(absent).
      type: str
    note:
      description: Why the plan could not be asked of the API server.
      type: str
lans:
  description:
    - Of the LANs that shall be there, what whoever attaches must know. Input of
      P(baremetal.fabric.k8slan_attached#filter).
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the LAN.
      type: str
    namespace:
      description: Its namespace.
      type: str
    spokes:
      description: For each spoke its name, C(consumer), C(attachment) (namespace and name) and C(resource).
      type: list
      elements: dict
freed:
  description: A sentence for each finalizer that was taken off by force.
  type: list
  elements: str
  returned: success
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import cluster as lans_of
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import model, rules
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import Unreachable


def argument_spec() -> dict[str, Any]:
    spoke = {
        "name": {"type": "str", "required": True},
        "consumer": {"type": "str", "choices": ["pod", "vm"], "default": "pod"},
    }
    lan = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "namespace": {"type": "str", "default": "default"},
        "netns": {"type": "str"},
        "bridge": {"type": "str", "default": "br0"},
        "vxlan": {"type": "str", "default": "vx0"},
        "vni": {"type": "int"},
        "group": {"type": "str", "default": "ff02::14"},
        "port": {"type": "int", "default": 14789},
        "device": {"type": "str"},
        "devices": {"type": "dict", "default": {}},
        "spokes": {"type": "list", "elements": "dict", "default": [], "options": spoke},
    }
    return {
        **kube_module.host_options(),
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "lans": {"type": "list", "elements": "dict", "default": [], "options": lan},
        "naming": {"type": "str", "choices": ["spoke", "lan_spoke"], "default": "spoke"},
        "recreate": {"type": "bool", "default": False},
        "free_finalizers": {"type": "bool", "default": False},
        "operator_namespace": {"type": "str", "default": "k8slan-system"},
        "operator_daemon_set": {"type": "str", "default": "k8slan-ds"},
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 300},
    }


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    settings = lans_of.Settings(
        operator=lans_of.Operator(params["operator_namespace"], params["operator_daemon_set"]),
        recreate=params["recreate"],
        free_finalizers=params["free_finalizers"],
        dry_run=module.check_mode,
        wait=params["wait"],
        wait_timeout=params["wait_timeout"],
    )
    wanted = [each for each in params["lans"] if params["state"] == "present" and each["state"] == "present"]
    lans = [model.from_options(each, params["naming"]) for each in wanted]
    leaving = [(each["namespace"], each["name"]) for each in params["lans"] if each not in wanted]
    everything = params["state"] == "absent" and not params["lans"]
    told = {"lans": [model.facts(lan) for lan in lans]}

    def ask() -> dict[str, Any]:
        try:
            with kube_module.open_cluster(params) as cluster:
                report, freed = lans_of.bring(cluster, lans, None if everything else leaving, settings)
        except Unreachable:
            # What can be told without the cluster need not wait for it.
            lans_of.refuse(rules.mistakes(lans, rules.Facts(), leaving))
            raise
        changed = report.changed or bool(freed)
        return {**report.as_result(), **told, "changed": changed, "freed": freed, "warnings": freed}

    def plan(reason: str) -> dict[str, Any]:
        documents = [model.document(lan) for lan in lans]
        return {**objects.plan_without_cluster(documents, "present", reason).as_result(), **told, "freed": []}

    return kube_module.unless_missing(ask, module, plan)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()
