#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: kube_objects
short_description: Bring a list of Kubernetes objects to a state, in one call
version_added: 0.1.0
description:
  - Applies many objects by server-side apply, waits until they are what they were meant to become, or removes them
    and waits until they are gone.
  - Namespaces and CustomResourceDefinitions of the list go first, whatever their position; custom resources of the
    same list follow as soon as their kind is served.
  - Runs on the machine that runs Ansible.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant
attributes:
  check_mode:
    support: full
    description:
      - The API server is asked for a dry run. Objects whose API, kubeconfig file, namespace or kind does not exist yet
        are reported as to be created.
  diff_mode:
    support: full
    description: Values of Secrets are hidden, but a changed one shows as changed.
options:
  state:
    description: Whether the objects shall exist.
    type: str
    choices: [present, absent]
    default: present
  objects:
    description:
      - The objects. With O(state=absent) the API version, kind, name and namespace are enough.
    type: list
    elements: dict
    required: true
  wait:
    description:
      - Wait until every object is ready (rollout of a Deployment, DaemonSet or StatefulSet, CustomResourceDefinition
        Established, Job Complete, Pod Ready) or, with O(state=absent), gone.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait; the failure carries conditions, events and the end of the logs.
    type: int
    default: 300
  field_manager:
    description: Who owns the applied fields.
    type: str
    default: baremetal.fabric
  force_conflicts:
    description: Take over fields that another manager has set to something else.
    type: bool
    default: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: A namespace and what lives in it
  baremetal.fabric.kube_objects:
    kubeconfig: /etc/fabric/host.kubeconfig
    objects:
      - apiVersion: v1
        kind: Namespace
        metadata:
          name: tools
      - apiVersion: v1
        kind: ConfigMap
        metadata:
          name: settings
          namespace: tools
        data:
          colour: blue

- name: A manifest, waiting until it runs
  baremetal.fabric.kube_objects:
    kubeconfig: /etc/fabric/host.kubeconfig
    objects: "{{ lookup('ansible.builtin.file', 'manifest.yaml') | ansible.builtin.from_yaml_all | list }}"
    wait_timeout: 600

- name: An object in a tenant cluster, reached through the host cluster
  baremetal.fabric.kube_objects:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenant:
      name: blue
    objects:
      - apiVersion: v1
        kind: Namespace
        metadata:
          name: tools
"""

RETURN = r"""
objects:
  description: What was done, or would be done, with each object, in the order of doing.
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
      description: Namespace of the object, if it has one.
      type: str
    name:
      description: Name of the object.
      type: str
    action:
      description: One of V(created), V(updated), V(unchanged), V(deleted) and V(absent).
      type: str
    note:
      description: Why the plan could not be asked of the API server.
      type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects


def argument_spec() -> dict[str, Any]:
    return {
        **kube_module.connection_options(),
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "objects": {"type": "list", "elements": "dict", "required": True},
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 300},
        "field_manager": {"type": "str", "default": "baremetal.fabric"},
        "force_conflicts": {"type": "bool", "default": True},
    }


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    documents = objects.validate(params["objects"])
    settings = objects.Settings(
        manager=params["field_manager"],
        force=params["force_conflicts"],
        dry_run=module.check_mode,
        wait=params["wait"],
        wait_timeout=params["wait_timeout"],
    )
    carry_out = objects.present if params["state"] == "present" else objects.absent

    def ask() -> dict[str, Any]:
        with kube_module.open_cluster(params) as cluster:
            return carry_out(cluster, documents, settings).as_result()

    def plan(reason: str) -> dict[str, Any]:
        return objects.plan_without_cluster(documents, params["state"], reason).as_result()

    return kube_module.unless_missing(ask, module, plan)


def main() -> None:
    # no_log keeps the arguments, which may hold Secrets, out of the system log; results are masked by run().
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True, no_log=True), work)


if __name__ == "__main__":
    main()
