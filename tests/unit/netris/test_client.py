"""The transport against a scripted controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.client import Client, Endpoint, single
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.errors import (
    ConnectionFailed,
    LoginFailed,
    NetrisError,
    OutcomeUnknown,
    RequestFailed,
)

from tests.support import certificates

from .scripted import Call, ScriptedController, envelope, login

PASSWORD = 'p"\\w'


def connect(url: str, **more: Any) -> tuple[Client, list[float]]:
    naps: list[float] = []
    return Client(Endpoint(url, "netris", PASSWORD, timeout=5, **more), sleep=naps.append), naps


def test_logs_in_once_and_carries_the_session() -> None:
    sites = [Call("GET", "/api/v2/sites", answer=envelope([{"id": 1}])) for _ in range(2)]
    with ScriptedController(login(), *sites) as controller:
        client, _naps = connect(controller.url + "/")
        assert client.get_list("/api/v2/sites") == [{"id": 1}]
        client.get("/api/v2/sites")
    headers = controller.seen[1][3]
    assert headers["Cookie"] == "connect.sid=s%3Aabc"
    assert headers["Cache-Control"] == "no-cache"
    assert client.requests.as_dict() == {"read": 2, "write": 0}


def test_logs_in_again_once_after_401() -> None:
    old = Call("GET", "/api/v2/vpc", status=401, answer=envelope(None, False))
    with ScriptedController(login(), old, login(), Call("GET", "/api/v2/vpc", answer=envelope([]))) as controller:
        assert connect(controller.url)[0].get("/api/v2/vpc") == []


def test_gives_up_when_401_stays() -> None:
    old = [Call("GET", "/api/v2/vpc", status=401, answer=envelope(None, False, "Unauthorized")) for _ in range(2)]
    with (
        ScriptedController(login(), old[0], login(), old[1]) as controller,
        pytest.raises(RequestFailed, match="GET /api/v2/vpc: the controller answered 401: Unauthorized"),
    ):
        connect(controller.url)[0].get("/api/v2/vpc")


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ({"status": 401, "answer": envelope(None, False)}, "check NETRIS_USERNAME and NETRIS_PASSWORD"),
        ({"status": 403, "raw": b"no"}, "check NETRIS_USERNAME and NETRIS_PASSWORD"),
        ({"answer": envelope({"mandatoryPasswordChange": True})}, "wants a new password"),
        ({"answer": {"mandatoryPasswordChange": True}}, "wants a new password"),
        ({"headers": {}}, "without giving a session"),
    ],
)
def test_refused_logins_say_what_to_do_and_never_the_password(refusal: dict[str, Any], words: str) -> None:
    with ScriptedController(login(**refusal)) as controller:
        client, _naps = connect(controller.url)
        with pytest.raises(LoginFailed, match=words) as caught:
            client.get("/api/v2/vpc")
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(client._endpoint)


def test_reads_are_repeated_with_growing_pauses() -> None:
    bad = [Call("GET", "/api/v2/vpc", drop=True), Call("GET", "/api/v2/vpc", status=500, answer=envelope(None, False))]
    with ScriptedController(login(), *bad, Call("GET", "/api/v2/vpc", answer=envelope([]))) as controller:
        client, naps = connect(controller.url)
        assert client.get("/api/v2/vpc") == []
    assert naps == [0.5, 1.0]


def test_reads_are_not_repeated_for_ever() -> None:
    bad = [Call("GET", "/api/v2/vpc", status=500, answer=envelope(None, False, "broken")) for _ in range(4)]
    with ScriptedController(login(), *bad) as controller, pytest.raises(RequestFailed, match="500: broken"):
        connect(controller.url)[0].get("/api/v2/vpc")


@pytest.mark.parametrize("trouble", [{"drop": True}, {"status": 503, "raw": b""}])
def test_writes_are_never_repeated(trouble: dict[str, Any]) -> None:
    with (
        ScriptedController(login(), Call("POST", "/api/v2/vpc", **trouble)) as controller,
        pytest.raises(OutcomeUnknown, match="not known whether it was done"),
    ):
        connect(controller.url)[0].post("/api/v2/vpc", {"name": "a"})


def test_too_many_requests_are_repeated_after_the_time_asked_for() -> None:
    busy = Call("POST", "/api/v2/vpc", status=429, answer=envelope(None, False), headers={"Retry-After": "7"})
    with ScriptedController(login(), busy, Call("POST", "/api/v2/vpc", answer=envelope({"id": 4}))) as controller:
        client, naps = connect(controller.url)
        assert client.post("/api/v2/vpc", {}) == {"id": 4}
    assert naps == [7.0]


def test_failure_in_the_envelope_counts_whatever_the_status() -> None:
    failed = Call("PUT", "/api/v2/vpc/4", answer=envelope(None, False, "No.", {"name": "taken"}))
    with (
        ScriptedController(login(), failed) as controller,
        pytest.raises(RequestFailed, match=r"PUT /api/v2/vpc/4: .* No\.; name: taken"),
    ):
        connect(controller.url)[0].put("/api/v2/vpc/4", {})


def test_redirects_keep_method_and_body() -> None:
    with ScriptedController() as target:
        moved = Call("POST", "/api/v2/vpc", status=301, answer={}, headers={"Location": target.url + "/api/v2/vpc"})
        target.calls = [
            Call("POST", "/api/v2/vpc", {"name": "a"}, answer=envelope({"id": 4})),
            Call("GET", "/api/v2/vpc", answer=envelope([])),
        ]
        with ScriptedController(login(), moved) as controller:
            client, _naps = connect(controller.url)
            assert client.post("/api/v2/vpc", {"name": "a"}) == {"id": 4}
            # Learned: no second detour.
            client.get("/api/v2/vpc")


def test_redirects_to_another_host_are_not_followed_with_a_password() -> None:
    away = login(status=301, headers={"Location": "https://elsewhere.example/api/auth"})
    with ScriptedController(away) as controller, pytest.raises(ConnectionFailed, match="redirects to another host"):
        connect(controller.url)[0].get("/api/v2/vpc")


def test_a_page_instead_of_an_answer() -> None:
    page = Call("GET", "/api/v2/vpc", raw=b"<html>Maintenance</html>", headers={"Content-Type": "text/html"})
    with (
        ScriptedController(login(), page) as controller,
        pytest.raises(ConnectionFailed, match=r"text/html\) is not that of a Netris controller.*Maintenance"),
    ):
        connect(controller.url)[0].get("/api/v2/vpc")


def test_nobody_there() -> None:
    with ScriptedController() as controller:
        url = controller.url
    client, naps = connect(url)
    with pytest.raises(ConnectionFailed, match=rf"Cannot reach the controller at {url}.*NETRIS_URL") as caught:
        client.get("/api/v2/vpc")
    assert len(naps) == 3
    assert "object at" not in str(caught.value)


def test_an_address_that_is_none() -> None:
    with pytest.raises(NetrisError, match="NETRIS_URL"):
        connect("controller.example.com")


def test_lists_may_be_nested_or_paged() -> None:
    nested = Call("GET", "/api/v2/ports", answer=envelope({"data": [{"id": 1}]}))
    first = Call("GET", "/api/v2/hw", answer={**envelope([{"id": 1}]), "meta": {"totalDocs": 3}})
    pages = [
        Call("GET", "/api/v2/hw?page=1&limit=1000", answer=envelope([{"id": 1}, {"id": 2}])),
        Call("GET", "/api/v2/hw?page=2&limit=1000", answer=envelope([{"id": 3}])),
    ]
    with ScriptedController(login(), nested, first, *pages) as controller:
        client, _naps = connect(controller.url)
        assert client.get_list("/api/v2/ports") == [{"id": 1}]
        assert [item["id"] for item in client.get_list("/api/v2/hw")] == [1, 2, 3]


def test_a_total_that_never_comes_true_does_not_hang() -> None:
    calls = [
        Call("GET", "/api/v2/hw", answer={**envelope([{"id": 1}]), "meta": {"totalDocs": 9}}),
        Call("GET", "/api/v2/hw?page=1&limit=1000", answer=envelope([{"id": 1}])),
        Call("GET", "/api/v2/hw?page=2&limit=1000", answer=envelope([{"id": 1}])),
    ]
    with ScriptedController(login(), *calls) as controller:
        assert connect(controller.url)[0].get_list("/api/v2/hw") == [{"id": 1}]


@pytest.mark.parametrize(("data", "found"), [({"id": 1}, {"id": 1}), ([{"id": 1}], {"id": 1}), ([], {}), (None, {})])
def test_single_objects_may_come_in_an_array(data: Any, found: dict[str, Any]) -> None:
    assert single(data) == found


def test_a_self_signed_certificate_is_refused_until_it_is_named(tmp_path: Path) -> None:
    context, ca = certificates.self_signed(tmp_path, "controller")
    vpcs = Call("GET", "/api/v2/vpc", answer=envelope([]))
    with ScriptedController(tls=context) as controller:
        with pytest.raises(ConnectionFailed, match=r"self-signed.*NETRIS_CA_PATH.*validate_certs: false"):
            connect(controller.url)[0].get("/api/v2/vpc")
        assert not controller.seen, "nothing may be sent before the certificate is trusted"
        controller.calls = [login(), vpcs, login(), vpcs]
        assert connect(controller.url, ca_path=str(ca))[0].get("/api/v2/vpc") == []
        assert connect(controller.url, validate_certs=False)[0].get("/api/v2/vpc") == []


def test_a_missing_ca_file_is_named() -> None:
    client, _naps = connect("https://127.0.0.1:9", ca_path="/no/such/ca.pem")
    with pytest.raises(ConnectionFailed, match=r"/no/such/ca.pem.*NETRIS_CA_PATH"):
        client.get("/api/v2/vpc")
