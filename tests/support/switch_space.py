"""A place on this machine that looks like a leaf switch to Ansible: files of its own, and a kernel of its own.

Ansible "logs in" by a Python interpreter that enters a mount namespace first, so what the plays write under /etc, /run,
/var/lib and /usr/local/sbin lands in one directory. The kernel is a network namespace of this machine where its bridges
know VLANs. Where they do not, `ip` and `bridge` are a stand-in with the rules of `fake_switch`; scripts, locks,
processes and files are real in both.

    python -m tests.support.switch_space DIRECTORY ip|bridge|lldpcli ARGUMENT…    is that stand-in
    python -m tests.support.switch_space DIRECTORY make|end|vlans                 makes one, ends it, tells its VLANs
"""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from tests.support.fake_switch import FakeSwitch, KernelSays

ROOT = Path(__file__).resolve().parents[2]
PORTS = 16


def make(directory: Path, python: str = sys.executable, netns: str = "") -> Path:
    """Prepare a switch; its interpreter. With `netns` the kernel is that namespace's, else the stand-in."""
    for name in ("run/netns", "varlib", "sbin", "bin"):
        (directory / name).mkdir(parents=True)
    shutil.copytree("/etc", directory / "etc", symlinks=True, ignore_dangling_symlinks=True)
    if not netns:
        for tool in ("ip", "bridge", "lldpcli"):
            _program(
                directory / "bin" / tool,
                f'export PYTHONPATH="{os.environ.get("PYTHONPATH", "")}:{ROOT}"\n'
                f'exec {sys.executable} -m tests.support.switch_space {directory} {tool} "$@"\n',
            )
        switch = FakeSwitch(directory / "unused", PORTS)
        _store(directory, switch)
    binds = {"etc": "/etc", "run": "/run", "varlib": "/var/lib", "sbin": "/usr/local/sbin"}
    mounts = "".join(f"mount --bind {directory}/{here} {there}; " for here, there in binds.items())
    if not netns:
        # scripts set a PATH of their own, so the stand-in takes the very places
        for tool in ("ip", "bridge"):
            mounts += f"mount --bind {directory}/bin/{tool} {Path(shutil.which(tool) or tool).resolve()}; "
    # a bind of /run hides the namespaces' names, so it is entered before
    inside = f'{mounts}PATH={directory}/bin:$PATH exec {python} "$@"'
    enter = f"ip netns exec {netns} " if netns else ""
    return _program(directory / "python", f"exec {enter}unshare --mount sh -c '{inside}' sh \"$@\"\n")


def server(directory: Path, python: str = sys.executable) -> Path:
    """A server as far as LLDP goes: its interpreter, whose `lldpcli` tells what is in the file lldp.json."""
    (directory / "bin").mkdir(parents=True)
    _program(directory / "bin" / "lldpcli", f"exec cat {directory}/lldp.json\n")
    (directory / "lldp.json").write_text("{}")
    return _program(directory / "python", f'PATH={directory}/bin:$PATH exec {python} "$@"\n')


def kernel(directory: Path) -> FakeSwitch:
    """The stand-in's present state."""
    switch: FakeSwitch = pickle.loads((directory / "kernel").read_bytes())
    return switch


def end(directory: Path) -> None:
    """End the DHCP servers that were started in it."""
    for file in (directory / "run").glob("fabric-switch-*.pid"):
        subprocess.run(["kill", file.read_text().strip()], check=False, stderr=subprocess.DEVNULL)


def _program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _store(directory: Path, switch: FakeSwitch) -> None:
    new = directory / "kernel.new"
    new.write_bytes(pickle.dumps(switch))
    new.replace(directory / "kernel")


def _dnsmasq(arguments: list[str]) -> None:
    """Stands for the server in a namespace: a process with its command line, and its file with the process's number."""
    file = next(each for each in arguments if each.startswith("--pid-file=")).partition("=")[2]
    idle = [sys.executable, "-c", "import time; time.sleep(3600)", *arguments]
    null = subprocess.DEVNULL
    process = subprocess.Popen(idle, stdin=null, stdout=null, stderr=null, start_new_session=True)
    Path(file).write_text(f"{process.pid}\n")


def main(directory: Path, tool: str, arguments: list[str]) -> int:
    if tool == "make":
        make(directory)
        return 0
    if tool == "end":
        end(directory)
        shutil.rmtree(directory, ignore_errors=True)
        return 0
    if tool == "vlans":
        print(json.dumps({vlan: sorted(ports) for vlan, ports in kernel(directory).reaches().items()}))
        return 0
    if arguments[:2] == ["netns", "exec"]:
        _dnsmasq(arguments[4:])
        return 0
    with (directory / "kernel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        switch = kernel(directory)
        switch._root = "/"
        switch.root = Path("/")
        if "-batch" not in arguments:
            code, output, errors = switch._command([tool, *arguments])
            print(output)
            print(errors, file=sys.stderr)
            return code
        file = arguments[arguments.index("-batch") + 1]
        space = arguments[arguments.index("-n") + 1] if "-n" in arguments else ""
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        code = 0
        for number, line in enumerate(text.splitlines(), 1):
            try:
                switch._one([tool, *line.split()], space)
            except KernelSays as error:
                print(f"{error}\nCommand failed {file}:{number}", file=sys.stderr)
                code = 2
                if "-force" not in arguments:
                    break
        _store(directory, switch)
        return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
