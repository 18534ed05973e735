"""Login, envelope, status codes, and the faults that a client must survive."""

from __future__ import annotations

import httpx
import pytest

from .rack import Rack


def test_login_sets_a_cookie_that_later_calls_need() -> None:
    rack = Rack()
    try:
        assert rack.refused("GET", "/api/v2/vpc", status=401) == "Unauthorized"
        assert rack.refused("GET", "/api/auth", status=401)
        answer = rack.client.post("/api/auth", json={"user": "netris", "password": "secret", "auth_scheme_id": 1})
        assert answer.status_code == 200
        assert answer.cookies.get("connect.sid", "").startswith("s%3A")
        assert answer.json()["data"]["user_id"] == 1
        assert rack.call("GET", "/api/auth")[0] == 200
    finally:
        rack.close()


@pytest.mark.parametrize("body", [{"user": "netris", "password": "wrong"}, {"user": "x", "password": "secret"}, {}])
def test_wrong_credentials_are_401(body: dict[str, str]) -> None:
    rack = Rack()
    try:
        answer = rack.client.post("/api/auth", json=body)
        assert answer.status_code == 401
        assert not answer.cookies
    finally:
        rack.close()


def test_old_clients_log_in_with_a_form() -> None:
    rack = Rack()
    try:
        answer = rack.client.post("/api/auth", content="user=netris&password=secret&auth_scheme_id=1")
        assert answer.status_code == 200
    finally:
        rack.close()


def test_many_sessions_live_side_by_side(fresh: Rack) -> None:
    first = fresh.client.cookies.get("connect.sid")
    fresh.login()
    assert fresh.client.cookies.get("connect.sid") != first
    fresh.client.cookies.set("connect.sid", str(first), domain="testserver.local")
    assert fresh.call("GET", "/api/v2/sites")[0] == 200


def test_expired_sessions_are_401_until_the_next_login(fresh: Rack) -> None:
    fresh.knobs(expire_sessions=True)
    fresh.refused("GET", "/api/v2/sites", status=401)
    fresh.login()
    assert fresh.call("GET", "/api/v2/sites")[0] == 200


def test_session_ends_after_its_time() -> None:
    rack = Rack(session_seconds=-1).login()
    try:
        rack.refused("GET", "/api/v2/sites", status=401)
    finally:
        rack.close()


def test_envelope_of_success(fresh: Rack) -> None:
    status, body = fresh.call("GET", "/api/v2/sites/1")
    assert status == 200
    assert set(body) == {"data", "errors", "message", "isSuccess", "meta"}
    assert body["errors"] == {}
    assert body["isSuccess"] is True
    assert body["meta"] == {"apiVersion": "v2", "statusCode": 200}
    assert isinstance(body["data"], dict)


def test_writes_answer_200_with_an_id_only(fresh: Rack) -> None:
    status, body = fresh.call("POST", "/api/v2/vpc", {"name": "a", "adminTenant": {"id": 1}})
    assert (status, body["data"], body["message"]) == (200, {"id": 2}, "Successfully created.")
    status, body = fresh.call("PUT", "/api/v2/vpc/2", {"name": "b", "adminTenant": {"id": 1}, "tags": []})
    assert (status, body["data"], body["message"]) == (200, {"id": 2}, "Successfully updated.")
    status, body = fresh.call("DELETE", "/api/v2/vpc/2")
    assert (status, body["data"], body["message"]) == (200, None, "Successfully deleted.")


def test_refusals_name_the_property(fresh: Rack) -> None:
    status, body = fresh.call("POST", "/api/v2/vpc", {"adminTenant": {"id": 1}})
    assert status == 400
    assert body["errors"] == {"name": "name is required."}
    status, body = fresh.call("POST", "/api/v2/vpc", {"name": "a", "adminTenant": {"id": 99}})
    assert body["errors"] == {"adminTenant": "Tenant with id 99 does not exist."}


@pytest.mark.parametrize("noun", ["vpc", "sites", "hw", "link", "ports", "vnet", "dhcp-option-set", "nat",
                                  "server-cluster", "server-cluster-template"])  # fmt: skip
def test_unknown_ids_are_404(fresh: Rack, noun: str) -> None:
    assert fresh.refused("GET", f"/api/v2/{noun}/4711", status=404) == "Not found."


def test_literal_messages_that_clients_know(fresh: Rack) -> None:
    assert fresh.refused("DELETE", "/api/v2/vnet/4711", status=404) == "Invalid circuit ID"
    assert fresh.refused("DELETE", "/api/v2/l4lb/4711", status=404) == "Invalid load balancer"
    assert fresh.refused("DELETE", "/api/v2/vpc-peering/4711", status=404) == "VPC is not found."


def test_unknown_paths_and_methods_are_json_404(fresh: Rack) -> None:
    fresh.refused("GET", "/api/v2/nothing", status=404)
    fresh.refused("DELETE", "/api/v2/vpc", status=404)


def test_collections_may_end_in_a_slash(fresh: Rack) -> None:
    assert fresh.get("/api/v2/vpc/") == fresh.get("/api/v2/vpc")


def test_content_type_without_body_is_no_error(fresh: Rack) -> None:
    vpc = fresh.post("/api/v2/vpc", name="a", adminTenant={"id": 1})
    answer = fresh.client.delete(f"/api/v2/vpc/{vpc}", headers={"Content-type": "application/json"})
    assert answer.status_code == 200


def test_broken_json_is_400(fresh: Rack) -> None:
    assert fresh.client.post("/api/v2/vpc", content=b"{").status_code == 400


def test_etag_answers_304_to_those_who_ask(fresh: Rack) -> None:
    tag = fresh.client.get("/api/v2/sites").headers["etag"]
    assert fresh.client.get("/api/v2/sites", headers={"If-None-Match": tag}).status_code == 304
    fresh.post("/api/v2/sites", name="other", publicAsn=1)
    assert fresh.client.get("/api/v2/sites", headers={"If-None-Match": tag}).status_code == 200


def test_injected_failures_are_counted(fresh: Rack) -> None:
    fresh.knobs(fail_next_writes=1, fail_status=503)
    assert fresh.call("GET", "/api/v2/vpc")[0] == 200
    body = {"name": "a", "adminTenant": {"id": 1}}
    assert fresh.call("POST", "/api/v2/vpc", body)[0] == 503
    assert len(fresh.get("/api/v2/vpc")) == 1
    assert fresh.call("POST", "/api/v2/vpc", body)[0] == 200


def test_lost_answers_come_after_the_change(fresh: Rack) -> None:
    fresh.knobs(lose_next_answers=1)
    with pytest.raises((httpx.HTTPError, ValueError)):
        fresh.client.post("/api/v2/vpc", json={"name": "a", "adminTenant": {"id": 1}}).json()
    assert [vpc["name"] for vpc in fresh.get("/api/v2/vpc")] == ["VPC-1", "a"]


def test_maintenance_page_and_password_change(fresh: Rack) -> None:
    fresh.knobs(html_next=1)
    assert "html" in fresh.client.get("/api/v2/vpc").headers["content-type"]
    fresh.knobs(password_change=True)
    answer = fresh.client.post("/api/auth", json={"user": "netris", "password": "secret"})
    assert answer.json()["data"]["mandatoryPasswordChange"] is True
    assert "set-cookie" not in answer.headers


def test_login_can_be_refused(fresh: Rack) -> None:
    fresh.knobs(refuse_login=True)
    assert fresh.client.post("/api/auth", json={"user": "netris", "password": "secret"}).status_code == 401


def test_knobs_are_checked_and_closed_to_strangers(fresh: Rack) -> None:
    assert fresh.client.put("/lab/knobs", json={"no_such": 1}).status_code == 400
    assert fresh.client.put("/lab/knobs", json={"agents": "maybe"}).status_code == 400
    fresh.client.cookies.clear()
    assert fresh.client.get("/lab/knobs").status_code == 401
    token = {"Authorization": "Bearer agents-only"}
    assert fresh.client.get("/lab/knobs", headers=token).json()["agents"] == "assumed"


def test_contradictions_have_knobs(demo: Rack) -> None:
    demo.knobs(post_data="array", ports_nested=True, cluster_status="string", cluster_gateways="string")
    body = {"name": "t", "vnets": [{"postfix": "n", "type": "l2vpn", "vlan": "untagged", "vlanID": "auto",
                                    "serverNics": ["eth9"], "ipv4Gateway": "10.0.0.1/24"}]}  # fmt: skip
    assert demo.call("POST", "/api/v2/server-cluster-template", body)[1]["data"] == [{"id": 1}]
    assert isinstance(demo.get("/api/v2/ports")["data"], list)
    demo.call("POST", "/api/v2/server-cluster", demo.cluster_body("c", 1))
    cluster = demo.get("/api/v2/server-cluster/1")
    assert cluster["status"] == "active"
    assert cluster["resources"]["vnets"][0]["ipv4Gateways"] == ["10.0.0.1/24"]


def test_what_a_fresh_controller_holds(fresh: Rack) -> None:
    assert [(tenant["id"], tenant["name"]) for tenant in fresh.get("/api/tenants")] == [(1, "Admin")]
    (site,) = fresh.get("/api/v2/sites")
    assert (site["id"], site["name"], site["siteMesh"]["value"]) == (1, "Default", "disabled")
    (old_site,) = fresh.get("/api/sites")
    assert old_site["name"] == "Default"
    assert "siteMesh" not in old_site
    (vpc,) = fresh.get("/api/v2/vpc")
    assert (vpc["id"], vpc["name"], vpc["isSystem"], vpc["isDefault"]) == (1, "VPC-1", True, True)
    assert [options["isDefault"] for options in fresh.get("/api/v2/dhcp-option-set")] == [True]
    for empty in ("hw", "ports", "link", "vnet", "ipam", "server-cluster", "server-cluster-template"):
        assert fresh.get(f"/api/v2/{empty}") == []
    assert fresh.get("/api/users/permissions")["buildVersion"]
    assert fresh.get("/api/v2/general")[0]["name"] == "netris_auth_token"
