"""kubectl on a cluster of the lab.

This machine is on no tenant VLAN, as in real life, so a tenant cluster's VIP cannot be reached from here: the way in is
a port of this machine that the host cluster forwards to the control plane.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fabric_lab.state import Lab, LabError, cache_dir

HOST = "host"
_SUFFIX = "-forwarded.kubeconfig"
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")


def clusters(lab: Lab) -> list[str]:
    """The clusters that kubeconfigs have been written for."""
    host = [HOST] if _kubeconfig(lab, HOST).is_file() else []
    return host + sorted(path.name.removesuffix(_SUFFIX) for path in lab.directory.glob(f"*{_SUFFIX}"))


def run(lab: Lab, cluster: str, arguments: Sequence[str]) -> int:
    """The exit code of kubectl."""
    if cluster not in clusters(lab):
        there = ", ".join(clusters(lab)) or "none yet"
        raise LabError(f"no cluster {cluster!r} in lab {lab.name!r}; there are: {there}")
    if cluster == HOST:
        return subprocess.call(_command(_kubeconfig(lab, HOST), *arguments))
    with _forwarded(lab, cluster) as port:
        server = f"--server=https://127.0.0.1:{port}"
        return subprocess.call(_command(_kubeconfig(lab, cluster), server, *arguments))


def _kubeconfig(lab: Lab, cluster: str) -> Path:
    return lab.directory / ("host.kubeconfig" if cluster == HOST else f"{cluster}{_SUFFIX}")


def _command(kubeconfig: Path, *arguments: str) -> list[str]:
    return [str(cache_dir() / "bin" / "kubectl"), f"--kubeconfig={kubeconfig}", *arguments]


@contextmanager
def _forwarded(lab: Lab, tenant: str) -> Iterator[int]:
    """A free port of this machine that leads to a tenant cluster's API."""
    namespace = f"--namespace=vcluster-{tenant}"
    command = _command(_kubeconfig(lab, HOST), namespace, "port-forward", f"service/{tenant}", ":443")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as forward:
        assert forward.stdout is not None and forward.stderr is not None
        try:
            for line in forward.stdout:
                if found := _FORWARDING.match(line):
                    yield int(found[1])
                    return
            raise LabError(f"no way to tenant cluster {tenant!r}: {forward.stderr.read().strip()}")
        finally:
            forward.terminate()
