"""Who joins believes no other certificate, and what is secret is seen by nobody: not said, not shown, not left."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from fabric_lab.demo.plays import Run, environment
from fabric_lab.rack import keys

from .conftest import Tenants, settled
from .lab import TestLab
from .test_50_change import copy_inventory
from .test_85_failover import Watch

pytestmark = pytest.mark.m6

TENANT, SERVER = "blue", "metal3"
BLUE = ("-e", f"fabric_tenants={TENANT}")
HERE = Path(__file__).parent
MARK = "/run/before-join"


@pytest.fixture(scope="module")
def joining(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The inventory wants one more server in blue. It is parked again at the end."""
    tenants.ensure()
    before = rack.inventory
    rack.inventory = copy_inventory(
        tmp_path_factory.mktemp("joining") / "inventory", {"metal1": TENANT, SERVER: TENANT}
    )
    yield
    rack.inventory = before
    settled(rack.play("server_move", "-e", f"fabric_server={SERVER}"))


@contextmanager
def imposter(rack: TestLab, address: str, output: Path) -> Iterator[Watch]:
    """The VIP on the server itself, with the controller's certificate, which another authority has signed."""
    files = {"imposter.py": HERE / "imposter.py"}
    files["imposter.pem"], files["imposter.key"] = keys.ensure_tls(rack.lab)
    write = "".join(
        f"echo {base64.b64encode(path.read_bytes()).decode()} | base64 -d > /run/{name}; "
        for name, path in files.items()
    )
    start = f"exec python3 -u /run/imposter.py {address} 443 /run/imposter.pem /run/imposter.key"
    try:
        script = f"umask 077; {write} ip address add {address}/32 dev lo; {start}"
        with rack.process(SERVER, script, output):
            watch = Watch(output)
            watch.wait(lambda w: bool(w.events()), "the imposter does not listen")
            yield watch
    finally:
        rack.ssh(SERVER, f"rm -f /run/imposter.*; ip address del {address}/32 dev lo")


def tokens(rack: TestLab) -> list[str]:
    """Those that are alive, as id.secret."""
    kind = ("--field-selector", "type=bootstrap.kubernetes.io/token", "-o", "json")
    found = json.loads(rack.kubectl(TENANT, "-n", "kube-system", "get", "secrets", *kind))["items"]
    data = [{key: base64.b64decode(value).decode() for key, value in each["data"].items()} for each in found]
    return [f"{each['token-id']}.{each['token-secret']}" for each in data]


def test_an_imposter_at_the_vip_is_told_nothing(rack: TestLab, joining: None, tmp_path: Path) -> None:
    del joining
    with imposter(rack, rack.endpoint(TENANT), tmp_path / "imposter") as watch:
        run = rack.play("tenant_create", *BLUE)
        events = watch.events()
    assert {each.host for each in run.failed} == {SERVER}
    assert "certificate verify failed" in " ".join(each.text() for each in run.failed)
    assert any("refused" in each for each in events) and not any("request" in each for each in events), events
    assert tokens(rack) == []
    assert SERVER not in rack.nodes(TENANT)


@dataclass(frozen=True)
class Join:
    run: Run
    token: str
    on_server: str
    on_controller: str


@pytest.fixture(scope="module")
def join(rack: TestLab, joining: None, tmp_path_factory: pytest.TempPathFactory) -> Join:
    """The server joins for real, as loudly as it can be done, and command lines are watched on both sides."""
    del joining
    home = tmp_path_factory.mktemp("secrets")
    rack.ssh(SERVER, f"touch {MARK}")
    program = base64.b64encode((HERE / "command_lines.py").read_bytes()).decode()
    watcher = f"echo {program} | base64 -d > /run/command_lines.py; exec python3 -u /run/command_lines.py"
    alive: list[str] = []
    with (
        rack.process(SERVER, watcher, home / "server"),
        (home / "controller").open("w") as local,
        subprocess.Popen([sys.executable, "-u", str(HERE / "command_lines.py")], stdout=local) as watching,
    ):
        try:
            playing = rack.playing("tenant_create", *BLUE, "-vvv")
            for event in playing.follow():
                if event["event"] == "task" and event["task"].endswith("Run the join script"):
                    alive = tokens(rack)
            run = settled(playing.wait())
        finally:
            watching.terminate()
    assert len(alive) == 1, "no token was seen while the server joined"
    return Join(run, alive[0], (home / "server").read_text(), (home / "controller").read_text())


def test_the_token_is_dead(rack: TestLab, join: Join) -> None:
    assert rack.nodes(TENANT)[SERVER]["ready"] == "True"
    assert tokens(rack) == []
    ask = f"""python3 - <<'END'
import ssl, urllib.error, urllib.request
context = ssl._create_unverified_context()
try:
    urllib.request.urlopen("https://{rack.endpoint(TENANT)}/node/join?token={join.token}", context=context, timeout=20)
    print("answered")
except urllib.error.HTTPError as error:
    print("refused", error.code)
END"""
    assert rack.ssh(SERVER, ask).split() in (["refused", "401"], ["refused", "403"])


def secrets_of(rack: TestLab, token: str) -> dict[str, str]:
    """Of a join and of the play around it."""
    secret = json.loads(rack.kubectl(None, "-n", f"vcluster-{TENANT}", "get", "secret", f"vc-{TENANT}", "-o", "json"))
    admin = yaml.safe_load(base64.b64decode(secret["data"]["config"]))["users"][0]["user"]
    password = environment(rack.lab)["NETRIS_PASSWORD"]
    return {"token": token.split(".")[1], "key": admin["client-key-data"], "password": password}


@pytest.mark.parametrize(
    ("place", "proof"),
    [
        # the proof is something that cannot be missing where everything is seen
        (lambda join: join.run.log.read_text(), "ESTABLISH SSH CONNECTION"),
        (lambda join: join.on_server, "kubelet"),
        (lambda join: join.on_controller, "ansible-playbook"),
    ],
    ids=["output", "command lines of the server", "command lines of the controller"],
)
def test_nothing_secret_is_shown(rack: TestLab, join: Join, place: Callable[[Join], str], proof: str) -> None:
    text = place(join)
    assert proof in text
    assert [name for name, secret in secrets_of(rack, join.token).items() if secret in text] == []


def test_nothing_secret_is_left_for_others_to_read(rack: TestLab, join: Join) -> None:
    readable = f"find / /run /tmp -xdev -newer {MARK} -type f -perm /o=r ! -path '/run/netns/*'"
    assert len(rack.ssh(SERVER, readable, timeout=180).splitlines()) > 10
    # Programs carry the words about keys in them and are no secret; the token is looked for in them, too. What is found
    # is printed: find's exit code is a failure also where grep finds nothing.
    search = f"""
        umask 077
        cat > /run/token <<'END'
{join.token.split(".")[1]}
END
        {readable} -exec grep -lF -f /run/token {{}} +
        rm /run/token
        {readable} -exec grep -IlE 'PRIVATE KEY-----|client-key-data' {{}} +
        true
    """
    assert rack.ssh(SERVER, search, timeout=180) == ""
    kubeconfigs = list(rack.lab.directory.glob("*.kubeconfig"))
    assert kubeconfigs and {stat.S_IMODE(path.stat().st_mode) for path in kubeconfigs} == {0o600}
