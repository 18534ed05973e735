"""What a server says about itself as a node, and what we remember of having made it one."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .system import System, tail

#: Root's own directory: notes on the join and a copy of the script, without its token, for the day of leaving.
DIRECTORY = "/var/lib/baremetal.fabric"
NOTES = DIRECTORY + "/node.json"
SCRIPT = DIRECTORY + "/node-join.sh"
CNI_DIRECTORY = "/etc/cni/net.d"
# Written by the network plugins of Kubernetes clusters; goes by this only if nothing was noted at the join.
_CNI_OF_CLUSTERS = ("flannel", "calico", "cilium", "multus", "canal", "weave", "kube-router", "kubenet", "whereabouts")
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
_SERVER = re.compile(r"^\s*server:\s*[\"']?(https://[^\s\"']+)", re.MULTILINE)


def write_private(path: Path, content: str, mode: int = 0o600) -> None:
    """Replaces a file in one step; at no moment can others read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    if draft.exists():
        draft.unlink()
    descriptor = os.open(str(draft), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(content)
    os.replace(str(draft), str(path))  # noqa: PTH105 - keeps to one style with os.open above


def notes(system: System) -> dict[str, Any]:
    """What an earlier run noted; unreadable notes are as good as none."""
    try:
        found = json.loads(system.path(NOTES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def note(system: System, phase: str, **facts: Any) -> None:
    """Notes how far the join is, and once and for all which network configuration was there before the first one."""
    before = notes(system)
    facts["cni_before"] = before.get("cni_before", _cni_files(system))
    if "kubelet_arguments" in before:
        facts["kubelet_arguments"] = before["kubelet_arguments"]
    write_private(system.path(NOTES), json.dumps({"phase": phase, **facts}, indent=2, sort_keys=True) + "\n")


def update_notes(system: System, **facts: Any) -> None:
    """Notes something more beside what is there; a value that is empty is forgotten."""
    kept = {key: value for key, value in {**notes(system), **facts}.items() if key not in facts or value}
    if kept:
        write_private(system.path(NOTES), json.dumps(kept, indent=2, sort_keys=True) + "\n")
    elif system.path(NOTES).exists():
        system.path(NOTES).unlink()


def _cni_files(system: System) -> list[str]:
    directory = system.path(CNI_DIRECTORY)
    return sorted(entry.name for entry in directory.iterdir() if entry.is_file()) if directory.is_dir() else []


def cni_of_the_node(system: System) -> list[str]:
    """Network configuration that came with the node."""
    before = notes(system).get("cni_before")
    if before is not None:
        return [name for name in _cni_files(system) if name not in before]
    return [name for name in _cni_files(system) if any(known in name for known in _CNI_OF_CLUSTERS)]


def kubelet_server(system: System) -> str | None:
    """The API server that the kubelet was told, from its kubeconfig."""
    try:
        text = system.path(KUBELET_CONF).read_text(encoding="utf-8")
    except OSError:
        return None
    found = _SERVER.search(text)
    return found.group(1) if found else None


def machine(system: System) -> dict[str, str]:
    """What tells this machine from others; empty is unknown. The kubelet reads the same files for its node."""
    places = {"system_uuid": "/sys/class/dmi/id/product_uuid", "machine_id": "/etc/machine-id"}
    found = {}
    for name, place in places.items():
        try:
            found[name] = system.path(place).read_text(encoding="utf-8").strip()
        except OSError:
            found[name] = ""
    return found


def kubelet_active(system: System) -> bool:
    return system.run("systemctl", "is-active", "--quiet", "kubelet").code == 0


def kubelet_stays(system: System, looks: int = 5, sleep: Callable[[float], None] = time.sleep) -> bool:
    """A kubelet that does not like its settings ends after a moment, and systemd starts it again and again."""
    for _look in range(looks):
        sleep(1.0)
        if not kubelet_active(system):
            return False
    return True


def kubelet_log(system: System, lines: int) -> str:
    return tail(system.run("journalctl", "-u", "kubelet", "-n", str(lines), "--no-pager", "-o", "cat").output, lines)


def observe(system: System, endpoint: str | None = None, tenant: str | None = None) -> dict[str, Any]:
    """Is it a node, whose, and is that complete?"""
    server = kubelet_server(system)
    active = kubelet_active(system)
    noted = notes(system)
    # Noted before the script runs and replaced after it has ended well: a killed run leaves "joining" behind.
    interrupted = noted.get("phase") == "joining"
    ours = server is not None and (endpoint is None or same_endpoint(server, endpoint))
    # Subnets of tenant clusters may overlap, and with them their endpoints.
    if tenant and noted.get("tenant") and noted["tenant"] != tenant:
        ours = False
    return {
        "kubelet_active": active,
        "server": server,
        "tenant": noted.get("tenant") if server is not None or interrupted else None,
        "interrupted": interrupted,
        "joined": active and ours and not interrupted,
        "foreign": server is not None and not ours,
    }


def same_endpoint(server: str, endpoint: str) -> bool:
    """kubeadm leaves out nothing, but a port of 443 is the default of the scheme."""
    return _normal(server) == _normal("https://" + endpoint)


def _normal(url: str) -> str:
    trimmed = url.rstrip("/").lower()
    return trimmed[: -len(":443")] if trimmed.endswith(":443") else trimmed
