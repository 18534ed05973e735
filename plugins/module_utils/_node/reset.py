"""Makes a node a plain server again: the join script's own reset first, then whatever is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import kubelet, script, state
from .system import System, tail

# Identity, certificates and state of a node. Binaries are left: they are nobody's secret.
_DIRECTORIES = ("/etc/kubernetes", "/var/lib/cni", "/var/lib/kubelet", "/run/flannel")
# Another user of CNI, which may have been there before us and keeps its files in the same places.
_NOT_OURS = "podman"
_INTERFACES = ("cni0", "flannel.1", "kube-ipvs0", "kube-bridge", "cilium_host", "cilium_net", "cilium_vxlan")
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
    if state.kubelet_active(system):
        found.append("running kubelet")
    return found


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
    return {"script": used, "output": output}


def _clear(system: System) -> None:
    if system.path("/etc/systemd/system/kubelet.service").exists() or state.kubelet_active(system):
        system.run("systemctl", "disable", "--now", "kubelet", timeout=120)
    for name in _INTERFACES:
        if system.path("/sys/class/net/" + name).exists():
            system.run("ip", "link", "delete", name)
    _clear_rules(system)
    _unmount(system, "/var/lib/kubelet")
    for name in state.cni_of_the_node(system):
        system.path(f"{state.CNI_DIRECTORY}/{name}").unlink()
    for path in _DIRECTORIES:
        _empty(system.path(path))
    for note in (state.NOTES, state.SCRIPT):
        if system.path(note).exists():
            system.path(note).unlink()
    kubelet.set_node_ip(system, None)


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
