"""Running the collection's playbooks against a lab, and reading what they did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fabric_lab.state import REPOSITORY, Lab, LabError, cache_dir

COLLECTION = "baremetal.fabric"
INVENTORY = REPOSITORY / "inventories" / "lab"
# What is laid over it where Netris does not configure the switch.
_OVER_IT = {
    "linux_switch": REPOSITORY / "inventories" / "linux-switch",
    "manual": REPOSITORY / "inventories" / "manual",
}
_CALLBACKS = Path(__file__).with_name("callbacks")


def inventories(lab: Lab, first: Path = INVENTORY) -> list[Path]:
    """The inventories that plays on a lab take, in their order."""
    return [first, _OVER_IT[lab.fabric]] if lab.fabric in _OVER_IT else [first]


@dataclass(frozen=True)
class TaskResult:
    """What one task did on one host."""

    play: str
    task: str
    action: str
    host: str
    outcome: str
    changed: bool
    result: Mapping[str, Any]

    def text(self) -> str:
        message = self.result.get("msg", "")
        return message if isinstance(message, str) else json.dumps(message)


@dataclass
class Run:
    """A finished run of a playbook."""

    playbook: str
    returncode: int
    seconds: float
    log: Path
    results: list[TaskResult] = field(default_factory=list)
    hosts: dict[str, dict[str, int]] = field(default_factory=dict)
    phases: list[tuple[str, float]] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)

    @property
    def changed(self) -> list[TaskResult]:
        return [each for each in self.results if each.changed]

    @property
    def failed(self) -> list[TaskResult]:
        return [each for each in self.results if each.outcome in ("failed", "unreachable")]

    def count(self, what: str) -> int:
        return sum(each.get(what, 0) for each in self.hosts.values())

    def fact(self, name: str) -> Any:
        """A fact that the play set, as it was last."""
        values = [each.result["facts"][name] for each in self.results if name in each.result.get("facts", {})]
        if not values:
            raise LabError(f"{self.playbook} set no fact {name}, see {self.log}")
        return values[-1]


def environment(lab: Lab, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of ansible-playbook: the lab's settings, and the collection where it stands."""
    home = REPOSITORY / ".ansible"
    place = home / "collections" / "ansible_collections" / "baremetal"
    place.mkdir(parents=True, exist_ok=True)
    link = place / "fabric"
    if not link.is_symlink():
        link.symlink_to("../../../..")
    settings = dict(line.split("=", 1) for line in lab.env_file.read_text().splitlines())
    path = f"{Path(sys.executable).parent}:{cache_dir() / 'bin'}:{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "fabric_record",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        # Nothing of a user's own settings may change what a lab run does.
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(lab.run_directory / "ssh"),
        "PYTHONUNBUFFERED": "1",
        **settings,
        **(extra or {}),
    }


class Playing:
    """A run of a playbook that is going on. Its whole process group can be killed."""

    def __init__(
        self,
        lab: Lab,
        playbook: str,
        options: Sequence[str] = (),
        inventory: Path = INVENTORY,
        extra_environment: Mapping[str, str] | None = None,
        visible: bool = False,
    ) -> None:
        directory = lab.log_directory / "plays"
        directory.mkdir(parents=True, exist_ok=True)
        handle, record = tempfile.mkstemp(
            prefix=f"{Path(playbook).stem}-{time.strftime('%H%M%S')}-", suffix=".jsonl", dir=directory
        )
        os.close(handle)
        self._record = Path(record)
        self.playbook = playbook
        self.log = self._record.with_suffix(".log")
        env = environment(lab, {**(extra_environment or {}), "FABRIC_RECORD": record})
        name = playbook if "/" in playbook else f"{COLLECTION}.{playbook}"
        sources = [part for each in inventories(lab, inventory) for part in ("-i", str(each))]
        command = ["ansible-playbook", *sources, name, *options]
        self._began = time.monotonic()
        output = None if visible else self.log.open("w")
        if visible:
            # The user sees it as Ansible shows it; what happened is read from the record.
            self.log = self._record
        self._process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
        )
        if output:
            output.close()

    def events(self) -> list[dict[str, Any]]:
        """Everything that has happened so far."""
        lines = self._record.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def follow(self, pause: float = 0.1) -> Iterator[dict[str, Any]]:
        """Events as they come, until the run ends."""
        told = 0
        while True:
            ended = self._process.poll() is not None
            events = self.events()
            yield from events[told:]
            told = len(events)
            if ended:
                return
            time.sleep(pause)

    def kill(self) -> None:
        """SIGKILL for the whole process group, as when a machine loses its power."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, timeout: float | None = None) -> Run:
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError(f"{self.playbook} did not end within {timeout:.0f} s, see {self.log}") from None
        except BaseException:
            self.kill()
            raise
        return self._read(code)

    def _read(self, code: int) -> Run:
        run = Run(self.playbook, code, time.monotonic() - self._began, self.log)
        since: tuple[str, float] | None = None
        for event in self.events():
            if event["event"] == "play" and since:
                run.phases.append((since[0], event["time"] - since[1]))
            if event["event"] == "play":
                since = (event["play"], event["time"])
            elif event["event"] == "task":
                run.tasks.append(event["task"])
            elif event["event"] == "result":
                names = ("play", "task", "action", "host", "outcome", "changed", "result")
                run.results.append(TaskResult(**{name: event[name] for name in names}))
            elif event["event"] == "stats":
                run.hosts = event["hosts"]
                if since:
                    run.phases.append((since[0], event["time"] - since[1]))
        return run


def play(
    lab: Lab,
    playbook: str,
    *options: str,
    inventory: Path = INVENTORY,
    extra_environment: Mapping[str, str] | None = None,
    visible: bool = False,
    timeout: float | None = None,
) -> Run:
    """Run a playbook to its end."""
    return Playing(lab, playbook, options, inventory, extra_environment, visible).wait(timeout)
