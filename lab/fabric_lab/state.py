"""Where a lab keeps its files, and which labs exist on this machine.

Two places:

* the *cache* (``.cache/`` of the repository, or ``$FABRIC_CACHE``): images and binaries, which survive the lab, and per
  lab its keys, settings and logs;
* the *run directory* ``/dev/shm/fabric-<name>`` lives as long as the lab does: disks of the VMs, sockets.

The slots are a property of the machine, not of one clone of the repository, so their register lives in ``/run``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
REGISTER = Path("/run/fabric-lab/labs.json")
DEFAULT_NAME = "demo"
MAX_SLOT = 254
# the leaf names each of its ports on its kernel command line, which ends at 4096 characters
MAX_METAL = 9
# Who configures the leaf switch: the agent, as the controller says, or whoever logs in to it.
FABRICS = ("netris", "linux_switch", "manual")
_NAME = re.compile(r"^[a-z][a-z0-9]{0,19}$")


class LabError(Exception):
    """A mistake or a missing condition that is told to the user in one line."""


def cache_dir() -> Path:
    """The directory of everything that may be rebuilt."""
    return Path(os.environ.get("FABRIC_CACHE") or REPOSITORY / ".cache").resolve()


def schemas_dir() -> Path:
    """The folder of other software's definitions, which are no part of this repository. It may not be there."""
    return Path(os.environ.get("FABRIC_SCHEMAS") or REPOSITORY.parent / "shared" / "schemas")


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    temporary.replace(path)


@dataclass(frozen=True)
class Lab:
    """One lab: its name, its slot (which gives the addresses) and its size."""

    name: str
    slot: int
    metal: int = 3
    fabric: str = FABRICS[0]

    @property
    def agent(self) -> bool:
        """Whether the leaf has an agent that configures it."""
        return self.fabric == FABRICS[0]

    @property
    def directory(self) -> Path:
        return cache_dir() / "labs" / self.name

    @property
    def log_directory(self) -> Path:
        return self.directory / "log"

    @property
    def run_directory(self) -> Path:
        return Path("/dev/shm") / f"fabric-{self.name}"

    @property
    def socket(self) -> Path:
        return self.run_directory / "supervisor.sock"

    @property
    def env_file(self) -> Path:
        return self.directory / "env"

    @property
    def ssh_key(self) -> Path:
        return self.directory / "ssh_key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def netns(self) -> str:
        return f"fabric-{self.name}"

    @property
    def control_plane_netns(self) -> str:
        return f"fabric-{self.name}-cp"

    @property
    def operator_interface(self) -> str:
        return f"fabric{self.slot}"

    def prepare(self) -> None:
        """Create the lab's directories; nobody but root looks into them."""
        for path in (self.directory, self.run_directory):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log_directory.mkdir(exist_ok=True)

    def save(self) -> None:
        write_private(self.directory / "lab.json", json.dumps(asdict(self)) + "\n")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """One `up` or `down` of a lab at a time."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.directory / "lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LabError(f"another command is starting or stopping lab {self.name!r} right now") from None
            yield


def valid_name(name: str) -> str:
    if not _NAME.match(name):
        raise LabError(f"lab name {name!r}: use up to 20 lower-case letters and digits, a letter first")
    return name


def load(name: str) -> Lab | None:
    """The lab of this name as it was last brought up from this cache, if ever."""
    try:
        data = json.loads((cache_dir() / "labs" / valid_name(name) / "lab.json").read_text())
    except FileNotFoundError:
        return None
    return Lab(name=data["name"], slot=data["slot"], metal=data["metal"], fabric=data.get("fabric", FABRICS[0]))


@contextlib.contextmanager
def _register() -> Iterator[dict[str, dict[str, object]]]:
    """The machine's register of labs, locked; written back when it was changed."""
    REGISTER.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with REGISTER.open("a+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        text = stream.read()
        labs: dict[str, dict[str, object]] = json.loads(text) if text.strip() else {}
        before = json.dumps(labs, sort_keys=True)
        yield labs
        if json.dumps(labs, sort_keys=True) != before:
            stream.truncate(0)
            stream.write(json.dumps(labs, indent=1, sort_keys=True) + "\n")


def choose_slot(name: str, directory: str, wanted: int | None, labs: dict[str, dict[str, object]]) -> int:
    """The slot for a lab, given the other labs of the machine. Pure."""
    own = labs.get(name)
    if own is not None and own["directory"] != directory:
        raise LabError(
            f"a lab named {name!r} already runs on this machine from {own['directory']}: choose another --name"
        )
    taken = {entry["slot"]: other for other, entry in labs.items() if other != name}
    if wanted is None:
        if own is not None:
            return int(str(own["slot"]))
        # slot 0 is what the example inventory of the demo shows; others leave it free
        first = 0 if name == DEFAULT_NAME else 1
        wanted = next(slot for slot in range(first, MAX_SLOT + 1) if slot not in taken)
    elif not 0 <= wanted <= MAX_SLOT:
        raise LabError(f"slot {wanted}: choose one from 0 to {MAX_SLOT}")
    if wanted in taken:
        raise LabError(f"slot {wanted} is in use by lab {taken[wanted]!r}")
    if own is not None and own["slot"] != wanted:
        raise LabError(f"lab {name!r} runs in slot {own['slot']}; bring it down before it moves to slot {wanted}")
    return wanted


def claim(name: str, slot: int | None, metal: int | None, fabric: str | None = None) -> Lab:
    """Reserve a slot on this machine and remember the lab's settings."""
    valid_name(name)
    known = load(name)
    directory = cache_dir() / "labs" / name
    if metal is not None and not 1 <= metal <= MAX_METAL:
        raise LabError(f"--metal {metal}: choose from 1 to {MAX_METAL} bare-metal servers")
    with _register() as labs:
        # a machine that lost its power keeps no labs, but /run may have been carried over: forget what is not there
        for other in [
            key for key, entry in labs.items() if key != name and not Path(f"/dev/shm/fabric-{key}").exists()
        ]:
            del labs[other]
        if slot is None and known is not None and name not in labs:
            held = {entry["slot"] for entry in labs.values()}
            slot = None if known.slot in held else known.slot
        chosen = choose_slot(name, str(directory), slot, labs)
        if known is not None and name in labs and fabric not in (None, known.fabric):
            raise LabError(
                f"lab {name!r} runs with --fabric {known.fabric}; bring it down first, or choose another --name"
            )
        lab = Lab(
            name=name,
            slot=chosen,
            metal=metal or (known.metal if known else Lab.metal),
            fabric=fabric or (known.fabric if known else Lab.fabric),
        )
        lab.prepare()
        labs[name] = {"slot": chosen, "directory": str(directory)}
    lab.save()
    return lab


def release(lab: Lab) -> None:
    """Give the slot back and forget the lab's files except its logs and keys' directory."""
    shutil.rmtree(lab.run_directory, ignore_errors=True)
    with _register() as labs:
        if labs.get(lab.name, {}).get("directory") == str(lab.directory):
            del labs[lab.name]


def running_labs() -> dict[str, int]:
    """Names and slots of the labs on this machine."""
    with _register() as labs:
        return {name: int(str(entry["slot"])) for name, entry in labs.items()}
