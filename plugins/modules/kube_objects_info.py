#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: kube_objects_info
short_description: Look up Kubernetes objects of several kinds in one call
version_added: 0.1.0
description:
  - Answers a list of queries, each for one kind, and returns what matches.
  - Kinds that the cluster does not serve match nothing.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant
  - baremetal.fabric.kube.forbidden
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode. In check mode a cluster that does not exist yet holds nothing.
options:
  queries:
    description: What to look for.
    type: list
    elements: dict
    required: true
    suboptions:
      api_version:
        description: API version of the kind.
        type: str
        default: v1
      kind:
        description: The kind.
        type: str
        required: true
      namespace:
        description: Namespace to look in; by default all of them.
        type: str
      name:
        description: Exact name.
        type: str
      name_pattern:
        description: Regular expression that the name must match.
        type: str
      label_selector:
        description: Labels that must match, as C(key=value,…).
        type: str
  helm_values:
    description:
      - Paths, such as V(networking.serviceCIDR), of values with which Helm has made a release.
      - Those that are set are added to Helm's records among the objects, as C(helm_values), and those that the chart
        itself sets as C(helm_defaults), with its version as C(helm_chart_version). Nothing else of a record is shown,
        since it holds secrets.
    type: list
    elements: str
    default: []
  wait_ready:
    description:
      - Wait until every query matches something and all of it is ready, as M(baremetal.fabric.kube_objects) would.
        Not in check mode.
    type: bool
    default: false
  wait_gone:
    description: Wait until no query matches anything. Not in check mode.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait; the failure carries conditions, events and the end of the logs.
    type: int
    default: 300
  allow_unreachable:
    description: Answer with nothing, instead of failing, when the API cannot be reached.
    type: bool
    default: false
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Volumes and address pools of a tenant cluster
  baremetal.fabric.kube_objects_info:
    kubeconfig: /etc/fabric/host.kubeconfig
    queries:
      - kind: PersistentVolumeClaim
        namespace: vcluster-blue
        name_pattern: ^data-blue-[0-9]+$
      - api_version: whereabouts.cni.cncf.io/v1alpha1
        kind: IPPool
        name_pattern: ^blue-

- name: Nodes of a tenant cluster, reached through the host cluster
  baremetal.fabric.kube_objects_info:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenant:
      name: blue
    queries:
      - kind: Node
"""

RETURN = r"""
reachable:
  description: Whether the API answered.
  type: bool
  returned: success
objects:
  description: What matched, without managed fields; values of Secrets are hidden.
  type: list
  elements: dict
  returned: success
not_checked:
  description: A sentence for each query that the API server forbids, with the right that it needs.
  type: list
  elements: str
  returned: success
  sample: ["not checked: IPPool in kube-system; needs list on ippools.whereabouts.cni.cncf.io in namespace kube-system"]
refused:
  description: The kinds of these queries.
  type: list
  elements: str
  returned: success
"""

import re
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import compare, evidence, readiness
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, Document, describe
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError, Unreachable, WaitTimeout
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.refusals import Refusals
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import immutable

# What may not be looked at would never be seen to become ready.
RULES = {"mutually_exclusive": [("wait_ready", "wait_gone"), ("wait_ready", "allow_forbidden")]}


def argument_spec() -> dict[str, Any]:
    query = {
        "api_version": {"type": "str", "default": "v1"},
        "kind": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "name": {"type": "str"},
        "name_pattern": {"type": "str"},
        "label_selector": {"type": "str"},
    }
    return {
        **kube_module.connection_options(),
        **kube_module.forbidden_options(),
        "queries": {"type": "list", "elements": "dict", "required": True, "options": query},
        "helm_values": {"type": "list", "elements": "str", "default": []},
        "wait_ready": {"type": "bool", "default": False},
        "wait_gone": {"type": "bool", "default": False},
        "wait_timeout": {"type": "int", "default": 300},
        "allow_unreachable": {"type": "bool", "default": False},
    }


def shown(document: Document, helm_values: list[str]) -> Document:
    """What may be seen of an object: nothing of a Secret but its name, and of Helm's records what was asked for."""
    masked: Document = compare.masked(document)
    release = immutable.helm_release(document) if helm_values else None
    if release is None:
        return masked
    chart = release.get("chart") or {}
    return {
        **masked,
        "helm_values": immutable.kept(release.get("config") or {}, helm_values),
        "helm_defaults": immutable.kept(chart.get("values") or {}, helm_values),
        "helm_chart_version": (chart.get("metadata") or {}).get("version"),
    }


def answer(cluster: Cluster, query: Document, helm_values: list[str]) -> list[Document]:
    try:
        pattern = re.compile(query["name_pattern"] or "")
    except re.error as error:
        raise KubeError(f"name_pattern {query['name_pattern']!r}: {error}") from error
    if not cluster.serves(query["api_version"], query["kind"]):
        return []
    if query["name"]:
        one = cluster.get(query["api_version"], query["kind"], query["name"], query["namespace"])
        found = [one] if one else []
    else:
        found = cluster.list(query["api_version"], query["kind"], query["namespace"], labels=query["label_selector"])
    matching = [document for document in found if pattern.search(document["metadata"]["name"])]
    for document in matching:
        document["metadata"].pop("managedFields", None)
    return [shown(document, helm_values) for document in matching]


def look(cluster: Cluster, params: Document, refusals: Refusals) -> list[list[Document]]:
    def one(query: Document) -> list[Document]:
        return answer(cluster, query, params["helm_values"])

    nothing: list[Document] = []
    return [
        refusals.ask(_subject(query), lambda query=query: one(query), nothing, query["kind"])  # type: ignore[misc]
        for query in params["queries"]
    ]


def await_state(cluster: Cluster, params: Document, refusals: Refusals) -> list[list[Document]]:
    """Looks until what was asked for is the case; a wait for nothing in particular is over at once."""
    deadline = time.monotonic() + params["wait_timeout"]
    while True:
        answers = look(cluster, params, refusals)
        found = [document for each in answers for document in each]
        unready = [document for document in found if not readiness.judge(document).ready]
        if params["wait_gone"]:
            missing, waiting = [], found
        else:
            missing = [query for query, each in zip(params["queries"], answers, strict=True) if not each]
            waiting = unready
        if not missing and not waiting:
            return answers
        if time.monotonic() >= deadline:
            lines = [f"nothing matches {_spoken(query)}" for query in missing]
            if params["wait_gone"]:
                lines += [f"{describe(document)} is still there" for document in waiting]
            else:
                lines += [evidence.collect(cluster, document) for document in waiting]
            raise WaitTimeout("\n".join(["not as it should be:", *lines]))
        time.sleep(1)


def _subject(query: Document) -> str:
    """What a query is about, in a few words."""
    where = f" in {query['namespace']}" if query["namespace"] else ""
    return f"{query['kind']}{' ' + query['name'] if query['name'] else ''}{where}"


def _spoken(query: Document) -> str:
    return " ".join(f"{key}={value}" for key, value in query.items() if value)


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    waits = (params["wait_ready"] or params["wait_gone"]) and not module.check_mode
    refusals = Refusals(params["allow_forbidden"])
    result = {"changed": False, "reachable": False, "objects": [], "not_checked": [], "refused": []}
    try:
        with kube_module.open_cluster(params) as cluster:
            answers = (await_state if waits else look)(cluster, params, refusals)
    except Unreachable:
        if not (module.check_mode or params["allow_unreachable"]):
            raise
        return result
    found = [document for each in answers for document in each]
    told = {"not_checked": refusals.notes, "refused": refusals.kinds}
    return {**result, "reachable": True, "objects": found, **told}


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True, **RULES), work)


if __name__ == "__main__":
    main()
