"""A virtual machine as a node: golden file, KubeVirt's own schemas, and the script that its guest runs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import compare
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import (
    cloud_init,
    common,
    virtual_machine,
)

from tests.support import schemas

GOLDEN = Path(__file__).parent / "golden" / "virtual_machine.yml"
TOKEN = "abcdef.0123456789abcdef"
MACHINE: dict[str, Any] = {
    "tenant": "blue",
    "name": "blue-vm1",
    "namespace": "vcluster-blue",
    "network_namespace": "vcluster-blue-networks",
    "cores": 2,
    "memory": "2Gi",
    "disk": "20Gi",
    "image": "https://images.example.com/noble-20260801.img",
    "image_checksum": "sha256:" + "a" * 64,
    "storage_class": "",
    "mac": "",
    "run_strategy": "Always",
    "pod_network": False,
}
JOIN: dict[str, Any] = {
    "node_name": "blue-vm1",
    "endpoint_host": "192.168.67.253",
    "port": 443,
    "ca": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "token": TOKEN,
    "join_arguments": ["--kubernetes-version", "v1.36.0"],
    "join_timeout": 900,
}
FULL: dict[str, Any] = {
    **MACHINE,
    "image": "docker://registry.example.com/noble@sha256:" + "b" * 64,
    "image_checksum": "",
    "storage_class": "fast",
    "mac": "02:42:a1:00:00:09",
    "pod_network": True,
    "access_modes": ["ReadWriteOnce"],
    "requests": {"cpu": "100m"},
    "node_selector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "vms", "operator": "Exists"}],
    "image_cert_config_map": "registry-ca",
    "image_secret": "registry",
}


def plan(intent: dict[str, Any], found: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return virtual_machine.virtual_machine_plan(intent, found or [])


def build(intent: dict[str, Any] = MACHINE, **changes: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = plan({**intent, **changes})["objects"]
    return made


def test_golden() -> None:
    """FABRIC_GOLDEN=write writes the file anew."""
    built = [*build(**JOIN), *build(FULL)]
    if os.environ.get("FABRIC_GOLDEN") == "write":
        GOLDEN.write_text("---\n" + "---\n".join(compare.as_text(document) for document in built))
    assert list(yaml.safe_load_all(GOLDEN.read_text())) == built


# -- KubeVirt's and CDI's schemas ------------------------------------------------------------------------------------


def kubevirt_schema(kind: str) -> Any:
    document = schemas.document(f"kubevirt_{kind}.openapi.yaml")
    schema = schemas.closed(document.get("openAPIV3Schema") or document)
    # The API server knows what metadata of the object itself is.
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


@pytest.mark.parametrize("intent", [MACHINE, FULL, {**MACHINE, "run_strategy": "Halted"}])
def test_kubevirt_and_cdi_take_it(intent: dict[str, Any]) -> None:
    disk, machine = build(intent)
    jsonschema.Draft202012Validator(kubevirt_schema("virtualmachine")).validate(machine)
    schemas.spec_validator("cdi_datavolumes.crd.yaml").validate(disk["spec"])


def test_kubevirts_template_of_a_disk_has_no_checksum() -> None:
    """Why the disk is an object of its own; when this fails, it need not be any more."""
    template = kubevirt_schema("virtualmachine")["properties"]["spec"]["properties"]["dataVolumeTemplates"]["items"]
    with pytest.raises(jsonschema.ValidationError, match="checksum"):
        jsonschema.Draft202012Validator(template["properties"]["spec"]).validate(build()[0]["spec"])


def test_kubevirts_schema_is_no_formality() -> None:
    machine = build()[-1]
    machine["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"][0]["brigde"] = {}
    with pytest.raises(jsonschema.ValidationError, match="brigde"):
        jsonschema.Draft202012Validator(kubevirt_schema("virtualmachine")).validate(machine)


# -- the machine -----------------------------------------------------------------------------------------------------


def test_the_token_is_in_the_secret_only() -> None:
    secret, disk, machine = build(**JOIN)
    assert secret["kind"] == "Secret" and TOKEN in secret["stringData"]["userdata"]
    assert TOKEN not in str([disk, machine])
    volumes = {each["name"]: each for each in machine["spec"]["template"]["spec"]["volumes"]}
    assert volumes["cloud-init"]["cloudInitNoCloud"]["secretRef"] == {"name": secret["metadata"]["name"]}


def test_without_a_token_there_is_no_secret() -> None:
    assert build() == build(**JOIN)[1:]


def test_the_disk_is_named_after_the_machine() -> None:
    disk, machine = build()
    assert disk["metadata"]["name"] == "blue-vm1"
    assert machine["spec"]["template"]["spec"]["volumes"][0]["dataVolume"] == {"name": "blue-vm1"}


def test_its_only_nic_is_on_the_tenant_vlan_where_the_bridge_is() -> None:
    spec = build()[-1]["spec"]["template"]["spec"]
    assert spec["networks"] == [{"name": "tenant", "multus": {"networkName": "vcluster-blue-networks/virtual"}}]
    (nic,) = spec["domain"]["devices"]["interfaces"]
    assert nic["bridge"] == {} and nic["macAddress"] == virtual_machine.stable_mac("blue", "blue-vm1")
    assert spec["nodeSelector"] == common.node_label("blue")
    network = yaml.safe_load(spec["volumes"][1]["cloudInitNoCloud"]["networkData"])
    assert network["ethernets"] == {"tenant": {"match": {"macaddress": nic["macAddress"]}, "dhcp4": True}}


def test_the_pod_network_is_not_the_way_out() -> None:
    spec = build(pod_network=True)[-1]["spec"]["template"]["spec"]
    network = yaml.safe_load(spec["volumes"][1]["cloudInitNoCloud"]["networkData"])
    assert network["ethernets"]["pod"]["dhcp4-overrides"] == {"use-routes": False}
    macs = [nic["macAddress"] for nic in spec["domain"]["devices"]["interfaces"]]
    assert len(set(macs)) == 2


def test_missing_input_is_named() -> None:
    with pytest.raises(common.DocumentError, match="missing: cores"):
        plan({key: value for key, value in MACHINE.items() if key != "cores"})
    with pytest.raises(common.DocumentError, match="missing: ca"):
        build(**{key: value for key, value in JOIN.items() if key != "ca"})


# -- changes ---------------------------------------------------------------------------------------------------------


def claim(size: str) -> dict[str, Any]:
    return {"kind": "PersistentVolumeClaim", "spec": {"resources": {"requests": {"storage": size}}}}


# What the claim of a disk of 20Gi asks for: CDI adds what the file system takes.
THERE = [*build(), claim("22817013760")]


def again(**wanted: Any) -> dict[str, Any]:
    return plan({**MACHINE, **wanted}, THERE)


def test_the_same_again_is_no_change() -> None:
    assert again() == {"refused": [], "restart": [], "objects": build()[-1:]}


def test_a_size_is_in_force_after_a_restart() -> None:
    assert again(cores=4, memory="4Gi")["restart"] == ["cores", "memory"]
    assert again(cores=4)["refused"] == []


def test_a_disk_grows_by_its_claim() -> None:
    grown, machine = again(disk="30Gi")["objects"]
    assert machine == build()[-1]
    assert grown["metadata"] == {"name": "blue-vm1", "namespace": "vcluster-blue"}
    assert grown["spec"] == {"resources": {"requests": {"storage": "30Gi"}}}
    after = plan({**MACHINE, "disk": "30Gi"}, [*build(), claim("30Gi")])
    assert after["objects"] == build()[-1:]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"disk": "10Gi"}, "disk is 20Gi and cannot shrink to 10Gi"),
        ({"mac": "02:42:a1:00:00:09"}, "MAC address is "),
        ({"storage_class": "fast"}, "storage class is none and cannot become fast in place"),
        ({"image": "https://images.example.com/other.img"}, "image is https://images.example.com/noble"),
        ({"image_checksum": "sha256:" + "c" * 64}, "image checksum is "),
    ],
)
def test_what_cannot_change_is_refused_by_name(wanted: dict[str, Any], told: str) -> None:
    (refused,) = again(**wanted)["refused"]
    assert refused.startswith(told)


def test_an_image_in_a_registry_is_compared_too() -> None:
    there = build(FULL)
    assert plan(FULL, there)["refused"] == []
    assert len(plan({**FULL, "image": "docker://registry.example.com/noble:2"}, there)["refused"]) == 1


# -- what the guest is told ------------------------------------------------------------------------------------------


def cloud_config(**more: Any) -> dict[str, Any]:
    text = cloud_init.user_data({**MACHINE, **JOIN, "mac": "02:42:a1:00:00:09", **more})
    assert text.startswith("#cloud-config\n")
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def files(**more: Any) -> dict[str, dict[str, Any]]:
    return {each["path"]: each for each in cloud_config(**more)["write_files"]}


def test_only_root_reads_what_it_is_told() -> None:
    for file in files().values():
        assert file["owner"] == "root:root" and file["permissions"] in ("0600", "0700")


def test_the_token_is_in_one_file_and_the_program_does_not_name_it() -> None:
    holders = [path for path, file in files().items() if TOKEN.split(".")[1] in file["content"]]
    assert holders == [f"{cloud_init.HOME}/request"]
    assert cloud_config()["runcmd"] == [[cloud_init.PROGRAM]]


def test_a_users_own_cloud_config_comes_first() -> None:
    config = cloud_config(cloud_config={"runcmd": ["true"], "packages": ["nfs-common"]})
    assert config["runcmd"] == ["true", [cloud_init.PROGRAM]]
    assert config["packages"] == ["nfs-common"]
    with pytest.raises(common.DocumentError, match="cloud_config sets hostname, which is ours"):
        cloud_config(cloud_config={"hostname": "other"})


def test_what_is_not_known_yet_is_said_so() -> None:
    request = files(endpoint_host=None, token=None, ca=None)[f"{cloud_init.HOME}/request"]["content"]
    assert f"https://{common.KNOWN_AFTER_APPLY}:443/" in request


class Guest:
    """The program in a directory of its own, with stand-ins for what it calls."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        self.home = root / "home"
        self.home.mkdir()
        self.kubelet = root / "kubelet"
        self.calls = root / "calls"
        self.calls.touch()
        nic = root / "net" / "enp1s0"
        nic.mkdir(parents=True)
        (nic / "address").write_text("02:42:a1:00:00:09\n")
        self.program("ip", 'echo "2: enp1s0    inet 192.168.64.7/22 brd 192.168.67.255 scope global enp1s0"')
        self.program("sleep", "exit 0")

    def program(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.calls}\n{body}\n')
        path.chmod(0o755)

    def curl_answers(self, script: str, status: int = 0) -> None:
        (self.root / "answer").write_text(script)
        self.program("curl", f'for last; do :; done\ncp {self.root / "answer"} "$last"\nexit {status}')

    def run(self, **more: Any) -> subprocess.CompletedProcess[str]:
        told = files(**more)
        (self.home / "request").write_text(told[f"{cloud_init.HOME}/request"]["content"])
        text = told[cloud_init.PROGRAM]["content"].replace(cloud_init.HOME, str(self.home))
        text = text.replace("/sys/class/net", str(self.root / "net"))
        text = re.sub(r"/etc/(sysconfig|default)/kubelet", str(self.kubelet), text)
        path = self.root / "join"
        path.write_text(text)
        environment = {"PATH": f"{self.bin}:{os.environ['PATH']}"}
        return subprocess.run(
            ["sh", str(path)], env=environment, capture_output=True, text=True, timeout=30, check=False
        )


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    return Guest(tmp_path)


def test_the_guest_joins(guest: Guest) -> None:
    guest.curl_answers(f'#!/bin/sh\necho "joining with {TOKEN}: $*"\n')
    done = guest.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "joining with" in done.stdout and "--node-name blue-vm1 --kubernetes-version v1.36.0" in done.stdout
    assert "blue-vm1 has joined" in done.stdout
    assert guest.kubelet.read_text() == 'KUBELET_EXTRA_ARGS="--node-ip=192.168.64.7"\n'


def test_the_guest_shows_and_keeps_no_token(guest: Guest) -> None:
    guest.curl_answers(f'#!/bin/sh\necho "token {TOKEN}"\necho {TOKEN.split(".")[1]} >&2\n')
    done = guest.run()
    assert TOKEN.split(".")[1] not in done.stdout + done.stderr
    assert TOKEN.split(".")[1] not in guest.calls.read_text()
    assert [path.name for path in guest.home.iterdir()] == []


def test_a_failed_join_fails_with_its_words_and_leaves_no_token(guest: Guest) -> None:
    guest.curl_answers("#!/bin/sh\necho containerd is missing\nexit 3\n")
    done = guest.run()
    assert done.returncode == 3
    assert "containerd is missing" in done.stdout and "has joined" not in done.stdout
    assert list(guest.home.iterdir()) == []


def test_what_is_no_script_is_not_run(guest: Guest) -> None:
    guest.curl_answers("<html>proxy</html>")
    done = guest.run()
    assert done.returncode == 1 and "did not answer with a script" in done.stdout


def test_an_endpoint_that_does_not_answer_is_given_up(guest: Guest) -> None:
    guest.curl_answers("", status=60)
    done = guest.run(join_timeout=1)
    assert done.returncode == 1 and "no join script from 192.168.67.253:443; given up" in done.stdout


def test_the_address_survives_a_script_that_wipes(guest: Guest) -> None:
    guest.kubelet.write_text('KUBELET_EXTRA_ARGS="--v=2"\n')
    guest.curl_answers(f"#!/bin/sh\ncat {guest.kubelet}\nrm {guest.kubelet}\n")
    guest.program("systemctl", "exit 0")
    done = guest.run()
    assert '--v=2 --node-ip=192.168.64.7"' in done.stdout
    assert "--node-ip=192.168.64.7" in guest.kubelet.read_text()
    assert "systemctl restart kubelet" in guest.calls.read_text()


def test_sound_shell() -> None:
    done = subprocess.run(
        ["sh", "-n"], input=files()[cloud_init.PROGRAM]["content"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
