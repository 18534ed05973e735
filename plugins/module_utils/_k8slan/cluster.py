# SPDX-License-Identifier: Apache-2.0
"""LANs brought to the state asked for: look, judge, remove, create, wait."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._host_cluster import survey
from .._host_cluster.cni import detect
from .._kube import evidence, objects
from .._kube.client import Cluster, describe
from .._kube.errors import KubeError
from .._kube.waits import wait_while
from . import model, rules
from .consumers import consumers
from .model import Lan, key_of, shown
from .plan import plan
from .progress import missing, releasable, waiting_agents
from .rules import Facts

Document = dict[str, Any]


@dataclass(frozen=True)
class Operator:
    """Where k8slan itself runs."""

    namespace: str = "k8slan-system"
    daemon_set: str = "k8slan-ds"


@dataclass(frozen=True)
class Settings:
    operator: Operator = Operator()
    recreate: bool = False
    free_finalizers: bool = False
    dry_run: bool = False
    wait: bool = True
    wait_timeout: float = 300.0


def look(cluster: Cluster, operator: Operator, everything: bool = True) -> Facts:
    """What rules and waits go by, by one request for each kind; `everything` also who is attached, and the CNI."""
    nodes = cluster.list("v1", "Node")
    pods = cluster.list("v1", "Pod", None if everything else operator.namespace)
    facts = Facts(
        lans=_all(cluster, model.API_VERSION, model.KIND),
        attachments=_all(cluster, *model.ATTACHMENT),
        nodes=nodes,
        agents=[pod for pod in pods if _is_agent(pod, operator)],
    )
    if everything:
        facts.consumers = consumers(pods, _all(cluster, "kubevirt.io/v1", "VirtualMachine"))
        facts.namespaces = {str(each["metadata"]["name"]) for each in cluster.list("v1", "Namespace")}
        cni = detect(survey.take_snapshot(cluster, nodes))
        facts.cni, facts.encapsulation = cni.name, cni.encapsulation
    return facts


def _all(cluster: Cluster, api_version: str, kind: str) -> list[Document]:
    return cluster.list(api_version, kind) if cluster.serves(api_version, kind) else []


def _is_agent(pod: Document, operator: Operator) -> bool:
    metadata = pod["metadata"]
    owners = [(each.get("kind"), each.get("name")) for each in metadata.get("ownerReferences") or []]
    return metadata.get("namespace") == operator.namespace and ("DaemonSet", operator.daemon_set) in owners


def refuse(mistakes: Sequence[str]) -> None:
    """All of them at once, before anything was touched."""
    if mistakes:
        raise KubeError("\n".join(["nothing was touched:", *(f"  - {each}" for each in mistakes)]))


def bring(
    cluster: Cluster, lans: Sequence[Lan], leaving: Sequence[tuple[str, str]] | None, settings: Settings
) -> tuple[objects.Report, list[str]]:
    """Removes LANs by namespace and name (None: all of ours), sees them gone, then makes those that shall be there.

    The second value tells in sentences which finalizers were taken off by force.
    """
    facts = look(cluster, settings.operator)
    going = [each for each in facts.lans if (model.ours(each) if leaving is None else key_of(each) in leaving)]
    refusals = _removal_refusals(going, facts)
    remaining = _without(facts, going)
    due = plan(lans, remaining, settings.recreate)
    refuse([*rules.mistakes(lans, remaining, leaving or ()), *due.refused, *refusals])
    report, freed = objects.Report(), list[str]()
    deadline = time.monotonic() + settings.wait_timeout
    # whoever is to come may take over what they had
    wait = settings.wait or bool(due.create)
    _remove(cluster, [*going, *due.remove], replace(settings, wait=wait), deadline, report, freed)
    there = {key_of(each) for each in facts.lans}
    report.outcomes += [_absent_already(key) for key in leaving or [] if key not in there]
    removed = {key_of(each) for each in due.remove}
    for lan in [*due.create, *due.keep]:
        document = objects.validate([model.document(lan)])
        if settings.dry_run and lan.key in removed:
            # as long as the former one is there, its webhook would refuse the change
            report.outcomes.append(objects.Outcome(document[0], "created", None, document[0], "after its removal"))
        elif lan in due.create:
            quiet = objects.Settings(dry_run=settings.dry_run, wait=False)
            report.outcomes += objects.present(cluster, document, quiet).outcomes
        else:
            report.outcomes.append(objects.Outcome(document[0], "unchanged"))
    if settings.wait and not settings.dry_run:
        _await_ready(cluster, lans, settings, deadline, report, freed)
    return report, freed


def _removal_refusals(going: Sequence[Document], facts: Facts) -> list[str]:
    """Of those that go already only whether we may have a say in it is left to ask."""
    standing = [each for each in going if not each["metadata"].get("deletionTimestamp")]
    foreign = [each for each in going if each not in standing and not model.ours(each)]
    return [
        *rules.removal_mistakes(standing, facts),
        *(f"LAN {shown(key_of(each))} {rules.NOT_OURS}" for each in foreign),
    ]


def _without(facts: Facts, going: Sequence[Document]) -> Facts:
    """As it will be once these are gone, with the attachments that go along."""
    keys = {key_of(each) for each in going}
    return replace(
        facts,
        lans=[each for each in facts.lans if key_of(each) not in keys],
        attachments=[each for each in facts.attachments if rules.owner_of(each) not in keys],
    )


def _remove(
    cluster: Cluster,
    documents: Sequence[Document],
    settings: Settings,
    deadline: float,
    report: objects.Report,
    freed: list[str],
) -> None:
    standing = [each for each in documents if not each["metadata"].get("deletionTimestamp")]
    quiet = objects.Settings(dry_run=settings.dry_run, wait=False)
    report.outcomes += objects.absent(cluster, standing, quiet).outcomes
    if settings.dry_run:
        return
    if settings.free_finalizers:
        freed += _free(cluster, [key_of(each) for each in documents], settings.operator)
    if settings.wait:
        _await_gone(cluster, documents, deadline, report, freed)


def _absent_already(key: tuple[str, str]) -> objects.Outcome:
    metadata = {"namespace": key[0], "name": key[1]}
    return objects.Outcome({"apiVersion": model.API_VERSION, "kind": model.KIND, "metadata": metadata}, "absent")


def _free(cluster: Cluster, keys: Sequence[tuple[str, str]], operator: Operator) -> list[str]:
    facts = look(cluster, operator, everything=False)
    told = []
    for found in facts.lans:
        if key_of(found) not in keys or not found["metadata"].get("deletionTimestamp"):
            continue
        reasons = releasable(found, facts)
        if not reasons:
            continue
        metadata = found["metadata"]
        kept = [each for each in metadata["finalizers"] if each not in reasons]
        # the version of what was judged: whoever has changed it meanwhile is not overruled
        patch = {"metadata": {"finalizers": kept or None, "resourceVersion": metadata["resourceVersion"]}}
        cluster.merge(model.API_VERSION, model.KIND, metadata["name"], patch, metadata["namespace"])
        netns = (found.get("spec") or {}).get("ns")
        told += [
            f"LAN {shown(key_of(found))}: took off the finalizer {finalizer}, since {reason}. If that machine still"
            f" runs, the network namespace {netns} and its devices stay there: restart it, or remove them by hand."
            for finalizer, reason in sorted(reasons.items())
        ]
    return told


def _await_gone(
    cluster: Cluster,
    documents: Sequence[Document],
    deadline: float,
    report: objects.Report,
    freed: Sequence[str],
) -> None:
    waiting = list(documents)

    def standing() -> list[Document]:
        found = [
            (each, cluster.get(model.API_VERSION, model.KIND, each["metadata"]["name"], each["metadata"]["namespace"]))
            for each in waiting
        ]
        waiting[:] = [now for each, now in found if now and now["metadata"]["uid"] == each["metadata"]["uid"]]
        return waiting

    def account(still: Sequence[Document]) -> list[str]:
        return [
            "not gone in time:",
            *(
                f"{describe(each)} is still there, held by"
                f" {', '.join(each['metadata'].get('finalizers') or []) or 'nothing'}"
                for each in still
            ),
            "k8slan takes its finalizers off where it runs; free_finalizers takes off those of nodes where it does not",
        ]

    wait_while(standing, account, deadline, _done(report, freed))


def _await_ready(
    cluster: Cluster,
    lans: Sequence[Lan],
    settings: Settings,
    deadline: float,
    report: objects.Report,
    freed: Sequence[str],
) -> None:
    facts = Facts()

    def lacking() -> list[str]:
        nonlocal facts
        facts = look(cluster, settings.operator, everything=False)
        return [line for lan in lans for line in missing(lan, facts)]

    def account(lines: Sequence[str]) -> list[str]:
        agents = [evidence.collect(cluster, pod) for pod in waiting_agents(lans, facts)]
        return ["not ready in time:", *lines, *agents]

    wait_while(lacking, account, deadline, _done(report, freed))


def _done(report: objects.Report, freed: Sequence[str]) -> Document:
    """What a failure tells of that which was done before it."""
    result = report.as_result()
    return {**result, "freed": list(freed), "warnings": list(freed)} if freed else result
