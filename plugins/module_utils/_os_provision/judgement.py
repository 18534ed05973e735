# SPDX-License-Identifier: Apache-2.0
"""Whether a server is installed, left alone or refused. Pure.

A disk that is written is lost, so everything that cannot be told is a refusal, and every refusal is told at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

REDFISH = "redfish"
KEEP = "keep"
INSTALL = "install"
_OFF = "Off"
WIPE = "os_provision_wipe"
REINSTALL = "fabric_reinstall"


@dataclass(frozen=True)
class Node:
    """A node that is the server's, or may be."""

    cluster: str
    name: str
    ready: bool
    # By its system UUID; None where only the name can tell.
    same: bool | None = None


@dataclass(frozen=True)
class Look:
    """What is known of the server now."""

    server: str
    provider: str
    answers: bool
    # As Redfish says it; empty when nobody was asked.
    power: str = ""
    # The server's own variables say that its disk may be written.
    consent: bool = False
    # The variable is true, wherever that was said.
    consent_elsewhere: bool = False
    # The user named the server for a new installation.
    asked: bool = False
    nodes: Sequence[Node] = ()
    # Why some cluster could not be asked.
    unknown: Sequence[str] = ()
    # There was a host cluster to ask. Before the first servers are installed there is none.
    clusters_asked: bool = False


@dataclass(frozen=True)
class Verdict:
    action: str
    reason: str
    refusals: tuple[str, ...] = ()


def judge(look: Look) -> Verdict:
    if look.provider != REDFISH:
        return Verdict(KEEP, "its provider is `existing`: it is only reached")
    if look.answers and not look.asked:
        return Verdict(KEEP, "it answers: it has a system already")
    refusals = [*_power(look), *_consent(look), *_nodes(look)]
    refusals += [f"it cannot be told whether it is a node: {why}" for why in (*_unasked(look), *look.unknown)]
    reason = "a new installation was asked for" if look.asked else "it has no system that answers"
    return Verdict(INSTALL, reason, tuple(refusals))


def _power(look: Look) -> list[str]:
    if look.asked or look.power == _OFF:
        return []
    return [
        f"it is {look.power.lower() or 'in an unknown state of power'} and does not answer: something that matters may"
        f" run on it. Power it off, or name it with -e {REINSTALL}={look.server}"
    ]


def _consent(look: Look) -> list[str]:
    if look.consent:
        return []
    if look.consent_elsewhere:
        return [
            f"{WIPE} is true, but not in the variables of {look.server} itself: a group's, a play's or the command"
            f" line's is said for more servers than one, and whoever joins the group would lose a disk. Set it in"
            f" host_vars/{look.server}.yml"
        ]
    return [f"its disk would be written, and nobody allowed it: set {WIPE}: true in host_vars/{look.server}.yml"]


def _unasked(look: Look) -> list[str]:
    """A server that is off is no Ready node; one that runs may be, wherever its cluster is."""
    if look.clusters_asked or look.power == _OFF:
        return []
    return [
        "it runs, and there is no host cluster to ask. Name a kubeconfig file that is there (os_provision_kubeconfig,"
        " by default fabric_host_cluster.kubeconfig), or accept that with os_provision_allow_unreachable: true"
    ]


def _nodes(look: Look) -> list[str]:
    refusals = []
    for node in look.nodes:
        if node.same is False:
            # Off by its own BMC and another machine by its UUID: two witnesses against a name.
            if look.power != _OFF:
                refusals.append(
                    f"{node.cluster} has a node {node.name}, by its system UUID on another machine, and this one runs:"
                    " power it off, or give one of the two another fabric_node_name"
                )
        elif node.ready:
            refusals.append(
                f"it is the Ready node {node.name} of {node.cluster}: let it leave first (server_move, node_leave)"
            )
        elif not look.asked:
            refusals.append(
                f"{node.cluster} knows it as node {node.name}, which is not Ready: delete the node, or name the server"
                f" with -e {REINSTALL}={look.server} if its disk is not needed any more"
            )
    return refusals
