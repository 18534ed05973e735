"""Pausing a control plane as vCluster itself does, so that its own command line can resume it and the other way round.

Pure: how a workload is scaled to nothing and back. What runs on private nodes goes on; only their API is gone.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

PAUSED = "loft.sh/paused"
#: Stands for PAUSED while a snapshot is written into the store.
RESTORING = "loft.sh/restoring"
REPLICAS = "loft.sh/paused-replicas"
DATE = "loft.sh/paused-date"
#: For what is not vCluster's own, and would not be resumed by it.
OUR_REPLICAS = "baremetal.fabric/paused-replicas"


def notes_of(workload: Document) -> dict[str, str]:
    return workload["metadata"].get("annotations") or {}


def replicas(workload: Document) -> int:
    return int((workload.get("spec") or {}).get("replicas", 1))


def is_paused(control_plane: Document) -> bool:
    return notes_of(control_plane).get(PAUSED) == "true"


def pause_patch(control_plane: Document, now: str, fallback: int | None) -> Document:
    """Scales to nothing and notes how many there were; `fallback` for one that somebody has scaled down already."""
    if is_paused(control_plane):
        return {"spec": {"replicas": 0}} if replicas(control_plane) else {}
    count = replicas(control_plane) or fallback or 1
    notes = {PAUSED: "true", REPLICAS: str(count), DATE: now}
    return {"metadata": {"annotations": notes}, "spec": {"replicas": 0}}


def resume_patch(control_plane: Document, fallback: int | None) -> Document:
    """Back to as many as there were. Keeps a number that somebody has set since."""
    noted = _number(notes_of(control_plane).get(REPLICAS))
    patch: Document = {}
    if not replicas(control_plane):
        patch["spec"] = {"replicas": noted or fallback or 1}
    stale = {key: None for key in (PAUSED, RESTORING, REPLICAS, DATE) if key in notes_of(control_plane)}
    if stale:
        patch["metadata"] = {"annotations": stale}
    return patch


def companion_pause_patch(workload: Document) -> Document:
    """The same for what serves the control plane: the load balancer before it."""
    if not replicas(workload):
        return {}
    return {"metadata": {"annotations": {OUR_REPLICAS: str(replicas(workload))}}, "spec": {"replicas": 0}}


def companion_resume_patch(workload: Document) -> Document:
    noted = _number(notes_of(workload).get(OUR_REPLICAS))
    patch: Document = {}
    if OUR_REPLICAS in notes_of(workload):
        patch["metadata"] = {"annotations": {OUR_REPLICAS: None}}
        if not replicas(workload):
            patch["spec"] = {"replicas": noted or 1}
    return patch


def sentence(name: str, control_plane: Document) -> str:
    """What a play says that must not go on with a paused tenant cluster."""
    notes = notes_of(control_plane)
    since = f" since {notes[DATE]}" if notes.get(DATE) else ""
    had = f" (it had {notes[REPLICAS]} replicas)" if notes.get(REPLICAS) else ""
    return f"tenant cluster {name} is paused{since}{had}"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and int(text) > 0 else None
