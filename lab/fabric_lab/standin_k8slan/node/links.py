"""The network of a LAN on one node: a network namespace with a bridge and a VXLAN, and the ports of its spokes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

#: What VXLAN over IPv6 adds to a frame, as k8slan reckons it.
OVERHEAD = 74
#: All of 01:80:c2:00:00:0X but pause frames: LLDP, LACP and STP pass.
GROUP_FORWARD = 65533
AGEING = 3600


class NoLink(Exception):
    """What `ip` said."""


def root() -> Path:
    return Path(os.environ.get("STANDIN_K8SLAN_ROOT", "/run/k8slan"))


def netns(name: str) -> Path:
    return root() / "netns" / name


def ip(*arguments: str, space: Path | None = None) -> str:
    """By path, which ip itself does not take for the namespace that it works in."""
    inside = ["nsenter", f"--net={space}"] if space else []
    done = subprocess.run([*inside, "ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoLink(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _inside(space: Path, what: str, *arguments: str) -> None:
    ip("link", what, *arguments, space=space)


def there(space: Path, name: str) -> bool:
    command = ["nsenter", f"--net={space}", "ip", "link", "show", "dev", name]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def ensure(spec: dict[str, Any], host: str) -> None:
    """Make what is missing of a LAN."""
    device = (spec.get("vxlanDevMap") or {}).get(host) or spec.get("defaultVxlanDev", "")
    (shown,) = json.loads(ip("-json", "link", "show", "dev", device))
    mtu = shown["mtu"] - OVERHEAD
    space = netns(spec["ns"])
    if not there(space, "lo"):
        space.parent.mkdir(parents=True, exist_ok=True)
        space.touch()
        subprocess.run(["unshare", f"--net={space}", "true"], check=True)
        _inside(space, "set", "dev", "lo", "up")
    bridge, vxlan = spec["bridge"], spec["vxlan"]
    if not there(space, bridge):
        _inside(space, "add", "name", bridge, "mtu", str(mtu), "type", "bridge")
        _inside(space, "set", "dev", bridge, "up")
    if not there(space, vxlan):
        options = ["id", str(spec["vni"]), "group", spec["vxlanGrp"], "dev", device, "dstport", str(spec["vxlanPort"])]
        # its socket stays in this namespace, where the device is
        ip("link", "add", "name", vxlan, "mtu", str(mtu), "netns", str(space),
           "type", "vxlan", *options, "ageing", str(AGEING))  # fmt: skip
        _plug(space, vxlan, bridge)
    for spoke in spec["spokes"]:
        note = root() / "spokes" / f"{spoke}.json"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"netns": str(space), "bridge": bridge, "mtu": mtu}))


def remove(name: str) -> None:
    """Nothing of a LAN stays, not even if somebody still looks into its namespace."""
    space = netns(name)
    for note in (root() / "spokes").glob("*.json"):
        if json.loads(note.read_text())["netns"] == str(space):
            note.unlink()
    if not space.exists():
        return
    if there(space, "lo"):
        for link in json.loads(ip("-json", "link", "show", space=space)):
            if link["ifname"] != "lo" and there(space, link["ifname"]):
                _inside(space, "delete", "dev", link["ifname"])
        subprocess.run(["umount", str(space)], check=True)
    space.unlink()


def known() -> list[str]:
    """Names of the namespaces that are there."""
    return sorted(path.name for path in (root() / "netns").glob("*"))


def attach_veth(spoke: str, pod: str, interface: str) -> str:
    """A port of the LAN's bridge, whose other end is in the pod; its MAC address. It arrives without being up."""
    space, bridge, mtu = _spoke(spoke)
    _forget(space, spoke)
    _inside(space, "add", "name", f"{spoke}p", "mtu", mtu, "type", "veth",
       "peer", "name", interface, "mtu", mtu, "netns", pod)  # fmt: skip
    _plug(space, f"{spoke}p", bridge)
    return _mac(pod, interface)


def attach_macvtap(spoke: str, pod: str, interface: str) -> str:
    """The same for a machine: a macvtap in the pod, over a port that ends on the node."""
    space, bridge, mtu = _spoke(spoke)
    _forget(space, spoke)
    here = f"/proc/{os.getpid()}/ns/net"
    _inside(space, "add", "name", f"{spoke}p", "mtu", mtu, "type", "veth",
       "peer", "name", spoke, "mtu", mtu, "netns", here)  # fmt: skip
    _plug(space, f"{spoke}p", bridge)
    ip("link", "set", "dev", spoke, "up")
    ip("link", "add", "link", spoke, "name", f"{spoke}M0", "type", "macvtap", "mode", "passthru")
    ip("link", "set", "dev", f"{spoke}M0", "netns", pod, "name", interface)
    _inside(Path(pod), "set", "dev", interface, "up")
    return _mac(pod, interface)


def _spoke(name: str) -> tuple[Path, str, str]:
    note = root() / "spokes" / f"{name}.json"
    if not note.exists():
        raise NoLink(f"no LAN with a spoke {name} is on this node")
    found = json.loads(note.read_text())
    return Path(found["netns"]), found["bridge"], str(found["mtu"])


def _forget(space: Path, spoke: str) -> None:
    """What a former pod has left, whose end of it is not gone yet."""
    if there(space, f"{spoke}p"):
        _inside(space, "delete", "dev", f"{spoke}p")


def _plug(space: Path, port: str, bridge: str) -> None:
    _inside(space, "set", "dev", port, "master", bridge)
    mask = str(GROUP_FORWARD)
    _inside(space, "set", "dev", port, "type", "bridge_slave", "group_fwd_mask", mask)
    _inside(space, "set", "dev", port, "up")


def _mac(space: str, name: str) -> str:
    (shown,) = json.loads(ip("-json", "link", "show", "dev", name, space=Path(space)))
    return str(shown["address"])
