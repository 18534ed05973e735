"""Brings a list of objects to the state asked for: order, plan, apply, wait."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from . import compare, evidence
from .client import Cluster, Document, describe
from .errors import KubeError, UnknownKind, Unreachable, WaitTimeout
from .readiness import judge
from .waits import POLL_SECONDS

#: How long an apply is retried while the cluster digests what was applied just before it.
SETTLE_SECONDS = 30.0
#: Long enough for an API server to notice a CRD that this very call made.
CRD_SECONDS = 60.0
_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job", "CronJob")


@dataclass(frozen=True)
class Settings:
    manager: str = "baremetal.fabric"
    force: bool = True
    dry_run: bool = False
    wait: bool = True
    wait_timeout: float = 300.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass
class Outcome:
    """What happened, or would happen, to one object."""

    document: Document
    action: str  # created, updated, unchanged, deleted, absent
    before: Document | None = None
    after: Document | None = None
    note: str = ""

    @property
    def changed(self) -> bool:
        return self.action in ("created", "updated", "deleted")

    def summary(self) -> Document:
        metadata = self.document.get("metadata") or {}
        summary = {
            "api_version": self.document.get("apiVersion"),
            "kind": self.document.get("kind"),
            "namespace": metadata.get("namespace"),
            "name": metadata.get("name"),
            "action": self.action,
        }
        return {**summary, "note": self.note} if self.note else summary

    def diff(self) -> Document:
        before, after = compare.presentable(self.before, self.after)
        title = describe(self.document)
        return {
            "before_header": title,
            "after_header": title,
            "before": compare.as_text(before),
            "after": compare.as_text(after),
        }


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return any(outcome.changed for outcome in self.outcomes)

    def as_result(self) -> dict[str, Any]:
        return {
            "changed": self.changed,
            "objects": [outcome.summary() for outcome in self.outcomes],
            "diff": [outcome.diff() for outcome in self.outcomes if outcome.changed],
        }


def validate(documents: Iterable[Any]) -> list[Document]:
    """Refuses what is not an object before anything is sent, all mistakes at once."""
    mistakes, accepted, seen = [], [], set()
    for number, document in enumerate(documents):
        if not isinstance(document, dict):
            mistakes.append(f"objects[{number}]: not a dictionary")
            continue
        missing = [key for key in ("apiVersion", "kind") if not document.get(key)]
        metadata = document.get("metadata")
        if not isinstance(metadata, dict) or not metadata.get("name"):
            missing.append("metadata.name")
        if missing:
            mistakes.append(f"objects[{number}]: {', '.join(missing)} missing")
            continue
        key = (
            document["apiVersion"],
            document["kind"],
            document["metadata"].get("namespace"),
            document["metadata"]["name"],
        )
        if key in seen:
            mistakes.append(f"objects[{number}]: {describe(document)} is there twice")
        seen.add(key)
        accepted.append(compare.normalise(document))
    if mistakes:
        raise KubeError("; ".join(mistakes))
    return accepted


def _rank(document: Document) -> int:
    """Namespaces and CRDs come before whatever lives in or by them; otherwise the caller's order stands."""
    return {"Namespace": 0, "CustomResourceDefinition": 1}.get(str(document.get("kind")), 2)


def plan_without_cluster(documents: list[Document], state: str, reason: str) -> Report:
    """The plan when there is no API to ask yet: everything is to be made, and nothing is there to remove."""
    if state == "absent":
        return Report([Outcome(document, "absent", note=reason) for document in documents])
    return Report([Outcome(document, "created", None, document, reason) for document in documents])


def present(cluster: Cluster, documents: list[Document], settings: Settings) -> Report:
    report = Report()
    ordered = sorted(documents, key=_rank)
    pending_namespaces: set[str] = set()
    for position, document in enumerate(ordered):
        if position and _rank(document) == 2 and _rank(ordered[position - 1]) == 1 and not settings.dry_run:
            _establish(cluster, [o.document for o in report.outcomes if _rank(o.document) == 1], settings)
        outcome = _apply_one(cluster, document, settings, pending_namespaces)
        if outcome.action == "created" and document["kind"] == "Namespace":
            pending_namespaces.add(document["metadata"]["name"])
        report.outcomes.append(outcome)
    if settings.wait and not settings.dry_run:
        try:
            await_ready(cluster, [outcome.document for outcome in report.outcomes], settings)
        except WaitTimeout as error:
            error.result = report.as_result()
            raise
    return report


def _establish(cluster: Cluster, crds: list[Document], settings: Settings) -> None:
    limit = max(CRD_SECONDS, settings.wait_timeout)
    await_ready(cluster, crds, Settings(wait_timeout=limit, sleep=settings.sleep, clock=settings.clock))
    cluster.forget_kinds()
    deadline = settings.clock() + SETTLE_SECONDS
    for crd in crds:
        _await_served(cluster, crd, deadline, settings)


def _await_served(cluster: Cluster, crd: Document, deadline: float, settings: Settings) -> None:
    """An established kind may still be missing from what the API server says it serves, for a moment."""
    group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
    for version in (version["name"] for version in crd["spec"]["versions"] if version.get("served")):
        while True:
            try:
                cluster.resource(f"{group}/{version}", kind)
                break
            except UnknownKind:
                if settings.clock() > deadline:
                    raise
            settings.sleep(POLL_SECONDS)


def _apply_one(cluster: Cluster, document: Document, settings: Settings, pending_namespaces: set[str]) -> Outcome:
    metadata = document["metadata"]
    deadline = settings.clock() + SETTLE_SECONDS
    while True:
        try:
            before = cluster.get(document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace"))
            after = cluster.apply(document, manager=settings.manager, force=settings.force, dry_run=settings.dry_run)
            break
        except KubeError as error:
            if settings.dry_run and (note := _not_yet(cluster, document, error, pending_namespaces)):
                return Outcome(document, "created", None, document, note)
            if not _passing(error) or settings.clock() > deadline:
                raise type(error)(*_arguments(document, error)) from error
        settings.sleep(POLL_SECONDS)
    if before is None:
        action = "created"
    elif compare.essence(before) != compare.essence(after):
        action = "updated"
    else:
        action = "unchanged"
    return Outcome(document, action, before, after)


def _arguments(document: Document, error: KubeError) -> tuple[str, ...]:
    if isinstance(error, UnknownKind):
        return (error.api_version, error.kind)
    return (f"{describe(document)}: {error.message}",)


def _not_yet(cluster: Cluster, document: Document, error: KubeError, pending_namespaces: set[str]) -> str | None:
    """Why a dry run cannot be asked of the server yet, if the reason is that something is still to be made."""
    if isinstance(error, UnknownKind):
        return f"{error.kind} is not served yet"
    namespace = document["metadata"].get("namespace")
    if error.status != 404 or not namespace:
        return None
    if namespace in pending_namespaces or cluster.get("v1", "Namespace", namespace) is None:
        return f"namespace {namespace} is still to be made"
    return None


def _passing(error: KubeError) -> bool:
    """Refusals of a cluster that is still digesting: new kinds, webhooks without endpoints, simultaneous writers."""
    if isinstance(error, Unreachable):
        return False  # urllib3 has retried already
    if isinstance(error, UnknownKind):
        return False
    return error.status in (409, 429, 503) or (error.status == 500 and "webhook" in error.message)


def await_ready(cluster: Cluster, documents: list[Document], settings: Settings) -> None:
    deadline = settings.clock() + settings.wait_timeout
    waiting = list(documents)
    while True:
        still: list[Document] = []
        for document in waiting:
            metadata = document["metadata"]
            current = cluster.get(document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace"))
            if current is None:
                raise KubeError(f"{describe(document)} vanished while it was waited for")
            verdict = judge(current)
            if verdict.hopeless:
                raise KubeError(evidence.collect(cluster, current))
            if not verdict.ready:
                still.append(current)
        if not still:
            return
        if settings.clock() >= deadline:
            account = "\n".join(evidence.collect(cluster, document) for document in still)
            raise WaitTimeout(f"not ready:\n{account}")
        waiting = still
        settings.sleep(POLL_SECONDS)


def absent(cluster: Cluster, documents: list[Document], settings: Settings) -> Report:
    """Removes in the opposite order of creation, and unless told otherwise sees them gone."""
    report = Report()
    # What lives in a namespace, or by a CRD, must be gone before that goes: its finalizers may need either.
    backwards = sorted(documents, key=_rank)
    backwards.reverse()
    for _rank_value, group in itertools.groupby(backwards, key=_rank):
        outcomes = [_remove_one(cluster, document, settings) for document in group]
        report.outcomes += outcomes
        if settings.wait and not settings.dry_run:
            _await_gone(cluster, [o.before for o in outcomes if o.action == "deleted" and o.before], settings)
    return report


def _remove_one(cluster: Cluster, document: Document, settings: Settings) -> Outcome:
    metadata = document["metadata"]
    where = (document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace"))
    try:
        before = cluster.get(*where)
    except UnknownKind as error:
        return Outcome(document, "absent", note=error.message)
    if before is None:
        return Outcome(document, "absent")
    before.setdefault("apiVersion", document["apiVersion"])
    before.setdefault("kind", document["kind"])
    if not settings.dry_run:
        # Only workloads have dependents worth waiting for. For anything else the garbage collector would first have to
        # notice the kind, which takes it half a minute for a new CRD.
        propagation = "Foreground" if document["kind"] in _WORKLOADS else "Background"
        cluster.delete(*where, propagation=propagation, uid=before["metadata"]["uid"])
    return Outcome(document, "deleted", before, None)


def _await_gone(cluster: Cluster, documents: list[Document], settings: Settings) -> None:
    deadline = settings.clock() + settings.wait_timeout
    waiting = documents
    while waiting:
        still = []
        for document in waiting:
            metadata = document["metadata"]
            try:
                current = cluster.get(
                    document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace")
                )
            except UnknownKind:
                continue  # its CRD went in the same call
            if current is not None and current["metadata"]["uid"] == metadata["uid"]:
                still.append(current)
        if still and settings.clock() >= deadline:
            raise WaitTimeout(
                "still there: " + "; ".join(f"{describe(document)}{_held_by(document)}" for document in still)
            )
        waiting = still
        if waiting:
            settings.sleep(POLL_SECONDS)


def _held_by(document: Document) -> str:
    finalizers = document["metadata"].get("finalizers") or (document.get("spec") or {}).get("finalizers")
    stuck = [
        f"{entry['type']}: {entry.get('message', '')}"
        for entry in (document.get("status") or {}).get("conditions") or []
        if entry.get("status") == "True" and entry.get("message")
    ]
    detail = ([f"finalizers {', '.join(finalizers)}"] if finalizers else []) + stuck
    return f" ({'; '.join(detail)})" if detail else ""
