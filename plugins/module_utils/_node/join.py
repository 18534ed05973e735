"""Makes a server a node of a tenant cluster."""

from __future__ import annotations

from typing import Any, NamedTuple

from . import kubelet, script, state
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


def join(system: System, request: Request) -> dict[str, Any]:
    """Fetches and runs the script. Call it only for a server that is not a complete node already."""
    before = state.observe(system, request.endpoint)
    if before["foreign"] and not request.force:
        raise JoinError(
            f"this server is a node of {before['server']}; take it out there first (role node_leave) or ask for force"
        )
    fetched = script.fetch(request.endpoint, request.ca, request.token, request.fetch_timeout)
    arguments = ["--node-name", request.node_name, *request.arguments]
    if before["kubelet_active"] or before["interrupted"] or request.force:
        # The script refuses where a kubelet runs. This one is of an interrupted join or a deleted node.
        arguments.append("--force-join")
    state.note(system, "joining", endpoint=request.endpoint, node_name=request.node_name, script=fetched.sha256)
    script.keep(system, fetched.text, request.token)
    kubelet.set_node_ip(system, request.node_ip)
    ended = script.run(system, fetched.text, arguments, request.token, request.timeout)
    # The script wipes the machine before it installs; the address must have survived that to hold after a restart.
    restart = kubelet.set_node_ip(system, request.node_ip)
    if ended.code != 0:
        raise JoinError(f"the join script ended with {ended.code}:\n{tail(ended.output, _TAIL)}")
    if restart and state.kubelet_active(system):
        system.run("systemctl", "restart", "kubelet")
    after = state.observe(system, None)
    if not after["kubelet_active"] or after["server"] is None:
        raise JoinError(
            f"the join script ended well but no kubelet runs:\n{tail(ended.output, _TAIL)}\n"
            + state.kubelet_log(system, _TAIL)
        )
    if not state.same_endpoint(after["server"], request.endpoint):
        raise JoinError(f"the kubelet was joined to {after['server']} instead of {request.endpoint}")
    state.note(system, "joined", endpoint=request.endpoint, node_name=request.node_name, script=fetched.sha256)
    return {"script_sha256": fetched.sha256, "arguments": arguments, "output": tail(ended.output, _TAIL)}
