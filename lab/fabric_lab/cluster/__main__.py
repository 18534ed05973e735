"""``python -m fabric_lab.cluster``: what the installer hook asks of the lab's machine. Answers in JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from fabric_lab import cluster as control_plane
from fabric_lab import state
from fabric_lab.build import __main__ as builder
from fabric_lab.build import binaries, images, store
from fabric_lab.cluster import addons, api, kamaji, kubeadm
from fabric_lab.cluster.settings import POD_CIDR, SERVICE_CIDR, Cluster
from fabric_lab.state import LabError

# the plugins that a node needs; Multus and whereabouts bring their own
_PLUGINS = ("bridge", "dhcp", "host-local", "loopback", "portmap", "static", "tuning")
_PROGRAMS = {"kubelet": "kubelet", "kubeadm": "kubeadm", "kube-proxy": "kube-proxy", "standin-cni": "lab/standin-cni"}


def _cluster(arguments: argparse.Namespace) -> Cluster:
    lab = state.load(arguments.name)
    if lab is None:
        raise LabError(f"there is no lab named {arguments.name!r}: bring it up first")
    return Cluster(lab, arguments.pod_cidr, arguments.service_cidr)


def _up(arguments: argparse.Namespace) -> dict[str, Any]:
    cluster = _cluster(arguments)
    if arguments.check:
        steps = control_plane.plan(cluster)
    else:
        builder.build([])
        steps = control_plane.up(cluster.lab, cluster)
    if cluster.operator_kubeconfig.exists():
        state.write_private(cluster.node_settings, json.dumps(_node_settings(cluster), indent=1) + "\n")
    return {
        "changed": bool(steps),
        "steps": steps,
        "ready": api.ready(cluster),
        "kubeconfig": str(cluster.operator_kubeconfig),
        # a file, since there are secrets in it
        "node_settings": str(cluster.node_settings),
    }


def _node_settings(cluster: Cluster) -> dict[str, Any]:
    """All that a server must know to become a node, but for the token."""
    return {
        "endpoint": cluster.endpoint,
        "ca_hash": kubeadm.ca_hash(cluster),
        "pod_cidr": cluster.pod_cidr,
        "pause_image": images.PAUSE,
        "images": images.index(),
        "store": store.path().name,
        "programs": _PROGRAMS,
        "plugins": {name: binaries.checksum(f"cni/{name}") for name in _PLUGINS},
        "kube_proxy": cluster.component_kubeconfig("kube-proxy").read_text(),
    }


def _token(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"token": kubeadm.create_token(_cluster(arguments), arguments.ttl)}


def _addons(arguments: argparse.Namespace) -> dict[str, Any]:
    cluster = _cluster(arguments)
    if arguments.check and not api.ready(cluster):
        return {"changed": True, "steps": ["install DNS and the default StorageClass"]}
    steps = addons.apply(cluster, arguments.check)
    if not arguments.check:
        addons.wait_nodes(cluster, arguments.node, arguments.timeout)
    return {"changed": bool(steps), "steps": steps}


def _kamaji(arguments: argparse.Namespace) -> dict[str, Any]:
    cluster = _cluster(arguments)
    if arguments.check and not api.ready(cluster):
        return {"changed": True, "steps": ["install the stand-in for Kamaji"]}
    steps = kamaji.apply(cluster, arguments.timeout, arguments.check)
    return {"changed": bool(steps), "steps": steps}


def _down(arguments: argparse.Namespace) -> dict[str, Any]:
    control_plane.down(_cluster(arguments).lab)
    return {"changed": True}


def _status(arguments: argparse.Namespace) -> dict[str, Any]:
    return dict(control_plane.status(_cluster(arguments).lab))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fabric_lab.cluster", description="The lab's host cluster.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, call: Callable[[argparse.Namespace], dict[str, Any]], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(call=call)
        default = os.environ.get("FABRIC_LAB_NAME") or state.DEFAULT_NAME
        sub.add_argument("--name", default=default, help="name of the lab (default: %(default)s)")
        sub.add_argument("--pod-cidr", default=POD_CIDR)
        sub.add_argument("--service-cidr", default=SERVICE_CIDR)
        sub.add_argument("--check", action="store_true", help="only say what would be done")
        return sub

    command("up", _up, "Bring the control plane up.")
    token = command("token", _token, "Make a bootstrap token for nodes.")
    token.add_argument("--ttl", default="15m")
    extras = command("addons", _addons, "Install DNS and the default StorageClass; wait for the nodes.")
    extras.add_argument("--node", action="append", required=True)
    extras.add_argument("--timeout", type=int, default=240)
    tenants = command("kamaji", _kamaji, "Install the stand-in for Kamaji behind Kamaji's own CRDs.")
    tenants.add_argument("--timeout", type=int, default=240)
    command("down", _down, "Stop the control plane.")
    command("status", _status, "Tell the state of the control plane.")
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    try:
        print(json.dumps(arguments.call(arguments)))
    except LabError as error:
        print(f"fabric_lab.cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
