#!/usr/bin/python
# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_cluster_info
short_description: What the clusters say about tenant clusters
version_added: 0.1.0
description:
  - Reads, for several tenant clusters in one call, the pods of the control plane, the holder of the API endpoint and
    the nodes of the tenant cluster, and what the host cluster still holds of tenant clusters that should be gone.
  - Runs on the machine that runs Ansible and changes nothing.
options:
  kubeconfig:
    description:
      - Path of the host cluster's kubeconfig file on the machine that runs the module. It is only read.
      - If E(K8S_AUTH_KUBECONFIG) is set it is used when the option is not.
    type: path
    required: true
  context:
    description:
      - Context of the kubeconfig; by default its current one.
      - If E(K8S_AUTH_CONTEXT) is set it is used when the option is not.
    type: str
  tenants:
    description: The tenant clusters to read.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the tenant cluster.
        type: str
        required: true
      namespace:
        description: Namespace of its control plane. Defaults to C(vcluster-<name>).
        type: str
      backend:
        description: What runs its control plane.
        type: str
        choices: [vcluster, kamaji]
        default: vcluster
      host_kubeconfig:
        description:
          - kubeconfig of the host cluster for this tenant cluster, by default O(kubeconfig). If it is another file and
            does not work, the tenant cluster is one that cannot be read.
        type: path
  gone:
    description: Tenant clusters of which nothing should be left.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the tenant cluster.
        type: str
        required: true
      namespaces:
        description: Namespaces that were its own. Defaults to C(vcluster-<name>) and C(vcluster-<name>-networks).
        type: list
        elements: str
      host_kubeconfig:
        description: kubeconfig of the host cluster for this tenant cluster, by default O(kubeconfig).
        type: path
extends_documentation_fragment:
  - baremetal.fabric.kube.forbidden
requirements:
  - kubernetes >= 28.1.0 (Python library)
attributes:
  check_mode:
    support: full
    description: Same as without it. A host cluster that cannot be reached then is no failure but an empty answer.
  diff_mode:
    support: none
    description: Changes nothing.
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Read two tenant clusters
  baremetal.fabric.tenant_cluster_info:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenants:
      - name: blue
      - name: green
  register: tenants_read

- name: See that nothing is left of a third
  baremetal.fabric.tenant_cluster_info:
    kubeconfig: /etc/fabric/host.kubeconfig
    gone:
      - name: red
  register: tenants_gone
  failed_when: tenants_gone.remains.red | length > 0
"""

RETURN = r"""
tenants:
  description: By name, what was found.
  returned: success
  type: dict
  sample:
    blue:
      ca: "-----BEGIN CERTIFICATE-----"
      control_planes:
        - {name: blue-0, node: shared1, uid: 4c9f}
      endpoint_holder: {name: apiserver-lb-5d8f, node: shared2, uid: 77aa}
      nodes:
        - {name: metal1, ready: true, state: Ready, version: v1.36.3, addresses: [192.168.64.1]}
      problem: null
host_targets:
  description: Addresses inside the host cluster that no tenant cluster may reach.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: service kubernetes, address: 10.96.0.1, port: 443}
notes:
  description: A sentence for each control plane that every pod of the host cluster can reach by the pod network.
  returned: success
  type: list
  elements: str
  sample: []
reason:
  description: Why the host cluster could not be asked, in check mode.
  returned: when it could not be asked
  type: str
not_checked:
  description: What the API server forbids to look at, with the right that it needs, and prepared namespaces that stay.
  type: list
  elements: str
  returned: success
  sample: []
remains:
  description: By name, the objects of O(gone) tenant clusters that are still there.
  returned: success
  type: dict
  sample:
    red: []
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import client
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import Unreachable
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.refusals import Refusals
from ansible_collections.baremetal.fabric.plugins.module_utils._proof import clusters


def argument_spec() -> dict[str, Any]:
    name = {"type": "str", "required": True}
    return {
        **kube_module.host_options(),
        **kube_module.forbidden_options(),
        "tenants": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": name,
                "namespace": {"type": "str"},
                "backend": {"type": "str", "choices": ["vcluster", "kamaji"], "default": "vcluster"},
                "host_kubeconfig": {"type": "path"},
            },
        },
        "gone": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": name,
                "namespaces": {"type": "list", "elements": "str"},
                "host_kubeconfig": {"type": "path"},
            },
        },
    }


class Hosts:
    """Connections to the host cluster, one for each kubeconfig."""

    def __init__(self, params: dict[str, Any], stack: contextlib.ExitStack) -> None:
        self._params, self._stack = params, stack
        self._open: dict[str, Cluster] = {}

    def of(self, entry: dict[str, Any]) -> Cluster:
        """That by which a tenant cluster is asked about: its own credentials, where it has such."""
        path = entry.get("host_kubeconfig") or self._params["kubeconfig"]
        if path not in self._open:
            # The context is one of the file that it was given with.
            context = self._params.get("context") if path == self._params["kubeconfig"] else None
            self._open[path] = self._stack.enter_context(client.connect(path, context))
        return self._open[path]


@contextlib.contextmanager
def hosts(params: dict[str, Any]) -> Iterator[Hosts]:
    with contextlib.ExitStack() as stack:
        yield Hosts(params, stack)


def read(found: Hosts, entry: dict[str, Any], params: dict[str, Any], refusals: Refusals) -> tuple[dict[str, Any], Any]:
    """What there is of a tenant cluster, and whether its control plane is closed; None if that cannot be told.

    Without its own credentials it is one that cannot be read; without the host cluster's there is nobody to ask at all.
    """
    name, namespace = entry["name"], entry["namespace"] or f"vcluster-{entry['name']}"
    try:
        host = found.of(entry)
    except Unreachable as error:
        if (entry.get("host_kubeconfig") or params["kubeconfig"]) == params["kubeconfig"]:
            raise
        return clusters.unread(error.message), None
    info = clusters.tenant_info(host, name, namespace, entry["backend"])
    unknown: bool | None = None
    closed = refusals.ask(
        f"whether a network policy closes the control plane of {name}",
        lambda: clusters.is_closed(host, namespace),
        unknown,
    )
    return info, closed


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params

    def ask() -> dict[str, Any]:
        refusals = Refusals(params["allow_forbidden"])
        with hosts(params) as found:
            host = found.of({})
            seen = {each["name"]: read(found, each, params, refusals) for each in params["tenants"]}
            closed = {name: shut for name, (_info, shut) in seen.items() if shut is not None}
            return {
                "changed": False,
                "tenants": {name: info for name, (info, _shut) in seen.items()},
                "host_targets": clusters.host_targets(host, refusals) if params["tenants"] else [],
                "notes": clusters.pod_network_notes(host, closed, refusals),
                "remains": {
                    each["name"]: clusters.remains(
                        found.of(each),
                        each["name"],
                        each["namespaces"] or [f"vcluster-{each['name']}", f"vcluster-{each['name']}-networks"],
                        refusals,
                    )
                    for each in params["gone"]
                },
                "not_checked": refusals.notes,
            }

    def nothing(reason: str) -> dict[str, Any]:
        empty: dict[str, Any] = {"tenants": {}, "host_targets": [], "notes": [], "remains": {}, "not_checked": []}
        return {"changed": False, **empty, "reason": reason}

    return kube_module.unless_missing(ask, module, nothing)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()
