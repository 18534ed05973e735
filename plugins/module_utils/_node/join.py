"""Makes a server a node of a tenant cluster."""

from __future__ import annotations

from typing import Any, NamedTuple

from . import kubeadm, kubelet, script, settings, state
from .system import System, tail

_TAIL = 40


class JoinError(Exception):
    """The join failed; the message has the end of what the script said."""


class Request(NamedTuple):
    """What is asked for."""

    endpoint: str
    ca: str
    token: str
    node_name: str
    node_ip: str | None = None
    arguments: list[str] = []
    force: bool = False
    timeout: float = 900.0
    fetch_timeout: float = 60.0
    tenant: str | None = None
    settings: settings.Settings = settings.Settings()
    way: str = "script"


def foreign_sentence(seen: dict[str, Any]) -> str:
    """Why a server that belongs to another cluster is refused, and what to do."""
    whose = f", tenant cluster {seen['tenant']}" if seen.get("tenant") else ""
    return (
        f"this server is a node of {seen['server']}{whose}. Move it with the playbook server_move, take it out there"
        " with the role node_leave, or, if that cluster is gone and what runs on it may be lost, set node_join_force"
    )


def join(system: System, request: Request) -> dict[str, Any]:
    """Fetches and runs the script. Call it only for a server that is not a complete node already."""
    before = state.observe(system, request.endpoint, request.tenant)
    if before["foreign"] and not request.force:
        raise JoinError(foreign_sentence(before))
    fetched = _script(system, request)
    arguments = ["--node-name", request.node_name, *request.arguments]
    if before["kubelet_active"] or before["interrupted"] or request.force:
        # The script refuses where a kubelet runs. This one is of an interrupted join or a deleted node.
        arguments.append("--force-join")
    identity = {"endpoint": request.endpoint, "node_name": request.node_name, "tenant": request.tenant}
    state.note(system, "joining", **identity, script=fetched.sha256)
    script.keep(system, fetched.text, request.token)
    settings.apply(system, request.settings)
    kubelet.set_node_ip(system, request.node_ip)
    proxy = settings.environment(request.settings.proxy)
    ended = script.run(system, fetched.text, arguments, request.token, request.timeout, proxy)
    # The script wipes the machine before it installs; all this must have survived that to hold after a restart.
    changed = settings.apply(system, request.settings)
    restart = kubelet.set_node_ip(system, request.node_ip)
    if ended.code != 0:
        # kubeadm waits for the kubelet and gives up in the end; why, only the kubelet knows.
        log = (
            f"\nthe kubelet's log ends with\n{state.kubelet_log(system, _TAIL)}" if state.kubelet_active(system) else ""
        )
        raise JoinError(f"the join script ended with {ended.code}:\n{tail(ended.output, _TAIL)}{log}")
    if (changed or restart) and state.kubelet_active(system):
        settings.restart(system, changed or ["address"])
    after = state.observe(system, None)
    if not after["kubelet_active"] or after["server"] is None:
        raise JoinError(
            f"the join script ended well but no kubelet runs:\n{tail(ended.output, _TAIL)}\n"
            + state.kubelet_log(system, _TAIL)
        )
    if not state.same_endpoint(after["server"], request.endpoint):
        raise JoinError(f"the kubelet was joined to {after['server']} instead of {request.endpoint}")
    state.note(system, "joined", **identity, script=fetched.sha256)
    return {"script_sha256": fetched.sha256, "arguments": arguments, "output": tail(ended.output, _TAIL)}


def _script(system: System, request: Request) -> script.Script:
    """What the tenant cluster serves, or our own around a kubeadm that is here already."""
    if request.way != "kubeadm":
        return script.fetch(request.endpoint, request.ca, request.token, request.fetch_timeout)
    missing = [program for program in ("kubeadm", "kubelet", "containerd") if not system.has(program)]
    if missing:
        raise JoinError(
            f"{', '.join(missing)} not installed on this server: the role node_packages does that, or do it yourself"
        )
    return kubeadm.script(request.endpoint, request.ca, request.token)
