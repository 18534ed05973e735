"""The guests' stand-in for cloud-init takes what the collection renders, and refuses the rest."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import cloud_init, virtual_machine

from .test_standin_kubevirt import INTENT

PROGRAM = Path(__file__).parents[3] / "lab" / "image" / "files" / "usr" / "local" / "sbin" / "lab-cloud-init"


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program, with all that it writes below a directory."""
    loader = importlib.machinery.SourceFileLoader("lab_cloud_init", str(PROGRAM))
    spec = importlib.util.spec_from_loader("lab_cloud_init", loader)
    assert spec is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    for name, path in (("DONE", "done"), ("LOG", "log"), ("NETWORK", "network")):
        monkeypatch.setattr(module, name, tmp_path / path)
    return module


def rendered(**changes: Any) -> tuple[str, str]:
    secret, _disk, machine = virtual_machine.virtual_machine_plan({**INTENT, **changes}, [])["objects"]
    volumes = {each["name"]: each for each in machine["spec"]["template"]["spec"]["volumes"]}
    return secret["stringData"]["userdata"], volumes["cloud-init"]["cloudInitNoCloud"]["networkData"]


@pytest.mark.parametrize("changes", [{}, {"ssh_authorized_keys": ["ssh-ed25519 AAAA me"]}, {"pod_network": True}])
def test_what_the_collection_renders_is_understood(guest: Any, changes: dict[str, Any]) -> None:
    config, ethernets = guest.parse(*rendered(**changes))
    assert config["hostname"] == "blue-vm1"
    assert config["runcmd"] == [[cloud_init.PROGRAM]]
    assert "tenant" in ethernets


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"packages": ["nfs-common"]}, "user data: packages"),
        ({"write_files": [{"path": "/x", "encoding": "b64"}]}, "user data: write_files[0].encoding"),
        ({"write_files": [{"path": "/x", "owner": "www-data"}]}, "write_files[0].owner www-data"),
    ],
)
def test_what_it_does_not_know_is_refused(guest: Any, config: dict[str, Any], told: str) -> None:
    with pytest.raises(guest.Refused, match=told.replace("[", r"\[").replace("]", r"\]")):
        guest.parse("#cloud-config\n" + yaml.safe_dump(config), "")


def test_scripts_and_foreign_networks_are_refused(guest: Any) -> None:
    with pytest.raises(guest.Refused, match="only #cloud-config"):
        guest.parse("#!/bin/sh\n", "")
    with pytest.raises(guest.Refused, match="not matched by its MAC"):
        guest.parse("#cloud-config\n{}\n", "version: 2\nethernets: {enp1s0: {dhcp4: true}}\n")


def test_nics_are_found_by_their_addresses(guest: Any) -> None:
    _config, ethernets = guest.parse(*rendered(pod_network=True))
    files = guest.network_files(ethernets)
    mac = virtual_machine.stable_mac("blue", "blue-vm1")
    assert f"MACAddress={mac}" in files["10-cloud-init-tenant.network"]
    assert "DHCP=ipv4" in files["10-cloud-init-tenant.network"]
    assert "UseRoutes=yes" in files["10-cloud-init-tenant.network"]
    assert "UseRoutes=no" in files["10-cloud-init-pod.network"]


def test_the_first_boot_only(guest: Any, tmp_path: Path) -> None:
    target, mark = tmp_path / "secret" / "file", tmp_path / "runs"
    config = {
        "write_files": [{"path": str(target), "permissions": "0600", "content": "text\n"}],
        "runcmd": [["sh", "-c", f"echo once >> {mark}"], f"echo words; cat {target}"],
    }
    assert guest.final(config) == 0
    assert guest.final(config) == 0
    assert mark.read_text() == "once\n"
    assert target.read_text() == "text\n" and target.stat().st_mode & 0o777 == 0o600
    assert guest.LOG.read_text() == "words\ntext\n"
    assert guest.LOG.stat().st_mode & 0o007 == 0


def test_a_failed_command_fails_the_unit(guest: Any) -> None:
    assert guest.final({"runcmd": [["false"], ["true"]]}) == 1


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    assert os.access(PROGRAM, os.X_OK)
    done = subprocess.run([str(PROGRAM), "final"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode != 0
    assert "user-data" in done.stderr
