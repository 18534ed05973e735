"""The supervisor with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fabric_lab.state import Lab, LabError
from fabric_lab.supervisor import leftovers
from fabric_lab.supervisor.client import Supervisor
from fabric_lab.supervisor.spec import ProcessSpec, restart_delay, should_restart


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("FABRIC_CACHE", str(tmp_path))
    monkeypatch.setattr(Lab, "run_directory", property(lambda _: tmp_path / "shm"))
    found = Lab("unittest", 250)
    supervisor = Supervisor(found)
    supervisor.ensure()
    yield found
    if supervisor.alive():
        supervisor.shutdown()
    leftovers.end(found)
    assert leftovers.find(found) == []


def spec(lab: Lab, name: str, script: str, **changes: object) -> ProcessSpec:
    log = str(lab.log_directory / f"{name}.log")
    data = {"name": name, "argv": ["sh", "-c", script], "log": log, **changes}
    return ProcessSpec.from_dict(data)


def wait_for(condition: Callable[[], bool], timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def test_starts_keeps_and_stops(lab: Lab) -> None:
    supervisor = Supervisor(lab)
    first = supervisor.add(spec(lab, "a", "exec sleep 60"))
    assert first.state == "running"
    assert supervisor.add(spec(lab, "a", "exec sleep 60")).pid == first.pid, "the same again changes nothing"
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: supervisor.status()["a"].starts == 2 and supervisor.status()["a"].state == "running")
    assert supervisor.stop("a").state == "stopped"
    time.sleep(0.5)
    assert supervisor.status()["a"].state == "stopped"
    assert supervisor.start("a").state == "running"


def test_another_definition_replaces_the_process(lab: Lab) -> None:
    supervisor = Supervisor(lab)
    before = supervisor.add(spec(lab, "a", "exec sleep 60"))
    after = supervisor.add(spec(lab, "a", "exec sleep 61"))
    assert after.pid != before.pid
    assert not Path(f"/proc/{before.pid}").exists()


def test_environment_directory_and_log(lab: Lab, tmp_path: Path) -> None:
    supervisor = Supervisor(lab)
    supervisor.add(spec(lab, "a", 'echo "$WORD $PWD"', env={"WORD": "hello"}, cwd=str(tmp_path), restart="never"))
    wait_for(lambda: supervisor.status()["a"].state == "ended")
    assert (lab.log_directory / "a.log").read_text() == f"hello {tmp_path}\n"
    assert (lab.log_directory / "a.log").stat().st_mode & 0o777 == 0o600
    assert supervisor.status()["a"].exit_code == 0


def test_a_machine_that_reboots_is_started_again_and_one_that_halts_is_not(lab: Lab) -> None:
    supervisor = Supervisor(lab)
    marked = {"restart": "on-reboot", "reboot_marker": "REBOOT"}
    supervisor.add(spec(lab, "halts", "echo bye", **marked))
    supervisor.add(
        spec(lab, "reboots", "[ -e mark ] && exec sleep 60; touch mark; echo REBOOT", cwd=str(lab.directory), **marked)
    )
    wait_for(lambda: supervisor.status()["reboots"].starts == 2)
    time.sleep(0.5)
    assert supervisor.status()["reboots"].state == "running"
    assert supervisor.status()["halts"].state == "ended"
    assert supervisor.status()["halts"].starts == 1


def test_whole_sessions_end(lab: Lab) -> None:
    supervisor = Supervisor(lab)
    supervisor.add(spec(lab, "a", "sleep 77 & echo $! > child; wait", cwd=str(lab.directory), stop_signal="SIGKILL"))
    wait_for(lambda: (lab.directory / "child").exists() and (lab.directory / "child").read_text() != "")
    child = Path("/proc") / (lab.directory / "child").read_text().strip()
    supervisor.stop("a")
    wait_for(lambda: not child.exists() or "Z" in (child / "stat").read_text().split()[2])


def test_a_process_that_ignores_the_signal_is_killed(lab: Lab) -> None:
    supervisor = Supervisor(lab)
    supervisor.add(spec(lab, "a", "trap '' TERM; echo ready; while :; do sleep 0.1; done", stop_timeout=0.3))
    wait_for(lambda: (lab.log_directory / "a.log").read_text() == "ready\n")
    assert supervisor.stop("a").state == "stopped"


def test_last_come_first_gone(lab: Lab) -> None:
    supervisor = Supervisor(lab)
    for name in ("etcd", "apiserver"):
        supervisor.add(
            spec(
                lab,
                name,
                f"trap 'echo {name} >> order; exit' TERM; echo up; while :; do sleep 0.05; done",
                cwd=str(lab.directory),
            )
        )
    wait_for(lambda: all((lab.log_directory / f"{name}.log").read_text() for name in ("etcd", "apiserver")))
    supervisor.shutdown()
    assert (lab.directory / "order").read_text().split() == ["apiserver", "etcd"]
    wait_for(lambda: not supervisor.alive())


def test_processes_die_with_a_killed_supervisor_and_it_can_be_started_anew(lab: Lab) -> None:
    supervisor = Supervisor(lab)
    child = supervisor.add(spec(lab, "a", "exec sleep 60")).pid
    pid = next(
        found
        for found in leftovers.find(lab)
        if b"fabric_lab.supervisor" in Path(f"/proc/{found}/cmdline").read_bytes()
    )
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{child}").exists() or leftovers.find(lab) == [])
    assert supervisor.ensure() is True
    assert supervisor.status() == {}


def test_leftovers_are_found_by_environment_and_nobody_else_is(lab: Lab) -> None:
    own = subprocess.Popen(["sleep", "60"], env={**os.environ, leftovers.OWNER_VARIABLE: str(lab.directory)})
    foreign = subprocess.Popen(["sleep", "60"], env={**os.environ, leftovers.OWNER_VARIABLE: f"{lab.directory}2"})
    try:
        assert own.pid in leftovers.find(lab)
        assert foreign.pid not in leftovers.find(lab)
        assert os.getpid() not in leftovers.find(lab)
    finally:
        own.kill()
        foreign.kill()
        own.wait()
        foreign.wait()


def test_errors_are_told(lab: Lab) -> None:
    supervisor = Supervisor(lab)
    with pytest.raises(LabError, match="no process named 'nobody'"):
        supervisor.start("nobody")
    with pytest.raises(LabError, match="No such file"):
        supervisor.add(ProcessSpec("a", ["/does/not/exist"], log=str(lab.log_directory / "a.log")))
    supervisor.shutdown()
    wait_for(lambda: not supervisor.alive())
    with pytest.raises(LabError, match="is not running"):
        supervisor.status()


def test_specs_are_checked() -> None:
    with pytest.raises(ValueError, match="unknown fields of a process: argc"):
        ProcessSpec.from_dict({"name": "a", "argc": 1})
    with pytest.raises(ValueError, match="restart 'sometimes'"):
        ProcessSpec.from_dict({"name": "a", "argv": ["x"], "log": "/l", "restart": "sometimes"})


def test_restart_policies() -> None:
    assert should_restart(ProcessSpec("a", ["x"], "/l"), b"")
    assert not should_restart(ProcessSpec("a", ["x"], "/l", restart="never"), b"REBOOT")
    assert not should_restart(ProcessSpec("a", ["x"], "/l", restart="on-reboot"), b"anything")
    assert restart_delay(0) < restart_delay(3) <= restart_delay(50) == 10


def test_connections_to_its_machines_end_with_it(lab: Lab) -> None:
    def master(directory: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen([f"ssh: {directory}/ssh/477185e14a [mux]", "60"], executable="/bin/sleep")

    own, foreign = master(lab.run_directory), master(Path(f"{lab.run_directory}2"))
    try:
        assert own.pid in leftovers.end(lab)
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()
        own.wait()
