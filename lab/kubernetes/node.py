"""Makes a server of the rack a node of the host cluster. Runs on the server, from standard input; answers in JSON.

Standard library only. It compares with what is there, changes what differs and says what it did; with ``check`` it
only says what it would do. Phases: ``prepare`` (everything up to the kubelet) and ``join``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HOST_BIN = Path("/mnt/host/bin")
HOST_IMAGES = Path("/mnt/host/images")
PROGRAMS = Path("/usr/local/bin")
PLUGINS = Path("/opt/cni/bin")
UNITS = Path("/etc/systemd/system")
CONTAINERD_ROOT = Path("/var/lib/containerd")
METADATA = "io.containerd.metadata.v1.bolt/meta.db"
SNAPSHOTS = "io.containerd.snapshotter.v1.overlayfs"
BLOBS = "io.containerd.content.v1.content/blobs/sha256"
KUBELET_CONF = Path("/etc/kubernetes/kubelet.conf")
PROXY_CONF = Path("/etc/kubernetes/kube-proxy.conf")
NETWORK_CONF = Path("/etc/cni/net.d/10-lab.conflist")
# they need the cluster to know this node
NETWORK_UNITS = ("kube-proxy.service", "lab-network.service")
SOCKET = "unix:///run/containerd/containerd.sock"

CONTAINERD = """\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = true
"""

KUBELET = """\
[Unit]
Description=kubelet
After=network-online.target containerd.service var-lib-cni.mount
Wants=containerd.service
Requires=var-lib-cni.mount
StartLimitIntervalSec=0
[Service]
Environment=BOOTSTRAP=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=/usr/local/bin/kubelet $BOOTSTRAP --kubeconfig=/etc/kubernetes/kubelet.conf \\
  --config=/var/lib/kubelet/config.yaml --housekeeping-interval=60s $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
"""

# plugins cache results there; after a power cut a half-written one would keep pods from starting
CNI_STATE = """\
[Unit]
Description=State of CNI plugins, which does not outlive the pods
[Mount]
What=tmpfs
Where=/var/lib/cni
Type=tmpfs
Options=mode=0755,size=32m
[Install]
WantedBy=multi-user.target
"""

SERVICE = """\
[Unit]
Description={description}
After=network-online.target
StartLimitIntervalSec=0
[Service]
ExecStart={command}
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
"""


class Problem(Exception):
    """Something that the person who started the play has to know."""


def run(*argv: str) -> str:
    """Run a program; its output. A failure says what the program said."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Problem(f"{' '.join(argv[:4])} failed ({done.returncode}): {done.stdout.strip()[-1500:]}")
    return done.stdout


def succeeds(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def write(path: Path, text: str, mode: int) -> None:
    """Replace a file in one step; nobody reads it while it has the wrong mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(text)
    new.chmod(mode)
    new.replace(path)


class Node:
    """Brings this server to what the settings say, or tells what is missing."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.check: bool = settings["check"]
        self.name: str = settings["name"]
        self.actions: list[str] = []
        self._reload = False
        self._restart: set[str] = set()

    def _act(self, text: str) -> bool:
        """Note an action; whether to carry it out."""
        self.actions.append(text)
        return not self.check

    def _address(self) -> str | None:
        """The address on the host cluster's network; it is what the kubelet tells the cluster."""
        device = self.settings["interface"]
        command = ["ip", "-json", "-4", "address", "show", "dev", device]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        entries = json.loads(found.stdout or "[]") if found.returncode == 0 else []
        for entry in entries:
            for info in entry.get("addr_info", []):
                if info["scope"] == "global":
                    return str(info["local"])
        if self.check:
            return None
        raise Problem(f"{self.name} has no IPv4 address on {device}")

    def _file(self, path: Path, text: str, mode: int = 0o644, restarts: Sequence[str] = ()) -> None:
        if read(path) != text and self._act(f"write {path}"):
            write(path, text, mode)
            self._restart.update(restarts)
            self._reload = self._reload or path.parent == UNITS

    def _link(self, path: Path, target: Path) -> None:
        if path.is_symlink() and path.readlink() == target:
            return
        if self._act(f"link {path} to {target}"):
            if not target.exists():
                raise Problem(f"{target} is not there: has the lab been built?")
            new = path.with_name(path.name + ".new")
            new.unlink(missing_ok=True)
            new.symlink_to(target)
            new.replace(path)

    def _plugin(self, name: str, checksum: str) -> None:
        path = PLUGINS / name
        if path.is_file() and sha256(path) == checksum:
            return
        if self._act(f"install CNI plugin {name}"):
            PLUGINS.mkdir(parents=True, exist_ok=True)
            new = path.with_name(name + ".new")
            shutil.copyfile(HOST_BIN / "cni" / name, new)
            new.chmod(0o755)
            new.replace(path)

    def _enable(self, *units: str) -> None:
        """Have units start at boot. One reload for all of them: it takes these machines seconds."""
        missing = [unit for unit in units if not succeeds("systemctl", "--quiet", "is-enabled", unit)]
        if missing and self._act(f"enable {' '.join(missing)}"):
            run("systemctl", "--quiet", "--no-reload", "enable", *missing)
            self._reload = True

    def _start(self, *units: str) -> None:
        """Have units running with their present configuration."""
        idle = [unit for unit in units if not succeeds("systemctl", "--quiet", "is-active", unit)]
        stale = [unit for unit in units if unit not in idle and unit in self._restart]
        self._restart.difference_update(units)
        for verb, chosen in (("start", idle), ("restart", stale)):
            if chosen and self._act(f"{verb} {' '.join(chosen)}"):
                self._reload_units()
                run("systemctl", verb, *chosen)

    def _reload_units(self) -> None:
        if self._reload:
            run("systemctl", "daemon-reload")
            self._reload = False

    def _hosts(self, address: str | None) -> None:
        """kubeadm and the kubelet look their own name up."""
        if address is None or succeeds("getent", "hosts", self.name):
            return
        if self._act(f"add {self.name} to /etc/hosts"):
            hosts = Path("/etc/hosts")
            write(hosts, f"{hosts.read_text().rstrip()}\n{address} {self.name}\n", 0o644)

    def _store(self) -> None:
        """Take over the images that the lab has unpacked for all machines: the database, and links to the layers."""
        store = HOST_IMAGES / self.settings["store"]
        if (CONTAINERD_ROOT / METADATA).exists() or not store.is_dir():
            return
        if self._act(f"take over the unpacked images of {store.name}"):
            new = CONTAINERD_ROOT.with_name("containerd.new")
            shutil.rmtree(new, ignore_errors=True)
            for name in (METADATA, f"{SNAPSHOTS}/metadata.db"):
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(store / name, new / name)
            for folder in (BLOBS, f"{SNAPSHOTS}/snapshots"):
                (new / folder).mkdir(parents=True)
                for entry in (store / folder).iterdir():
                    (new / folder / entry.name).symlink_to(entry)
            if CONTAINERD_ROOT.exists():
                shutil.rmtree(CONTAINERD_ROOT)
            new.rename(CONTAINERD_ROOT)

    def _images(self) -> None:
        present: dict[str, str] = {}
        if succeeds("systemctl", "--quiet", "is-active", "containerd"):
            for line in run("ctr", "-n", "k8s.io", "images", "list").splitlines()[1:]:
                fields = line.split()
                present[fields[0]] = fields[2]
        elif self.check and (HOST_IMAGES / self.settings["store"]).is_dir():
            return  # they come with the store
        for image in self.settings["images"]:
            if present.get(image["reference"]) != image["digest"] and self._act(f"import image {image['reference']}"):
                run("ctr", "-n", "k8s.io", "images", "import", str(HOST_IMAGES / image["archive"]))

    def prepare(self) -> None:
        settings, address = self.settings, self._address()
        for name, source in sorted(settings["programs"].items()):
            self._link(PROGRAMS / name, HOST_BIN / source)
        for name, checksum in sorted(settings["plugins"].items()):
            self._plugin(name, checksum)
        self._hosts(address)
        self._units()
        self._enable("var-lib-cni.mount", "containerd.service", "kubelet.service", *NETWORK_UNITS)
        self._store()
        self._start("var-lib-cni.mount", "containerd.service")
        self._images()
        if self.joined():
            self._start("kubelet.service", *NETWORK_UNITS)
        # what starts later, or at the next boot, must be known by then
        self._reload_units()

    def _units(self) -> None:
        """Configuration of all services: the container runtime, the kubelet, kube-proxy and the pod network."""
        settings = self.settings
        containerd = CONTAINERD.format(pause_image=settings["pause_image"])
        self._file(Path("/etc/containerd/config.toml"), containerd, restarts=["containerd.service"])
        self._file(UNITS / "var-lib-cni.mount", CNI_STATE)
        self._file(UNITS / "kubelet.service", KUBELET, restarts=["kubelet.service"])
        self._file(PROXY_CONF, settings["kube_proxy"], 0o600, NETWORK_UNITS)
        cluster = f"--cluster-cidr={settings['pod_cidr']}"
        proxy = [
            f"--hostname-override={self.name}",
            "--proxy-mode=iptables",
            cluster,
            # this kernel does not let itself be told
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ]
        for unit, description, program, arguments in (
            ("kube-proxy.service", "kube-proxy", "kube-proxy", proxy),
            ("lab-network.service", "pod network of the lab", "standin-cni", [f"--node={self.name}", cluster]),
        ):
            command = " ".join([str(PROGRAMS / program), f"--kubeconfig={PROXY_CONF}", *arguments])
            self._file(UNITS / unit, SERVICE.format(description=description, command=command), restarts=[unit])

    def joined(self) -> bool:
        return f"server: https://{self.settings['endpoint']}" in (read(KUBELET_CONF) or "")

    def join(self) -> None:
        if self.joined() or not self._act(f"join {self.settings['endpoint']}"):
            return
        if KUBELET_CONF.exists() or Path("/etc/kubernetes/pki/ca.crt").exists():
            # an earlier join that was interrupted, or of a cluster that is gone
            run("kubeadm", "reset", "--force", "--cri-socket", SOCKET)
            self._units()  # it clears /etc/kubernetes
        path = Path("/run/lab-join.json")
        write(path, json.dumps(self._join_configuration()), 0o600)
        try:
            run("kubeadm", "join", "--config", str(path))
            # the kubelet complains every second about a folder that is not there
            (KUBELET_CONF.parent / "manifests").mkdir(exist_ok=True)
        finally:
            path.unlink()
        self._start(*NETWORK_UNITS)
        self._wait_network()

    def _join_configuration(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "JoinConfiguration",
            "discovery": {
                "bootstrapToken": {
                    "token": self.settings["token"],
                    "apiServerEndpoint": self.settings["endpoint"],
                    "caCertHashes": [self.settings["ca_hash"]],
                }
            },
            "nodeRegistration": {
                "name": self.name,
                "criSocket": SOCKET,
                "kubeletExtraArgs": [{"name": "node-ip", "value": self._address()}],
                # this kernel has no configuration to look at
                "ignorePreflightErrors": ["SystemVerification"],
            },
        }

    def _wait_network(self) -> None:
        """The kubelet calls a node Ready when it finds a CNI configuration."""
        deadline = time.monotonic() + 90
        while not NETWORK_CONF.exists():
            if time.monotonic() > deadline:
                raise Problem("no pod network after 90 s: journalctl -u lab-network")
            time.sleep(0.5)


def main(text: str) -> None:
    settings = json.loads(text)
    node = Node(settings)
    answer = {"problem": "", "joined": False}
    try:
        {"prepare": node.prepare, "join": node.join}[settings["phase"]]()
        answer["joined"] = node.joined()
    except (Problem, OSError) as error:
        answer["problem"] = str(error)
    print(json.dumps({**answer, "actions": node.actions, "changed": bool(node.actions)}))
