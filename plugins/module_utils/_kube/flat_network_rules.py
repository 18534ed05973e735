# SPDX-License-Identifier: Apache-2.0
"""What must hold between the options of a flat network, the server's part included: every mistake at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from .._host_network.flat_model import flat_mistakes
from .documents.calico import calico_mistakes
from .documents.common import Document
from .documents.flat_network import template_path
from .given import typed

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Linux gives a socket's path 107 bytes.
_SOCKET = 107

_PORT = {"vlan_id": int, "mtu": int}
_ADDRESSING = {"addresses": list, "routes": [{"metric": int}], "nameservers": list, "search": list, "route_metric": int}
_SHAPE = {
    "uplink": _PORT,
    "addressing": _ADDRESSING,
    "cluster_link": {**_PORT, "addressing": _ADDRESSING},
    "mtu": int,
    "route_metric": int,
    "routes": list,
    "sysctls": dict,
    "daemon_timeout": int,
    "daemon_resend_max": int,
    "calico": {"pools": [{"block_size": int}], "autodetection": dict, "mtu": int},
    "workloads": [dict],
}


def flat_network_mistakes(options: Document) -> list[str]:
    """Mistakes, each with the path of its option below the role's prefix.

    `options`: name, state, namespace, attachment, bridge, manage_bridge, uplink, addressing, cluster_link, mtu,
    route_metric, routes, sysctls, daemon_image, daemon_socket, daemon_timeout, daemon_resend_max, conf_dir, bin_dir,
    calico and workloads. Numbers may be text, as -e and surveys give them.
    """
    wrong: dict[str, str] = {}
    told = _mistakes(typed(options, _SHAPE, "", wrong))
    # what has the wrong type is not judged by its value, too
    return list(wrong.values()) + [each for each in told if not _about(each, wrong)]


def _about(mistake: str, paths: Iterable[str]) -> bool:
    where = mistake.partition(": ")[0]
    return any(where == path or where.startswith((f"{path}.", f"{path}[")) for path in paths)


def _mistakes(options: Document) -> list[str]:
    found = [
        f"{key}: '{options.get(key)}' is not a DNS-1123 label"
        for key in ("namespace", "attachment")
        if not _NAME.fullmatch(str(options.get(key) or "")) or len(str(options[key])) > 63
    ]
    host = options
    if not options.get("manage_bridge"):
        # somebody else's bridge: only its name counts
        host = {"name": options.get("name"), "bridge": options.get("bridge"), "uplink": {"nic": "any"}}
    found += flat_mistakes({**host, "state": options.get("state")})
    if options.get("state") == "absent":
        return found + _workload_mistakes(options.get("workloads") or [])
    found += _pod_mistakes(options)
    found += _daemon_mistakes(options)
    found += [
        f"{key}: '{options.get(key)}' is no absolute path"
        for key in ("conf_dir", "bin_dir")
        if not str(options.get(key) or "").startswith("/")
    ]
    if options.get("calico"):
        found += [f"calico.{mistake}" for mistake in calico_mistakes(options["calico"], str(options.get("bridge")))]
    return found + _workload_mistakes(options.get("workloads") or [])


def _pod_mistakes(options: Document) -> list[str]:
    found: list[str] = []
    mtu = options.get("mtu")
    above = (options.get("uplink") or {}).get("mtu") or 1500
    if mtu is not None and not 1280 <= mtu <= 65535:
        found.append(f"mtu: {mtu} is not a usable MTU (1280 to 65535)")
    elif mtu is not None and options.get("manage_bridge") and mtu > above:
        found.append(f"mtu: {mtu} is more than the bridge's MTU {above} (uplink.mtu)")
    metric = options.get("route_metric")
    if not isinstance(metric, int) or not 1 <= metric <= 2147483647:
        found.append(
            f"route_metric: {metric} would put the flat network's default route before the pod's own: 1 or more, such"
            " as 1000"
        )
    for index, route in enumerate(options.get("routes") or []):
        if not _is_network(route):
            found.append(f"routes[{index}]: '{route}' is no network such as 224.0.0.0/4")
    for key in options.get("sysctls") or {}:
        if not str(key).startswith("net."):
            found.append(f"sysctls: '{key}' is not one of a pod's own settings, which begin with net.")
    return found


def _daemon_mistakes(options: Document) -> list[str]:
    found: list[str] = []
    image = str(options.get("daemon_image") or "")
    tag = image.rpartition("/")[2].partition(":")[2]
    if "@sha256:" not in image and (not tag or tag == "latest"):
        found.append(f"daemon_image: '{image}' is not pinned: give it a tag other than latest, or a digest")
    socket = str(options.get("daemon_socket") or "")
    if not re.fullmatch(r"/[A-Za-z0-9._/-]+/[A-Za-z0-9._-]+", socket) or len(socket) > _SOCKET:
        found.append(f"daemon_socket: '{socket}' is no path such as /run/cni/dhcp.sock of at most {_SOCKET} characters")
    for key in ("daemon_timeout", "daemon_resend_max"):
        value = options.get(key)
        if not isinstance(value, int) or value < 1:
            found.append(f"{key}: {value} is no number of seconds")
    return found


def _workload_mistakes(workloads: list[Any]) -> list[str]:
    found: list[str] = []
    for index, workload in enumerate(workloads):
        where = f"workloads[{index}]"
        path = template_path(str(workload.get("kind")))
        if path is None:
            found.append(f"{where}.kind: {workload.get('kind')} has no template of pods")
        elif not path or workload["kind"] == "Job":
            found.append(
                f"{where}.kind: a {workload['kind']} that exists cannot be attached: it is made with the annotation"
            )
        found += [f"{where}.{key}: missing" for key in ("name", "namespace") if not workload.get(key)]
    return found


def _is_network(value: Any) -> bool:
    try:
        ipaddress.ip_network(str(value))
    except ValueError:
        return False
    return "/" in str(value)
