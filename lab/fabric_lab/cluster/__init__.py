"""The host cluster's control plane: real etcd, kube-apiserver, controller manager and scheduler beside the rack."""

from __future__ import annotations

from fabric_lab.cluster import api, kubeadm, processes
from fabric_lab.cluster.settings import Cluster
from fabric_lab.state import Lab, LabError, write_private
from fabric_lab.supervisor.client import Supervisor

_START_TIMEOUT = 120


def plan(cluster: Cluster) -> list[str]:
    """What `up` would do now; empty when everything is there."""
    supervisor = Supervisor(cluster.lab)
    known = supervisor.status() if supervisor.alive() else {}
    missing = [name for name in processes.NAMES if name not in known or known[name].state == "stopped"]
    steps = [f"start {name}" for name in missing]
    if not cluster.operator_kubeconfig.exists():
        steps.insert(0, "make the certificates of the host cluster")
    if not _prepared(cluster):
        steps.append("prepare the host cluster for nodes")
    return steps


def _prepared(cluster: Cluster) -> bool:
    wanted = kubeadm.configuration(cluster)
    return cluster.prepared.exists() and cluster.prepared.read_text() == wanted


def up(lab: Lab, cluster: Cluster | None = None) -> list[str]:
    """Bring the control plane up; what runs stays as it is. One line for each thing that had to be done."""
    cluster = cluster or Cluster(lab)
    supervisor = Supervisor(lab)
    if not supervisor.alive():
        raise LabError(f"lab {lab.name!r} is not up: the host cluster needs level rack")
    steps = plan(cluster)
    if not steps and api.ready(cluster):
        return []
    kubeadm.ensure_files(cluster)
    for spec in processes.all_of(cluster):
        supervisor.add(spec)
        if spec.name == processes.API_SERVER:
            api.wait_ready(cluster, _START_TIMEOUT)
    if not _prepared(cluster):
        kubeadm.upload(cluster)
        write_private(cluster.prepared, kubeadm.configuration(cluster))
    return steps


def down(lab: Lab) -> None:
    """Stop the control plane; its state stays until the lab goes down. etcd ends last: the others wait for it."""
    supervisor = Supervisor(lab)
    known = supervisor.status()
    for name in reversed(processes.NAMES):
        if name in known:
            supervisor.remove(name)


def status(lab: Lab) -> dict[str, str]:
    """State of each process and of the API."""
    known = Supervisor(lab).status()
    states = {name: known[name].state if name in known else "absent" for name in processes.NAMES}
    return {**states, "api": "ready" if api.ready(Cluster(lab)) else "not ready"}
