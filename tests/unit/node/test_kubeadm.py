"""The script around kubeadm, run for real with a kubeadm that only notes what it was given."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._node import join, kubeadm, script
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import Done, System

TOKEN = "abc123.0123456789abcdef"
ENDPOINT = "192.168.71.253:6443"
CA = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
KUBEADM = """#!/bin/sh
echo "$@" >>"$NOTES/arguments"
[ "$1" = join ] || exit 0
cp -p "$3" "$NOTES/discovery"
tr "\\0" " " </proc/$$/cmdline >"$NOTES/cmdline"
"""
SYSTEMCTL = """#!/bin/sh
[ "$2" = is-active ] && [ ! -e "$NOTES/kubelet" ] && exit 3
exit 0
"""


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    for name, text in (("kubeadm", KUBEADM), ("systemctl", SYSTEMCTL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    made = tmp_path / "join.sh"
    made.write_text(kubeadm.script(ENDPOINT, CA, TOKEN).text.replace("/run/kubeadm-join", str(tmp_path / "work")))
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "NOTES": str(tmp_path)}
    return subprocess.run(
        ["/bin/sh", str(made), *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_kubeadm_is_told_by_a_file_whom_to_trust(tmp_path: Path) -> None:
    ended = run(tmp_path, "--node-name", "metal2", "--ignore-preflight-errors=SystemVerification")
    assert ended.returncode == 0, ended.stderr
    (told,) = (tmp_path / "arguments").read_text().splitlines()
    assert told.endswith("discovery.conf --node-name metal2 --ignore-preflight-errors=SystemVerification")
    discovery = tmp_path / "discovery"
    assert discovery.stat().st_mode & 0o777 == 0o600
    config = yaml.safe_load(discovery.read_text())
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == f"https://{ENDPOINT}"
    assert base64.b64decode(cluster["certificate-authority-data"]).decode() == CA
    assert config["users"][0]["user"] == {"token": TOKEN}
    assert list(tmp_path.glob("work*")) == []


def test_the_token_is_in_no_argument_list(tmp_path: Path) -> None:
    run(tmp_path, "--node-name", "metal2")
    assert TOKEN.split(".")[1] not in (tmp_path / "cmdline").read_text()


def test_a_running_kubelet_is_left_alone_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "kubelet").touch()
    ended = run(tmp_path, "--node-name", "metal2")
    assert ended.returncode == 1
    assert "--force-join joins anew" in ended.stderr
    assert run(tmp_path, "--node-name", "metal2", "--force-join").returncode == 0
    assert "--force-join" not in (tmp_path / "arguments").read_text()


def test_the_kept_copy_resets_without_a_token(tmp_path: Path) -> None:
    assert TOKEN.split(".")[1] not in script.scrub(kubeadm.script(ENDPOINT, CA, TOKEN).text, TOKEN)
    assert run(tmp_path, "--reset-only").returncode == 0
    assert (tmp_path / "arguments").read_text() == "reset --force\n"


def test_the_checksum_does_not_depend_on_the_token() -> None:
    other = kubeadm.script(ENDPOINT, CA, "zzz999.fedcba9876543210")
    assert kubeadm.script(ENDPOINT, CA, TOKEN).sha256 == other.sha256
    assert kubeadm.script("192.168.71.252:6443", CA, TOKEN).sha256 != other.sha256


@pytest.mark.parametrize(
    ("endpoint", "ca", "token"),
    [("$(reboot):1", CA, TOKEN), ("192.168.71.253", CA, TOKEN), (ENDPOINT, " ", TOKEN), (ENDPOINT, CA, "x; reboot")],
)
def test_nothing_odd_gets_into_it(endpoint: str, ca: str, token: str) -> None:
    with pytest.raises(script.ScriptError):
        kubeadm.script(endpoint, ca, token)


class Server(System):
    def has(self, program: str) -> bool:
        return program == "containerd"

    def run(self, *_command: str, **_options: Any) -> Done:
        return Done(3, "")


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    request = join.Request(ENDPOINT, CA, TOKEN, "metal2", way="kubeadm")
    with pytest.raises(join.JoinError, match="kubeadm, kubelet not installed on this server: the role node_packages"):
        join.join(Server(str(tmp_path)), request)
