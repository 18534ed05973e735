"""What goes wrong in real life: contradicting controllers, lost answers, other writers, killed runs, bad input."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.client import Client
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document_schema import parse_document
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.errors import (
    ConnectionFailed,
    DocumentInvalid,
    ObjectFailed,
    WaitTimeout,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.executor import Executor, Options

from .site import Site, absent, joined, operations, tenant

CONTRADICTIONS = [
    {"cluster_status": "string", "cluster_gateways": "string"},
    {"post_data": "array"},
    {"ports_nested": "true"},
    {"vnet_list": "default-vpc"},
    {"ipam_list": "all", "etag": "false"},
    {"cluster_delete_vpc": "keep"},
]


@pytest.mark.parametrize("site", CONTRADICTIONS, indirect=True, ids=lambda knobs: "+".join(knobs))
def test_works_whichever_source_is_right(site: Site) -> None:
    document = joined(tenant("blue", ["metal1"]), tenant("green", ["metal2"]))
    built = site.apply(document)
    assert built["server_clusters"]["green"]["vnets"]["nodes"]["vlan_id"] == 4
    assert site.apply(document)["plan"] == []
    site.apply(absent("blue"))
    site.apply(absent("green"))
    left = site.gather("vpcs", "vnets", "server_clusters", "subnets")
    assert [vpc["name"] for vpc in left["vpcs"]] == ["VPC-1"]
    assert left["vnets"] == left["server_clusters"] == left["subnets"] == []


@pytest.mark.parametrize(
    "faults",
    [{"lose_next_answers": 1}, {"tear_next": 1}, {"fail_next_writes": 1, "fail_status": 503}, {"fail_next_reads": 2}],
    ids=lambda faults: next(iter(faults)),
)
def test_lost_answers_and_passing_faults_are_survived(site: Site, faults: dict[str, int]) -> None:
    clean = tenant("blue", ["metal1"])
    parsed = parse_document(clean)
    client = site.client()
    client.get("/api/v2/sites")
    site.knobs(**faults)
    Executor(client, parsed, Options(wait_timeout=20, poll_interval=0.1)).run()
    client.close()

    assert site.apply(clean)["plan"] == []


def test_a_session_that_ends_is_renewed(site: Site) -> None:
    client = site.client()
    client.get("/api/v2/sites")
    site.knobs(expire_sessions=True)
    assert client.get_list("/api/v2/sites")[0]["name"] == "Default"
    client.close()


def test_a_page_that_is_not_the_controllers_is_named(site: Site) -> None:
    client = site.client()
    client.get("/api/v2/sites")
    site.knobs(html_next=1)
    with pytest.raises(ConnectionFailed, match="not that of a Netris controller"):
        client.get("/api/v2/sites")


@pytest.mark.parametrize("site", [{"clusters": "stuck"}], indirect=True)
def test_a_cluster_that_never_becomes_active_ends_with_its_last_status(site: Site) -> None:
    with pytest.raises(WaitTimeout, match="blue: Provisioning"):
        site.apply(tenant("blue", ["metal1"]), wait_timeout=1)
    site.knobs(clusters="normal")
    # The run that was cut short is finished by the next.
    assert operations(site.apply(tenant("blue", ["metal1"]))) == [("update", "vnets", "blue-nodes")]


@pytest.mark.parametrize("site", [{"clusters": "fail"}], indirect=True)
def test_a_cluster_that_fails_is_not_waited_for(site: Site) -> None:
    with pytest.raises(WaitTimeout, match="the controller gave up"):
        site.apply(tenant("blue", ["metal1"]))


@pytest.mark.parametrize("site", [{"active_delay": 30}], indirect=True)
def test_without_waiting_the_rest_is_left_for_the_next_run(site: Site) -> None:
    result = site.apply(tenant("blue", ["metal1"]), wait=False)
    assert result["server_clusters"]["blue"]["status"] == "Provisioning"


def test_a_vnet_that_the_template_does_not_name(site: Site) -> None:
    document = tenant("blue", ["metal1"])
    document["vnets"][0]["postfix"] = "storage"
    with pytest.raises(WaitTimeout, match=r"it has: blue-nodes\): check the postfix"):
        site.apply(document, wait_timeout=1)


def test_two_runs_at_once_lose_nothing(site: Site) -> None:
    """Different tenant clusters, the same template and the same LAGs, all new: everything is raced for."""
    names = {"blue": "metal1", "green": "metal2", "red": "metal3"}
    together([lambda n=name, s=server: site.apply(tenant(n, [s])) for name, server in names.items()])

    found = site.gather("server_clusters", "server_cluster_templates", "lags", "vpcs")
    assert len(found["server_cluster_templates"]) == 1
    assert len(found["lags"]) == 5
    assert sorted(vpc["name"] for vpc in found["vpcs"]) == ["VPC-1", "blue", "green", "red"]
    for cluster in found["server_clusters"]:
        assert {member["name"] for member in cluster["servers"]} == {
            names[cluster["name"]],
            "shared1",
            "shared2",
            "shared3",
        }
    for name, server in names.items():
        assert site.apply(tenant(name, [server]))["plan"] == []


def test_two_runs_at_once_on_one_cluster_keep_each_others_members(site: Site) -> None:
    site.apply(tenant("blue", [], shared=["shared1"]))

    def join(server: str) -> None:
        entry = {"name": "blue", "site": "Default", "servers_mode": "merge", "servers": [{"name": server}]}
        site.apply({"server_clusters": [entry]})

    together([lambda s=server: join(s) for server in ("metal1", "metal2", "metal3")])
    members = [member["name"] for member in site.gather("server_clusters")["server_clusters"][0]["servers"]]
    assert members == ["metal1", "metal2", "metal3", "shared1"]


class Killed(BaseException):
    """Not an Exception, so that nothing can tidy up: as after SIGKILL."""


class Mortal(Client):
    """Dies at a given write, before or after it has reached the controller."""

    writes_left = 0
    after = False

    def _send(self, method: str, *rest: Any, **more: Any) -> Any:
        if method == "GET" or rest[0] == "/api/auth":
            return super()._send(method, *rest, **more)
        self.writes_left -= 1
        if self.writes_left == 0 and not self.after:
            raise Killed
        answer = super()._send(method, *rest, **more)
        if self.writes_left == 0:
            raise Killed
        return answer


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_write_and_run_again_ends_as_one_clean_run(site: Site, after: bool) -> None:
    document = tenant("blue", ["metal1"])
    for moment in range(1, 10):
        client = Mortal(site.endpoint)
        client.writes_left, client.after = moment, after
        with pytest.raises(Killed):
            Executor(client, parse_document(document), Options(wait_timeout=20, poll_interval=0.1)).run()
        client.close()
        facts = site.apply(document)["server_clusters"]["blue"]["vnets"]["nodes"]
        assert facts["dhcp_range"] == {"start": "192.168.64.1", "end": "192.168.67.249"}, moment
        assert (facts["vlan_id"], facts["subnet"]) == (3, "192.168.64.0/22"), moment
        assert site.apply(document)["plan"] == [], moment
        _clear(site)


def test_mistakes_come_all_at_once_and_nothing_is_written(site: Site) -> None:
    document = tenant("blue", ["metal1", "metal9"])
    document["server_clusters"][0]["site"] = "Defualt"
    document["vpcs"][0]["owner"] = "Nobody"
    document["lags"][0]["ports"] = ["swp1", "swp99"]
    with pytest.raises(DocumentInvalid) as caught:
        site.apply(document)

    found = {mistake.path: mistake.message for mistake in caught.value.mistakes}
    assert found["server_clusters[0].site"] == "there is no site 'Defualt' (did you mean 'Default'?)"
    assert found["server_clusters[0].servers[4].name"].startswith("there is no server 'metal9' (did you mean 'metal")
    assert found["vpcs[0].owner"] == "there is no owner 'Nobody' (known: Admin)"
    assert found["lags[0].ports[1]"].startswith("there is no port 'swp99@leaf1'")
    assert [vpc["name"] for vpc in site.gather("vpcs")["vpcs"]] == ["VPC-1"]


def test_a_nic_that_is_not_linked(site: Site) -> None:
    site.apply({"links": [{"local": "eth10@metal1", "remote": "swp8@leaf1", "state": "absent"}]})
    document = tenant("blue", ["metal1"])
    document["lags"] = []
    with pytest.raises(DocumentInvalid, match="the NIC 'eth10' of 'metal1' is not linked to a switch port"):
        site.apply(document)


def test_nics_that_do_not_exist(site: Site) -> None:
    document = tenant("blue", ["metal1"])
    document["server_cluster_templates"][0]["vnets"][0]["server_nics"] = ["eth77"]
    with pytest.raises(DocumentInvalid, match=r"the server 'metal1' has none of the template's NICs \(eth77\)"):
        site.apply(document)


def test_no_child_subnet_left_is_the_controllers_word_with_the_object(site: Site) -> None:
    document = joined(tenant("blue", ["metal1"]), tenant("green", ["metal2"]))
    gateway = document["server_cluster_templates"][0]["vnets"][0]["ipv4_gateway"]
    gateway.update(allocation="192.168.64.0/22")
    with pytest.raises(
        ObjectFailed, match=r"server cluster 'green' \(server_clusters\[1\]\): POST /api/v2/server-cluster"
    ):
        site.apply(document)


def _clear(site: Site) -> None:
    site.apply(absent("blue"))
    lags = [{"switch": lag["switch"], "ports": lag["ports"], "state": "absent"} for lag in site.gather("lags")["lags"]]
    site.apply({"lags": lags})


def together(works: list[Callable[[], Any]]) -> None:
    """All at once, each in its thread with its own session; the first failure is raised."""
    failures: list[Exception] = []
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            work()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the test's own thread has to raise it
            failures.append(exc)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
