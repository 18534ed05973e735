# SPDX-License-Identifier: Apache-2.0
"""How far a LAN is. k8slan writes no status, so it is told from what it leaves on LANs, nodes and attachments. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._kube.readiness import conditions, is_true, judge
from . import model
from .model import Lan, shown
from .rules import Facts, owner_of, served

Document = dict[str, Any]


def missing(lan: Lan, facts: Facts) -> list[str]:
    """A sentence for each thing that the LAN still lacks; none when every node is ready for it."""
    found = next((each for each in facts.lans if model.key_of(each) == lan.key), None)
    if found is None:
        return [f"LAN {shown(lan.key)} is not there"]
    hosts = served(facts)
    if not hosts:
        return [f"LAN {shown(lan.key)}: k8slan runs on no node"]
    told = []
    there = {each["metadata"]["name"] for each in facts.attachments if owner_of(each) == lan.key}
    lacking = [name for spoke in lan.spokes for name in [model.attachment(lan, spoke)] if name not in there]
    if lacking:
        told.append(f"no network attachment {', '.join(lacking)}")
    nodes = {model.host_of(node): node for node in facts.nodes or []}
    finalizers = found["metadata"].get("finalizers") or []
    for host in hosts:
        allocatable = (nodes[host].get("status") or {}).get("allocatable") or {}
        resources = [model.resource(lan, spoke) for spoke in lan.spokes]
        offered = [name for name in resources if str(allocatable.get(name, "0")) != "0"]
        if f"{model.FINALIZERS}{host}" not in finalizers:
            told.append(f"{host} has not taken it up")
        elif len(offered) < len(resources):
            told.append(f"{host} does not offer {', '.join(name for name in resources if name not in offered)}")
    if not told:
        return []
    return [f"LAN {shown(lan.key)}: {'; '.join(told)}", *_conditions(found)]


def _conditions(found: Document) -> list[str]:
    lines = [
        f"  condition {kind}={each.get('status')} {each.get('reason', '')} {each.get('message', '')}".rstrip()
        for kind, each in sorted(conditions(found).items())
    ]
    return lines or ["  k8slan has written no condition to it"]


def waiting_agents(lans: Sequence[Lan], facts: Facts) -> list[Document]:
    """k8slan's pods that are not ready: most likely what a LAN waits for."""
    return [pod for pod in facts.agents if not judge(pod).ready] if lans else []


def releasable(found: Document, facts: Facts) -> dict[str, str]:
    """The finalizers of a LAN that nobody is left to take off, and why: no node, or no k8slan on it."""
    if not model.ours(found):
        return {}
    nodes = {model.host_of(node): node for node in facts.nodes or []}
    running = {str((pod.get("spec") or {}).get("nodeName", "")) for pod in facts.agents if judge(pod).ready}
    reasons = {}
    for finalizer in found["metadata"].get("finalizers") or []:
        if not finalizer.startswith(model.FINALIZERS):
            continue
        host = finalizer[len(model.FINALIZERS) :]
        node = nodes.get(host)
        if node is None:
            reasons[finalizer] = f"there is no node {host} any more"
        elif not is_true(node, "Ready"):
            reasons[finalizer] = f"node {host} is not Ready"
        elif node["metadata"]["name"] not in running:
            reasons[finalizer] = f"k8slan does not run on {host}"
    return reasons
