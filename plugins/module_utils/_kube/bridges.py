"""Has an operator of the host cluster make, or give up, a tenant cluster's VLAN device and bridge on the nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import objects
from .client import Cluster, Document, describe, label_selector
from .documents import bridges as documents
from .documents.bridges import BRIDGE_OPERATOR, NMSTATE
from .documents.common import KNOWN_AFTER_APPLY, MANAGED_BY, TENANT_LABEL
from .errors import KubeError, UnknownKind
from .objects import Outcome, Report
from .readiness import conditions
from .waits import wait_while

#: How much of what nmstate says is repeated: it tends to append the whole desired state.
_MESSAGE = 1500
_HOPELESS = ("Failing", "Aborted")


@dataclass(frozen=True)
class Order:
    """What shall be: `nodes` are those that are waited for."""

    tenant: str
    link: str
    vlan_id: int | None
    bridge: str | None
    nodes: tuple[str, ...]
    mtu: int | None = None
    max_unavailable: str | None = None

    def intent(self) -> Document:
        return {
            "name": self.tenant,
            "link": self.link,
            "vlan_id": self.vlan_id,
            "bridge": self.bridge,
            "mtu": self.mtu,
            "max_unavailable": _whole_or_text(self.max_unavailable),
        }


def document_of(backend: str, order: Order) -> Document:
    if backend == NMSTATE:
        return documents.node_network_policy(order.intent())
    return documents.bridge_configuration(order.intent())


def present(cluster: Cluster, backend: str, order: Order, settings: objects.Settings) -> Report:
    """Apply the one object of the tenant cluster, and see it carried out on every node of the order."""
    document = document_of(backend, order)
    report = Report()
    if backend == BRIDGE_OPERATOR:
        # Its object bears the bridge's name: of a tenant cluster with another VLAN id than before, there are two.
        former = [each for each in found(cluster, BRIDGE_OPERATOR, order.tenant) if _name(each) != _name(document)]
        report.outcomes += _delete(cluster, former, settings)
    before = _refuse_foreign(cluster, document, order.tenant)
    unknown = order.vlan_id is None or order.bridge is None
    if unknown and settings.dry_run:
        report.outcomes.append(Outcome(document, "created", None, document, f"VLAN id {KNOWN_AFTER_APPLY}"))
        return report
    if before is None and settings.wait and not settings.dry_run:
        # What is said of a policy that was deleted a moment ago would be taken for an answer about the new one.
        _await(lambda: _traces(cluster, backend, [document]), settings, report)
    try:
        report.outcomes += objects.present(cluster, [document], replace(settings, wait=False)).outcomes
    except UnknownKind as error:
        raise KubeError(f"{error.message} {_INSTALL[backend]}", status=error.status) from error
    if settings.wait and not settings.dry_run:
        judge = _policy_done if backend == NMSTATE else _bridge_done
        try:
            _await(lambda: judge(cluster, document, order), settings, report)
        except _Refused as refused:
            # It makes nothing undone. nmstate has rolled the node back by itself, and does not try one generation of a
            # policy again once it has given up: the next run makes a new one.
            _delete(cluster, [document], settings)
            raise KubeError(f"{refused.message}\n{describe(document)} was deleted again.") from refused
    return report


def absent(cluster: Cluster, backend: str, tenant: str, remove: bool, settings: objects.Settings) -> Report:
    """Take the tenant cluster's object away, and with `remove` the devices before it."""
    report = Report()
    ours = found(cluster, backend, tenant)
    if backend == NMSTATE and remove:
        for policy in ours:
            report.outcomes += _remove_devices(cluster, policy, settings, report)
    removed = _delete(cluster, ours, settings)
    report.outcomes += removed
    if settings.wait and not settings.dry_run and any(each.changed for each in removed):
        _await(lambda: _traces(cluster, backend, ours), settings, report)
    return report


def found(cluster: Cluster, backend: str, tenant: str) -> list[Document]:
    """The objects of a tenant cluster that bear our mark; none where the kind is not served."""
    version, kind = (
        (documents.POLICY_VERSION, documents.POLICY_KIND)
        if backend == NMSTATE
        else (documents.BRIDGE_VERSION, documents.BRIDGE_KIND)
    )
    if not cluster.serves(version, kind):
        return []
    marks = {"app.kubernetes.io/managed-by": MANAGED_BY, TENANT_LABEL: tenant}
    return cluster.list(version, kind, labels=label_selector(marks))


class _Refused(KubeError):
    """Waiting longer cannot help."""


_INSTALL = {
    NMSTATE: "The role baremetal.fabric.nmstate installs kubernetes-nmstate.",
    BRIDGE_OPERATOR: "The entry point bridge_operator of the role baremetal.fabric.host_network installs it.",
}


def _refuse_foreign(cluster: Cluster, document: Document, tenant: str) -> Document | None:
    """The object as it is there, if it is ours."""
    version, kind = document["apiVersion"], document["kind"]
    if not cluster.serves(version, kind) or _name(document) == KNOWN_AFTER_APPLY:
        return None
    before = cluster.get(version, kind, _name(document))
    if before is not None and not documents.is_ours(before, tenant):
        holder = (before["metadata"].get("labels") or {}).get(TENANT_LABEL)
        whose = f"belongs to tenant cluster '{holder}'" if holder else "was not made by this collection"
        raise KubeError(f"{describe(document)} is there and {whose}. Nothing was touched; remove or rename it.")
    return before


def _remove_devices(cluster: Cluster, policy: Document, settings: objects.Settings, so_far: Report) -> list[Outcome]:
    if not documents.interfaces_of(policy):
        return []
    if documents.is_removing(policy):  # a run that was killed
        outcomes = []
    else:
        unwaited = replace(settings, wait=False)
        outcomes = objects.present(cluster, [documents.removing_policy(policy)], unwaited).outcomes
    if settings.wait and not settings.dry_run:
        report = Report([*so_far.outcomes, *outcomes])
        nodes = _selected(cluster, policy)
        order = Order(policy["metadata"]["labels"][TENANT_LABEL], "", None, None, nodes)
        try:
            _await(lambda: _policy_done(cluster, policy, order), settings, report)
        except _Refused as refused:
            _delete(cluster, [policy], settings)
            raise KubeError(
                f"{refused.message}\n{describe(policy)} was deleted; the devices that are left go with the next run."
            ) from refused
    return outcomes


def _selected(cluster: Cluster, policy: Document) -> tuple[str, ...]:
    selector = (policy.get("spec") or {}).get("nodeSelector") or {}
    return tuple(sorted(_name(node) for node in cluster.list("v1", "Node", labels=label_selector(selector) or None)))


def _delete(cluster: Cluster, documents_: Sequence[Document], settings: objects.Settings) -> list[Outcome]:
    return objects.absent(cluster, list(documents_), replace(settings, wait=False)).outcomes if documents_ else []


def _await(unfinished: Callable[[], list[str]], settings: objects.Settings, report: Report) -> None:
    wait_while(
        unfinished,
        lambda lines: ["not everywhere:", *lines],
        settings.clock() + settings.wait_timeout,
        report.as_result(),
        settings.clock,
        settings.sleep,
    )


def _policy_done(cluster: Cluster, document: Document, order: Order) -> list[str]:
    """A line for each node where the newest generation of the policy is not in force yet."""
    policy = cluster.get(document["apiVersion"], document["kind"], _name(document))
    if policy is None:
        raise KubeError(f"{describe(document)} vanished while it was waited for")
    generation = int(policy["metadata"].get("generation", 1))
    listed = {_name(each): each for each in cluster.list(documents.ENACTMENT_VERSION, documents.ENACTMENT_KIND)}
    lines: list[str] = []
    failed: list[str] = []
    for node in order.nodes:
        name = documents.enactment_name(node, _name(document))
        line, hopeless = _enactment(node, listed.get(name), generation)
        lines += [line] if line else []
        failed += [line] if hopeless else []
    busy = [line for line in lines if line not in failed and "Progressing" in line]
    if failed and not busy:
        raise _Refused("\n".join(["nmstate could not configure every node:", *lines]))
    return lines


def _enactment(node: str, enactment: Document | None, generation: int) -> tuple[str, bool]:
    """What is to be said of a node, nothing when all is done, and whether waiting longer cannot help."""
    if enactment is None:
        return (
            f"{node}: no enactment yet; does kubernetes-nmstate's handler run on this node, and NetworkManager?",
            False,
        )
    if int((enactment.get("status") or {}).get("policyGeneration") or 0) < generation:
        return f"{node}: the last change is not seen yet", False
    said = conditions(enactment)
    true = [kind for kind, each in sorted(said.items()) if each.get("status") == "True"]
    if "Available" in true:
        return "", False
    told = "; ".join(_told(kind, said[kind]) for kind in true) or "no condition yet"
    return f"{node}: {told}", any(kind in _HOPELESS for kind in true)


def _told(kind: str, condition: Document) -> str:
    message = str(condition.get("message") or "")
    cut = message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]}…"
    return f"{kind} {condition.get('reason', '')} {cut}".strip()


def _bridge_done(cluster: Cluster, document: Document, order: Order) -> list[str]:
    bridge, port = _name(document), f"{order.link}.{order.vlan_id}"
    lines = []
    for node in order.nodes:
        name = documents.information_name(node, bridge)
        information = cluster.get(documents.BRIDGE_VERSION, documents.INFORMATION_KIND, name)
        status = (information or {}).get("status") or {}
        ports = [str(each.get("name")) for each in status.get("ports") or []]
        if information is None:
            lines.append(f"{node}: no {documents.INFORMATION_KIND} yet; does bridge-operator's daemon run there?")
        elif port not in ports:
            lines.append(
                f"{node}: {bridge} is without {port}{'' if status.get('managed') else ' and was there before'}:"
                f" bridge-operator connects it only to bridges that it makes itself, and only once"
            )
    return lines


def _traces(cluster: Cluster, backend: str, gone: Sequence[Document]) -> list[str]:
    """What the operator keeps of its own accord about objects that are deleted."""
    names = {_name(each) for each in gone}
    version, kind = (
        (documents.ENACTMENT_VERSION, documents.ENACTMENT_KIND)
        if backend == NMSTATE
        else (documents.BRIDGE_VERSION, documents.INFORMATION_KIND)
    )

    def subject(trace: Document) -> str:
        status = trace.get("status") or {}
        return _name(trace).rpartition(".")[2] if backend == NMSTATE else str(status.get("name"))

    kept = cluster.list(version, kind) if cluster.serves(version, kind) else []
    left = [each for each in kept if subject(each) in names]
    return [f"{describe(each)} is still there" for each in left]


def _name(document: Document) -> str:
    return str(document["metadata"]["name"])


def _whole_or_text(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdigit() else value


def settings_of(dry_run: bool, wait_timeout: float) -> objects.Settings:
    return objects.Settings(dry_run=dry_run, wait_timeout=wait_timeout)
