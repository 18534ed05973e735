# SPDX-License-Identifier: Apache-2.0
"""Rendered documents against golden ones: `UPDATE_GOLDEN=1 pytest` writes them anew, the diff is the review."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import netplan
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision import (
    autoinstall,
    files,
    model,
    network,
    preseed,
    seed,
)

from .conftest import LITTLE, options

GOLDEN = Path(__file__).with_name("golden")


def rendered() -> dict[str, str]:
    found: dict[str, str] = {"debian-loader.cfg": preseed.LOADER}
    for distribution in (seed.UBUNTU, seed.DEBIAN):
        for kind, changes in (("full", {}), ("little", LITTLE)):
            wanted = model.installation(options(distribution=distribution, **changes))
            found.update({f"{distribution}-{kind}-{name}": text for name, text in seed.documents(wanted).items()})
    return {name: text for name, text in found.items() if text}


FILES = rendered()


@pytest.mark.parametrize("name", sorted(FILES))
def test_golden(name: str) -> None:
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(FILES[name])
    assert FILES[name] == golden.read_text()


def test_no_golden_file_lies_about() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(FILES)


def ubuntu(**changes: Any) -> dict[str, Any]:
    text = autoinstall.user_data(model.installation(options(**changes)))
    assert text.startswith("#cloud-config\n")
    document: dict[str, Any] = yaml.safe_load(text)
    # subiquity refuses other keys beside it
    assert list(document) == ["autoinstall"]
    found: dict[str, Any] = document["autoinstall"]
    return found


def written(commands: list[list[str]], root: Path) -> dict[str, tuple[str, int]]:
    """What the late commands write, run for real below a directory."""
    for command in commands:
        assert command[:6] == ["curtin", "in-target", "--target=/target", "--", "sh", "-c"]
        script = re.sub(r"(?<=[ ])/(?=etc/)", f"{root}/", command[6])
        subprocess.run(["sh", "-c", script], check=True)
    return {
        f"/{path.relative_to(root)}": (path.read_text(), path.stat().st_mode & 0o777)
        for path in root.rglob("*")
        if path.is_file()
    }


def test_the_bond_is_host_networks_own(tmp_path: Path) -> None:
    """Word for word, or the first run on the new system would take the bond down."""
    wanted = model.installation(options())
    found = written(ubuntu()["late-commands"], tmp_path)
    text = netplan.render_bond(wanted.bond, ["eth9", "eth10"], "0c:42:a1:00:00:09")
    assert found[netplan.BOND_FILE] == (text, 0o600)


def test_what_is_written_is_private_where_it_must_be(tmp_path: Path) -> None:
    found = written(ubuntu()["late-commands"], tmp_path)
    modes = {path: mode for path, (_text, mode) in found.items()}
    assert modes["/etc/ssh/ssh_host_ed25519_key"] == 0o600
    assert modes["/etc/ssh/ssh_host_ed25519_key.pub"] == 0o644
    assert modes["/etc/sudoers.d/90-ubuntu"] == 0o440
    assert found[files.MARK] == ("11111111-2222-3333-4444-555555555555\n", 0o644)


def test_nics_get_their_names_by_their_addresses(tmp_path: Path) -> None:
    text, _mode = written(ubuntu()["late-commands"], tmp_path)[network.NICS_FILE]
    assert yaml.safe_load(text)["network"]["ethernets"]["eth9"] == {
        "match": {"macaddress": "0c:42:a1:00:00:09"},
        "set-name": "eth9",
    }


def test_the_mark_is_written_last() -> None:
    assert files.of(model.installation(options()))[-1].path == files.MARK


@pytest.mark.skipif(shutil.which("netplan") is None, reason="netplan is not on this machine")
def test_netplan_takes_all_files_together(tmp_path: Path) -> None:
    directory = tmp_path / "etc" / "netplan"
    directory.mkdir(parents=True)
    wanted = model.installation(options())
    texts = {file.path: file.text for file in files.of(wanted) if file.path.startswith(netplan.DIRECTORY)}
    texts[network.MANAGEMENT_FILE] = yaml.safe_dump({"network": network.management(wanted)})
    for path, text in texts.items():
        (directory / Path(path).name).write_text(text)
        (directory / Path(path).name).chmod(0o600)
    subprocess.run(["netplan", "generate", "--root-dir", str(tmp_path)], check=True)


def test_a_disk_is_named_and_never_guessed() -> None:
    layout = ubuntu()["storage"]["layout"]
    assert layout == {"name": "direct", "match": {"serial": "S4EVNX0R123456"}}
    assert ubuntu(**LITTLE)["storage"]["layout"]["match"] == {"path": "/dev/nvme0n1"}


@pytest.mark.parametrize("kind", ["full", "little"])
def test_debian_stays_where_it_is_without_its_disk(kind: str, tmp_path: Path) -> None:
    """The command is run for real; this machine has no such disk."""
    text = FILES[f"debian-{kind}-preseed.cfg"]
    (command,) = re.findall(r"^d-i partman/early_command string (.*)$", text, re.MULTILINE)
    command = command.replace("/dev/", f"{tmp_path}/")
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["sh", "-c", f"logger() {{ :; }}; {command}; echo on"], timeout=1, check=False)


def test_debian_goes_on_with_the_disk_of_that_serial_number() -> None:
    text = FILES["debian-full-preseed.cfg"]
    (command,) = re.findall(r"^d-i partman/early_command string (.*)$", text, re.MULTILINE)
    found = command.replace("/dev/disk/by-id/*S4EVNX0R123456", "/dev/null").replace("[ -b ", "[ -c ")
    done = subprocess.run(
        ["sh", "-c", f"debconf-set() {{ echo $*; }}; {found}".replace("debconf-set", "debconf_set")],
        capture_output=True,
        text=True,
        timeout=5,
        check=True,
    )
    assert done.stdout.splitlines() == ["partman-auto/disk /dev/null", "grub-installer/bootdev /dev/null"]


def test_both_end_with_the_server_off() -> None:
    assert ubuntu()["shutdown"] == "poweroff"
    assert "d-i debian-installer/exit/poweroff boolean true" in FILES["debian-full-preseed.cfg"]


def test_the_late_command_is_one_line_for_debconf() -> None:
    """Each line but the last ends with a backslash, and quoting survives the shell."""
    text = FILES["debian-full-preseed.cfg"]
    _before, _key, late = text.partition("d-i preseed/late_command string ")
    lines = late.split("\nd-i ", 1)[0].splitlines()
    assert all(line.endswith(" && \\") for line in lines[:-1])
    assert subprocess.run(["sh", "-n", "-c", "\n".join(lines)], check=False).returncode == 0
    assert text.count("in-target sh -c ") == len(lines)


@pytest.mark.parametrize("name", ["debian-full-early.sh", "debian-little-early.sh"])
def test_the_early_script_is_shell(name: str) -> None:
    subprocess.run(["sh", "-n"], input=FILES[name], text=True, check=True)


def test_what_is_shown_holds_no_secret() -> None:
    for distribution in (seed.UBUNTU, seed.DEBIAN):
        wanted = model.installation(options(distribution=distribution))
        secret = base64.b64encode(b"PRIVATE KEY OF THE HOST\n").decode()
        assert any(secret in text for text in seed.documents(wanted).values())
        for text in seed.shown(wanted).values():
            assert secret not in text and "$6$salt$hash" not in text
            assert "PRIVATE KEY OF THE HOST" not in text


def test_without_a_password_nobody_logs_in_by_one() -> None:
    user = ubuntu(password_hash=None)["user-data"]["users"][0]
    assert user["lock_passwd"] is True and "hashed_passwd" not in user


def test_all_mistakes_are_told_at_once() -> None:
    bad = options(
        disk={"path": "/dev/sda", "serial": "S4"},
        management={"mac": "0c:42:a1:00:00:01", "address": None, "gateway": "10.0.0.1"},
        authorized_keys=[],
        bond={"name": "bond0", "nics": [{"name": "eth9", "mac": None}]},
    )
    with pytest.raises(model.ProvisionError) as caught:
        model.installation(bad)
    for path in ("disk:", "management.gateway:", "authorized_keys:", "bond.nics:"):
        assert path in str(caught.value)


def test_a_bond_that_host_network_refuses_is_refused() -> None:
    with pytest.raises(model.ProvisionError, match="has 20 characters"):
        model.installation(options(bond={"name": "fabric-bond-number-0", "nics": [{"name": "eth9", "mac": "x"}]}))


def test_the_schema_of_autoinstall_takes_it() -> None:
    """Of subiquity's own schema what is used here, in the words of its reference."""
    jsonschema = pytest.importorskip("jsonschema")
    command = {"type": "array", "items": {"type": ["string", "array"], "items": {"type": "string"}}}
    schema = {
        "type": "object",
        "required": ["version", "user-data"],
        "additionalProperties": False,
        "properties": {
            "version": {"const": 1},
            "network": {"type": "object", "required": ["version"]},
            "storage": {"type": "object"},
            "ssh": {"type": "object", "properties": {"install-server": {"type": "boolean"}}},
            "timezone": {"type": "string"},
            "user-data": {"type": "object"},
            "late-commands": command,
            "shutdown": {"enum": ["reboot", "poweroff"]},
            "proxy": {"type": ["string", "null"]},
            "packages": {"type": "array", "items": {"type": "string"}},
        },
    }
    for changes in ({}, LITTLE):
        jsonschema.validate(json.loads(json.dumps(ubuntu(**changes))), schema)
