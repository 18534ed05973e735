"""Makes a node a plain server again: the join script's own reset first, then whatever is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import kubelet, script, settings, state
from .system import System, tail

# Identity, certificates and state of a node. Binaries are left: they are nobody's secret.
_DIRECTORIES = (
    "/etc/kubernetes", "/var/lib/cni", "/var/lib/kubelet", "/run/flannel", "/etc/calico", "/var/lib/calico",
    "/run/calico", "/run/cilium",
)  # fmt: skip
# Another user of CNI, which may have been there before us and keeps its files in the same places.
_NOT_OURS = "podman"
_INTERFACES = (
    "cni0", "flannel.1", "flannel-v6.1", "kube-ipvs0", "kube-bridge", "vxlan.calico", "cilium_host", "cilium_net",
    "cilium_vxlan",
)  # fmt: skip
# Where containerd keeps what runs for the kubelet, and network namespaces that it made for pods.
_NAMESPACE = "k8s.io"
_TASKS = "/run/containerd/io.containerd.runtime.v2.task/" + _NAMESPACE
_NETWORKS = "/run/netns"
_POD_NETWORK = "cni-"
_CHAINS = ("KUBE-", "CNI-", "FLANNEL-")
_TABLES = ("ip kube-proxy", "ip6 kube-proxy")


class ResetError(Exception):
    """Something of the node would not go."""


def remains(system: System) -> list[str]:
    """What of a node is still on the server, in words."""
    found = [path for path in _DIRECTORIES if any(_files(system.path(path)))]
    found += [f"{state.CNI_DIRECTORY}/{name}" for name in state.cni_of_the_node(system)]
    found += [name for name in _INTERFACES if system.path("/sys/class/net/" + name).exists()]
    found += [path for path in (state.NOTES, state.SCRIPT) if system.path(path).exists()]
    found += settings.files(system)
    found += [f"container {name}" for name in _names_in(system, _TASKS, "")]
    found += [f"network namespace {name}" for name in _names_in(system, _NETWORKS, _POD_NETWORK)]
    if state.kubelet_active(system):
        found.append("running kubelet")
    return found


# What a reset leaves on purpose: large, or not the node's own. Whoever hands the server to another customer wipes it.
_KEPT = (
    ("/var/lib/containerd", "container images and snapshots"),
    ("/opt/local-path-provisioner", "data of local-path volumes"),
    ("/var/openebs", "data of OpenEBS volumes"),
    ("/var/lib/longhorn", "data of Longhorn volumes"),
    ("/var/lib/rook", "data of Rook volumes"),
    ("/var/log/pods", "pods' logs"),
    ("/var/log/containers", "containers' logs"),
    ("/var/log/journal", "the system's journal"),
    ("/etc/containerd/certs.d", "registries' certificates and logins of containerd"),
    ("/usr/local/bin/kubelet", "programs of the node bundle"),
    ("/opt/cni/bin", "CNI plugins"),
)


def not_wiped(system: System) -> list[str]:
    """What a reset leaves on the server, in words, as far as it is there; login keys and disks always are."""
    found = [f"{path} ({what})" for path, what in _KEPT if _filled(system.path(path))]
    return [*found, "host and login keys of ssh", "users, packages and files that pods or people have put elsewhere"]


def _filled(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _names_in(system: System, directory: str, prefix: str) -> list[str]:
    path = system.path(directory)
    return sorted(entry.name for entry in path.iterdir() if entry.name.startswith(prefix)) if path.is_dir() else []


def _files(directory: Path) -> Iterator[Path]:
    """All files below, but another's. Empty directories, as packages make them, are no sign of a node."""
    if not directory.is_dir():
        return
    for entry in directory.iterdir():
        if entry.name.startswith(_NOT_OURS):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _files(entry)
        else:
            yield entry


def reset(system: System, fetched: script.Script | None, timeout: float) -> dict[str, Any]:
    """Runs --reset-only of the script at hand and removes what it leaves; says which script that was."""
    text = fetched.text if fetched else script.kept(system)
    used = "fetched" if fetched else "kept copy"
    output = ""
    if text:
        ended = script.run(system, text, ["--reset-only"], None, timeout)
        output = tail(ended.output, 40)
        if ended.code != 0:
            used += f", ended with {ended.code}"
    elif system.has("kubeadm"):
        used = "kubeadm"
        output = tail(system.run("kubeadm", "reset", "--force", timeout=timeout).output, 40)
    else:
        used = "none"
    _clear(system)
    left = remains(system)
    if left:
        raise ResetError(f"still there after the reset: {', '.join(left)}\n{output}")
    return {"script": used, "output": output, "not_wiped": not_wiped(system)}


def _clear(system: System) -> None:
    if system.path("/etc/systemd/system/kubelet.service").exists() or state.kubelet_active(system):
        system.run("systemctl", "disable", "--now", "kubelet", timeout=120)
    # The unit may be gone by now while it is still known to have failed.
    system.run("systemctl", "reset-failed", "kubelet")
    _stop_containers(system)
    for name in _INTERFACES:
        if system.path("/sys/class/net/" + name).exists():
            system.run("ip", "link", "delete", name)
    for name in _names_in(system, _NETWORKS, _POD_NETWORK):
        system.run("ip", "netns", "delete", name)
    if system.has("ipvsadm"):
        system.run("ipvsadm", "--clear")
    _clear_rules(system)
    _unmount(system, "/var/lib/kubelet")
    for name in state.cni_of_the_node(system):
        system.path(f"{state.CNI_DIRECTORY}/{name}").unlink()
    for path in _DIRECTORIES:
        _empty(system.path(path))
    settings.remove(system)
    for note in (state.NOTES, state.SCRIPT):
        if system.path(note).exists():
            system.path(note).unlink()
    kubelet.set_node_ip(system, None)


def _stop_containers(system: System) -> None:
    """Containers outlive the kubelet. What runs for others, in another namespace of containerd, is left alone."""
    running = _names_in(system, _TASKS, "")
    if not running or not system.has("ctr"):
        return
    ctr = ("ctr", "--namespace", _NAMESPACE)
    for name in running:
        system.run(*ctr, "tasks", "delete", "--force", name)
    for name in system.run(*ctr, "containers", "list", "--quiet").output.split():
        system.run(*ctr, "containers", "delete", name)


def _empty(directory: Path) -> None:
    """Removes what is in a directory; the directory itself may be a mount point or belong to a package."""
    if not directory.is_dir() or directory.is_symlink():
        return
    for entry in directory.iterdir():
        if entry.name.startswith(_NOT_OURS):
            continue
        if not entry.is_dir() or entry.is_symlink():
            entry.unlink()
        elif entry.name == "networks":
            _empty(entry)  # shared by all users of the CNI plugin host-local
        else:
            shutil.rmtree(str(entry))


def _unmount(system: System, below: str) -> None:
    """Volumes of pods are mounts: removing files through them would reach into what they show."""
    try:
        table = system.path("/proc/mounts").read_text(encoding="utf-8")
    except OSError:
        return
    points = [line.split()[1].replace("\\040", " ") for line in table.splitlines() if line.strip()]
    for point in sorted((p for p in points if p.startswith(below + "/")), reverse=True):
        ended = system.run("umount", point)
        if ended.code != 0:
            raise ResetError(f"cannot unmount {point}: {tail(ended.output, 3)}")


def _clear_rules(system: System) -> None:
    """Service and pod rules of the old cluster, and no other rule of the host's."""
    for family in ("iptables", "ip6tables"):
        if not system.has(family + "-save"):
            continue
        saved = system.run(family + "-save")
        kept = without_cluster_rules(saved.output)
        if saved.code == 0 and kept != saved.output:
            ended = system.run(family + "-restore", stdin=kept)
            if ended.code != 0:
                raise ResetError(f"{family}-restore: {tail(ended.output, 3)}")
    if system.has("nft"):
        for table in _TABLES:
            system.run("nft", "delete", "table", *table.split())


def without_cluster_rules(saved: str) -> str:
    """The output of iptables-save without the chains of kube-proxy and CNI plugins and without rules that name them."""
    lines = [line for line in saved.splitlines() if not any(_names(line, prefix) for prefix in _CHAINS)]
    return "\n".join(lines) + "\n" if lines else ""


def _names(line: str, prefix: str) -> bool:
    if line.startswith(":" + prefix):
        return True
    # "-A KUBE-FORWARD ...", "... -j KUBE-SERVICES": a chain is named after one of three options.
    return any(f"{option} {prefix}" in line for option in ("-A", "-j", "-g"))
