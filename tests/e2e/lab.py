"""One lab as the tests see it: its machines, its controller, its clusters."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fabric_lab import levels, state
from fabric_lab.demo.plays import INVENTORY, Playing, Run, play
from fabric_lab.rack import ssh, topology
from fabric_lab.rack.controller import Api

ROOT = Path(__file__).resolve().parents[2]
SHARED = ("shared1", "shared2", "shared3")
METAL = ("metal1", "metal2", "metal3")
SERVERS = SHARED + METAL
LEAF = "leaf1"

# Fields of the controller's objects that change by themselves.
_VOLATILE = {
    "health",
    "lastSeen",
    "uptime",
    "modifiedDate",
    "utilization",
    "leases",
    "dhcpLeaseCount",
    "status",
    "speed",
    "lldp",
}
_COLLECTIONS = ("vpc", "ipam/subnets", "vnet", "server-cluster", "server-cluster-template", "link", "ports", "hw")


class RemoteError(Exception):
    """A command on a machine of the lab failed."""


class TestLab:
    """Holds no state of its own but the inventory that plays are run with: everything is asked."""

    __test__ = False

    def __init__(self, lab: state.Lab) -> None:
        self.lab = lab
        self.inventory = INVENTORY

    # -- machines

    def ssh(self, machine: str, script: str, timeout: float = 60) -> str:
        rack = topology.build(self.lab)
        found = rack.machine(machine)
        assert found is not None, machine
        return ssh.run(rack, found, script, timeout)

    def power(self, machine: str, what: str) -> None:
        self.command("power", machine, what)

    def command(self, command: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "fabric_lab", command, *arguments, "--name", self.lab.name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RemoteError(f"fabric_lab {command}: {done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def process(self, machine: str, script: str, output: Path) -> Iterator[None]:
        """Something that runs on a machine while the test goes on, and ends with its session."""
        rack = topology.build(self.lab)
        found = rack.machine(machine)
        assert found is not None, machine
        # With a terminal the program there ends with the session here.
        command = ssh.command(self.lab, rack.address(found), script)
        command.insert(1, "-tt")
        with output.open("w") as file:
            running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            running.terminate()
            running.wait()

    # -- what there is

    def controller(self) -> dict[str, Any]:
        """Everything that the controller holds, without what changes by itself."""
        api = Api(self.lab)
        api.login()
        return {name: _settled(api.request("GET", f"/api/v2/{name}")) for name in _COLLECTIONS}

    def knobs(self, **values: Any) -> None:
        """Turn the simulator's knobs."""
        api = Api(self.lab)
        api.login()
        api.request("PUT", "/lab/knobs", values)

    def server_state(self, machine: str) -> str:
        """What the roles manage on a server: configuration files with their content, devices, addresses, packages."""
        return self.ssh(
            machine,
            """
            find /etc/netplan /etc/systemd/network /etc/kubernetes /etc/cni /opt/cni /etc/sysctl.d /etc/modules-load.d \
              -type f ! -path '/etc/cni/net.d/*.kubeconfig' -exec sha256sum {} + 2>/dev/null | sort -k2
            # Multus and whereabouts renew the tokens in theirs before the hour is over.
            for file in /etc/cni/net.d/*/*.kubeconfig; do
              [ ! -e "$file" ] || echo "$(grep -v '^ *token:' "$file" | sha256sum) $file"
            done
            ip -brief link | awk '{print $1}' | grep -v '^veth' | sort
            find /etc/systemd/system -type l -printf '%p %l\\n' | sort
            """,
        )

    def servers_state(self) -> dict[str, str]:
        return {machine: self.server_state(machine) for machine in SERVERS}

    def devices(self, machine: str) -> dict[str, dict[str, Any]]:
        text = self.ssh(machine, "ip -details -json address show")
        return {entry["ifname"]: entry for entry in json.loads(text) if "ifname" in entry}

    def files(self) -> dict[str, str]:
        """Files of the lab's own that plays write: kubeconfigs."""
        return {str(path): path.read_text() for path in self.lab.directory.glob("*.kubeconfig")}

    def objects(self) -> dict[str, list[str]]:
        """Names of what the host cluster holds, of the kinds that the collection makes."""
        kinds = (
            "namespaces,nodes,persistentvolumes",
            "-A statefulsets,deployments,daemonsets,services,configmaps,serviceaccounts,persistentvolumeclaims",
            "-A network-attachment-definitions,ippools.whereabouts.cni.cncf.io",
        )
        return {
            kind: self.kubectl(None, "get", *kind.split(), "-o", "name", "--ignore-not-found").split() for kind in kinds
        }

    # -- clusters

    def kubeconfig(self, tenant: str | None) -> Path:
        return self.lab.directory / ("host.kubeconfig" if tenant is None else f"{tenant}.kubeconfig")

    def kubectl(self, tenant: str | None, *arguments: str) -> str:
        """kubectl against the host cluster; a tenant cluster is reached from one of its own servers."""
        if tenant is not None:
            return self.tenant_kubectl(tenant, *arguments)
        done = subprocess.run(
            [str(state.cache_dir() / "bin" / "kubectl"), "--kubeconfig", str(self.kubeconfig(None)), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise RemoteError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def tenant_kubectl(self, tenant: str, *arguments: str) -> str:
        """Through a port-forward to a control-plane pod, by means that share no code with the collection."""
        namespace = f"vcluster-{tenant}"
        names = self.kubectl(None, "-n", namespace, "get", "secrets", "-o", "name").split()
        # Kamaji's Secret, or vCluster's
        kamaji = f"secret/{tenant}-admin-kubeconfig" in names
        name, key = (f"{tenant}-admin-kubeconfig", "admin.conf") if kamaji else (f"vc-{tenant}", "config")
        secret = json.loads(self.kubectl(None, "-n", namespace, "get", "secret", name, "-o", "json"))
        config = base64.b64decode(secret["data"][key]).decode()
        path = self.lab.directory / "log" / f"{tenant}.kubeconfig"
        state.write_private(path, config)
        labels = f"kamaji.clastix.io/name={tenant}" if kamaji else f"app=vcluster,release={tenant}"
        pods = self.kubectl(None, "-n", namespace, "get", "pods", "-l", labels, "-o", "name").split()
        if not pods:
            raise RemoteError(f"tenant cluster {tenant} has no control-plane pod")
        pod = sorted(pods)[0].removeprefix("pod/")
        forward = subprocess.Popen(
            [
                str(state.cache_dir() / "bin" / "kubectl"),
                "--kubeconfig",
                str(self.kubeconfig(None)),
                "-n",
                f"vcluster-{tenant}",
                "port-forward",
                f"pod/{pod}",
                ":6443" if kamaji else ":8443",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert forward.stdout is not None and forward.stderr is not None
            line = forward.stdout.readline()
            if "->" not in line:
                raise RemoteError(f"port-forward to {pod}: {line}{forward.stderr.read()}")
            port = line.split(":")[1].split()[0]
            server = json.loads(
                subprocess.run(
                    [
                        str(state.cache_dir() / "bin" / "kubectl"),
                        "--kubeconfig",
                        str(path),
                        "config",
                        "view",
                        "-o",
                        "json",
                    ],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
            )["clusters"][0]["cluster"]["server"]
            host = server.split("//")[1].rsplit(":", 1)[0]
            done = subprocess.run(
                [
                    str(state.cache_dir() / "bin" / "kubectl"),
                    "--kubeconfig",
                    str(path),
                    "--server",
                    f"https://127.0.0.1:{port}",
                    "--tls-server-name",
                    host,
                    *arguments,
                ],
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            if done.returncode:
                raise RemoteError(f"kubectl for {tenant}: {' '.join(arguments)}: {done.stderr}")
            return done.stdout
        finally:
            forward.kill()
            forward.wait()
            path.unlink()

    def endpoint(self, tenant: str) -> str:
        """The VIP: the address below the gateway's."""
        vnet = next(each for each in self.controller()["vnet"] if each["name"] == f"{tenant}-nodes")
        gateway = vnet["gateways"][0]["prefix"].split("/")[0]
        head, _dot, last = gateway.rpartition(".")
        return f"{head}.{int(last) - 1}"

    def endpoint_holder(self, tenant: str) -> str:
        """The pod that has the VIP; empty while none has."""
        lease = ("get", "lease", "apiserver-lb", "-o", "jsonpath={.spec.holderIdentity}")
        return self.kubectl(None, "-n", f"vcluster-{tenant}", *lease)

    def nodes(self, tenant: str | None) -> dict[str, dict[str, str]]:
        items = json.loads(self.kubectl(tenant, "get", "nodes", "-o", "json"))["items"]
        return {
            item["metadata"]["name"]: {
                "ready": next((c["status"] for c in item["status"]["conditions"] if c["type"] == "Ready"), "Unknown"),
                "version": item["status"]["nodeInfo"]["kubeletVersion"],
                "uid": item["metadata"]["uid"],
            }
            for item in items
        }

    # -- plays

    def play(self, playbook: str, *options: str, **more: Any) -> Run:
        return play(self.lab, playbook, *options, **{"inventory": self.inventory, **more})

    def playing(self, playbook: str, *options: str) -> Playing:
        """A play that goes on in the background."""
        return Playing(self.lab, playbook, options, self.inventory)


def _settled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _settled(each) for key, each in value.items() if key not in _VOLATILE}
    if isinstance(value, list):
        return sorted((_settled(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value


def end_state(lab: TestLab, tenant: str) -> dict[str, Any]:
    """What two ways to the same end must have in common: names and shapes, not ids, keys or times."""
    controller = lab.controller()
    return {
        "server clusters": sorted(
            (each["name"], sorted(s["name"] for s in each["servers"])) for each in controller["server-cluster"]
        ),
        "V-Nets": sorted((each["name"], each["vlan"]) for each in controller["vnet"]),
        "VPCs": sorted(each["name"] for each in controller["vpc"]),
        "nodes": {name: sorted((n, v["ready"]) for n, v in lab.nodes(name).items()) for name in ("blue", tenant)},
        "objects": {
            kind: sorted(name for name in names if tenant in name and "/kube-root-ca" not in name)
            for kind, names in lab.objects().items()
        },
        "netplan": {server: lab.ssh(server, "ls /etc/netplan").split() for server in SERVERS},
        "bridges": {
            server: sorted(name for name in lab.devices(server) if name.startswith("br-vlan-")) for server in SERVERS
        },
    }


@contextmanager
def running(name: str, fabric: str | None = None) -> Iterator[TestLab]:
    """A lab at level rack: a new one, for what a killed run left behind is no ground to test on.

    It leaves nothing. With FABRIC_E2E_KEEP it is taken as it is, and stays.
    """
    keep = bool(os.environ.get("FABRIC_E2E_KEEP"))
    if not keep and (left := state.load(name)):
        levels.down(left, levels.Phases())
    lab = state.claim(name, None, None, fabric)
    levels.up(lab, levels.Level.rack, levels.Phases())
    yield TestLab(lab)
    if keep:
        return
    levels.down(lab, levels.Phases())
    assert levels.remains(lab) == []
