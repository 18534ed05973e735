"""green's plays with rights on its namespaces of the host cluster alone: from nothing to nothing.

The administrator's kubeconfig is not where their inventory says it is, so a play that reached for it would fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fabric_lab.demo.plays import Run

from .conftest import Tenants, settled, unchanged
from .lab import RemoteError, TestLab
from .test_50_change import copy_inventory

pytestmark = pytest.mark.m6

TENANT, SERVER, NAMESPACES = "green", "metal2", ("vcluster-green", "vcluster-green-networks")
GREEN = ("-e", f"fabric_tenants={TENANT}")
NEIGHBOUR = "blue"
NOWHERE = "/nowhere/host.kubeconfig"


class Prepared:
    """The administrator's inventory, the automation's, and the kubeconfig that the one writes for the other."""

    def __init__(self, rack: TestLab, directory: Path) -> None:
        self.rack, self.path = rack, directory / "own" / f"{TENANT}.kubeconfig"
        self.administrators = self._inventory(directory / "administrator")
        self.automations = self._inventory(directory / "automation")
        variables = self.automations / "group_vars" / "all" / "fabric.yml"
        values = yaml.safe_load(variables.read_text())
        values["fabric_host_cluster"]["kubeconfig"] = NOWHERE
        variables.write_text(yaml.safe_dump(values))

    def _inventory(self, target: Path) -> Path:
        copy_inventory(target, {})
        variables = target / "host_vars" / f"{TENANT}.yml"
        before = yaml.safe_load(variables.read_text()) if variables.exists() else {}
        variables.write_text(yaml.safe_dump({**before, "tenant_cluster_host_kubeconfig": str(self.path)}))
        return target

    def administrator(self, playbook: str, *options: str) -> Run:
        return self.rack.play(playbook, *options, inventory=self.administrators)

    def automation(self, playbook: str, *options: str) -> Run:
        return self.rack.play(playbook, *options, inventory=self.automations)


@pytest.fixture(scope="module")
def prepared(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """green is deleted, and what its plays may need is made anew by an administrator."""
    tenants.ensure()
    found = Prepared(rack, tmp_path_factory.mktemp("credentials"))
    settled(rack.play("tenant_delete", "-e", f"fabric_delete={TENANT}"))
    tenants.spoil()
    settled(found.administrator("tenant_credentials", *GREEN))
    yield found
    # Whatever a test left: green is one of the rack's tenant clusters again, without credentials of its own, which may
    # be gone already.
    settled(rack.play("tenant_delete", "-e", f"fabric_delete={TENANT}"))
    settled(found.administrator("tenant_credentials", *GREEN, "-e", "tenant_credentials_state=absent"))
    tenants.ensure()


def said(run: Run) -> str:
    return run.log.read_text()


def test_an_administrator_prepares_it_once(rack: TestLab, prepared: Prepared) -> None:
    assert prepared.path.stat().st_mode & 0o777 == 0o600
    unchanged(prepared.administrator("tenant_credentials", *GREEN))
    for namespace in NAMESPACES:
        rack.kubectl(None, "get", "namespace", namespace)
    nodes = rack.kubectl(None, "get", "nodes", "-l", f"tenant.baremetal.fabric/{TENANT}=bridge", "-o", "name").split()
    assert len(nodes) == 3
    account = f"system:serviceaccount:{NAMESPACES[0]}:baremetal-fabric"
    for resource in ("nodes", "namespaces", "secrets"):
        with pytest.raises(RemoteError):
            rack.kubectl(None, "auth", "can-i", "list", resource, "--as", account)


def test_it_is_made_and_a_second_time_nothing_changes(rack: TestLab, prepared: Prepared) -> None:
    run = settled(prepared.automation("tenant_create", *GREEN))
    assert rack.nodes(TENANT)[SERVER]["ready"] == "True"
    assert "not checked: default StorageClass of the host cluster" in said(run)
    unchanged(prepared.automation("tenant_create", *GREEN))


def test_it_is_proven_as_far_as_it_is_seen(prepared: Prepared) -> None:
    """blue cannot be asked for its nodes by these credentials."""
    run = settled(prepared.automation("verify", *GREEN, "-e", "verify_fail_on_unproven=false"))
    assert "not checked: whether tenants reach the host cluster's DNS" in said(run)


def test_it_is_scaled_paused_and_resumed(rack: TestLab, prepared: Prepared) -> None:
    uid = rack.nodes(TENANT)[SERVER]["uid"]
    run = settled(prepared.automation("tenant_reconfigure", *GREEN, "-e", "tenant_cluster_replicas=2"))
    assert {each.host for each in run.changed} == {TENANT}
    unchanged(prepared.automation("tenant_reconfigure", *GREEN, "-e", "tenant_cluster_replicas=2"))
    settled(prepared.automation("tenant_reconfigure", *GREEN))
    pods = rack.kubectl(None, "-n", NAMESPACES[0], "get", "pods", "-l", f"app=vcluster,release={TENANT}", "-o", "name")
    assert pods.split() == [f"pod/{TENANT}-0"]
    settled(prepared.automation("tenant_pause", *GREEN))
    settled(prepared.automation("tenant_resume", *GREEN))
    assert rack.nodes(TENANT)[SERVER] == {**rack.nodes(TENANT)[SERVER], "ready": "True", "uid": uid}


def test_what_cannot_change_is_refused_by_name(prepared: Prepared) -> None:
    run = prepared.automation("tenant_reconfigure", *GREEN, "-e", "tenant_cluster_service_cidr=10.99.0.0/16")
    assert run.returncode != 0 and run.changed == []
    assert any("tenant_cluster_service_cidr" in each.text() and "cannot become" in each.text() for each in run.failed)


def test_a_person_gets_in_and_the_host_cluster_refuses_them(rack: TestLab, prepared: Prepared, tmp_path: Path) -> None:
    ada = (
        *GREEN,
        "-e",
        "fabric_person=ada",
        "-e",
        f"tenant_cluster_people_dir={tmp_path}",
        "-e",
        "fabric_person_days=1",
    )
    settled(prepared.automation("tenant_kubeconfig", *ada))
    path = tmp_path / f"{TENANT}-ada.kubeconfig"
    assert path.stat().st_mode & 0o777 == 0o600
    unchanged(prepared.automation("tenant_kubeconfig", *ada))
    bindings = json.loads(rack.kubectl(TENANT, "get", "clusterrolebindings", "-o", "json"))["items"]
    assert [each["roleRef"]["name"] for each in bindings if each["metadata"]["name"] == "fabric-person-ada"] == ["view"]
    document = yaml.safe_load(path.read_text())
    document["clusters"] = yaml.safe_load(rack.kubeconfig(None).read_text())["clusters"]
    document["contexts"][0]["context"]["cluster"] = document["clusters"][0]["name"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch(mode=0o600)
    elsewhere.write_text(yaml.safe_dump(document))
    with pytest.raises(RemoteError, match=r"Unauthorized|must be logged in"):
        rack.kubectl(None, "--kubeconfig", str(elsewhere), "get", "namespaces")
    settled(prepared.automation("tenant_kubeconfig", *ada, "-e", "fabric_person_state=absent"))
    assert not path.exists()


def test_it_is_not_taken_back_while_it_is_there(prepared: Prepared) -> None:
    run = prepared.administrator("tenant_credentials", *GREEN, "-e", "tenant_credentials_state=absent")
    assert run.returncode != 0 and prepared.path.exists()
    assert any(f"{TENANT} is still there" in each.text() for each in run.failed)


def test_it_goes_as_far_as_it_may_and_an_administrator_takes_the_rest(
    rack: TestLab, prepared: Prepared, tmp_path: Path
) -> None:
    bob = ("-e", "fabric_person=bob", "-e", f"tenant_cluster_people_dir={tmp_path}")
    settled(prepared.automation("tenant_kubeconfig", *GREEN, *bob))
    settled(rack.play("tenant_kubeconfig", "-e", f"fabric_tenants={NEIGHBOUR}", *bob))
    people = ("-e", f"tenant_cluster_people_dir={tmp_path}")
    run = settled(prepared.automation("tenant_delete", "-e", f"fabric_delete={TENANT}", *people))
    assert [path.name for path in tmp_path.glob("*.kubeconfig")] == [f"{NEIGHBOUR}-bob.kubeconfig"]
    settled(
        rack.play("tenant_kubeconfig", "-e", f"fabric_tenants={NEIGHBOUR}", *bob, "-e", "fabric_person_state=absent")
    )
    assert "as far as it was checked" in said(run) and "node labels left of green; needs list on nodes" in said(run)
    for kind in ("statefulsets", "deployments", "pods", "persistentvolumeclaims", "network-attachment-definitions"):
        for namespace in NAMESPACES:
            assert rack.kubectl(None, "-n", namespace, "get", kind, "-o", "name", "--ignore-not-found") == ""
    settled(prepared.administrator("tenant_credentials", *GREEN, "-e", "tenant_credentials_state=absent"))
    assert not prepared.path.exists()
    left = rack.kubectl(None, "get", "namespaces", "-o", "name").split()
    assert not {f"namespace/{each}" for each in NAMESPACES} & set(left)
    unchanged(prepared.administrator("tenant_credentials", *GREEN, "-e", "tenant_credentials_state=absent"))
