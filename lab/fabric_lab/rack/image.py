"""The base image that all VMs share; each writes into a copy-on-write file of its own.

Two cached stages, each named by the hash of what goes into it: the packages (a tar, the slow part) and the disk
(the tar plus the files of ``lab/image/files``). A copy-on-write file is void when its base changes, so a disk is
never rewritten: a new recipe makes a new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from fabric_lab.run import run
from fabric_lab.state import REPOSITORY, cache_dir

SUITE = "bookworm"
DISK_SIZE = "6G"
IMAGE_SOURCES = REPOSITORY / "lab" / "image"
_DEFAULT_SOURCES = (
    f"deb http://deb.debian.org/debian {SUITE} main\ndeb http://deb.debian.org/debian-security {SUITE}-security main\n"
)
_EXCLUDED = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
_ENABLED = (
    "systemd-networkd",
    "systemd-network-generator",
    "ssh",
    "lldpd",
    "lab-seed",
    "lab-nics",
    "fabric-agent",
    "lab-cloud-init-local",
    "lab-cloud-init",
    "standin-installer",
)
_DISABLED = ("containerd",)
_MASKED = (
    "systemd-networkd-wait-online.service",
    "getty@tty1.service",
    "systemd-timesyncd.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "dpkg-db-backup.timer",
    # nothing of these exists in a virtual machine of this kind
    "modprobe@dm_mod.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "modprobe@loop.service",
    "modprobe@configfs.service",
    "sys-kernel-config.mount",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-binfmt.service",
    "proc-sys-fs-binfmt_misc.automount",
    "systemd-pstore.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "dev-hugepages.mount",
)
# They find nothing in such a machine, and each costs half a second whenever systemd reloads.
_GENERATORS = Path("etc/systemd/system-generators")
_MASKED_GENERATORS = (
    "cryptsetup",
    "debug",
    "getty",
    "gpt-auto",
    "hibernate-resume",
    "integritysetup",
    "rc-local",
    "run",
    "system-update",
    "sysv",
    "veritysetup",
)

Progress = Callable[[str], None]


def packages(text: str) -> list[str]:
    """The package names of a package list."""
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def apt_sources(etc_apt: Path = Path("/etc/apt")) -> str:
    """The machine's own Debian sources of the image's release, or the public mirror where it has none."""
    found: list[str] = []
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*.list"))]:
        if path.is_file():
            found += [
                line
                for line in path.read_text().splitlines()
                if re.match(rf"deb\s.*\s{SUITE}[-\w]*\s+(\S+\s+)*main\b", line)
            ]
    for path in sorted((etc_apt / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
            fields = {key.strip().lower(): value.split() for key, _, value in (line.partition(":") for line in lines)}
            suites = fields.get("suites", [])
            if suites and all(suite.startswith(SUITE) for suite in suites) and "main" in fields.get("components", []):
                found.append("\n".join(lines) + "\n")
    # one-line entries and stanzas cannot share one list
    stanzas = [entry for entry in found if not entry.startswith("deb")]
    return ("\n".join(stanzas) if stanzas else "\n".join(found) + "\n") if found else _DEFAULT_SOURCES


def _digest(*parts: bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:16]


def _tree(root: Path) -> bytes:
    """Names, modes and contents of a tree, in one order."""
    entries = []
    for path in sorted(root.rglob("*")):
        if path.is_file():
            mode = stat.S_IMODE(path.stat().st_mode) & 0o111
            entries.append(f"{path.relative_to(root)} {mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return "\n".join(entries).encode()


@contextlib.contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Only one process at a time builds or removes what is in a directory of the cache."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def ensure(modules: Path, progress: Progress) -> Path:
    """The disk image of the current recipe with a kernel's modules, built when it is not in the cache."""
    directory = cache_dir() / "image"
    package_list, sources = (IMAGE_SOURCES / "packages.txt").read_text(), apt_sources()
    tar_key = _digest(
        SUITE.encode(), "\n".join(packages(package_list)).encode(), sources.encode(), repr(_EXCLUDED).encode()
    )
    recipe = repr((DISK_SIZE, _ENABLED, _DISABLED, _MASKED, _MASKED_GENERATORS)).encode()
    disk_key = _digest(tar_key.encode(), recipe, _tree(modules), _tree(IMAGE_SOURCES / "files"))
    disk = directory / f"base-{disk_key}.ext4"
    if disk.exists():
        return disk
    with exclusive(directory):
        if disk.exists():
            return disk
        tar = directory / f"packages-{tar_key}.tar"
        if not tar.exists():
            progress(
                f"installing {len(packages(package_list))} packages and what they need into the image (mmdebstrap)"
            )
            _build_tar(tar, package_list, sources)
        progress("making the disk of the image")
        _build_disk(disk, tar, modules)
        for old in directory.glob("packages-*.tar"):
            if old != tar:
                old.unlink()
    return disk


def _build_tar(tar: Path, package_list: str, sources: str) -> None:
    new = tar.with_name("new-" + tar.name)
    options = ['--aptopt=APT::Install-Recommends "false"'] + [f"--dpkgopt=path-exclude={path}" for path in _EXCLUDED]
    include = ",".join(packages(package_list))
    run(
        ["mmdebstrap", "--variant=minbase", f"--include={include}", *options, SUITE, str(new), "-"],
        sources,
        timeout=1800,
    )
    new.replace(tar)


def _build_disk(disk: Path, tar: Path, modules: Path) -> None:
    root = disk.with_name("new-root")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(mode=0o755)
    new = disk.with_name("new-" + disk.name)
    new.unlink(missing_ok=True)
    try:
        run(["tar", "-C", str(root), "--numeric-owner", "-xf", str(tar)])
        shutil.copytree(modules, root / "lib" / "modules" / modules.name, symlinks=True)
        run(["chroot", str(root), "depmod", modules.name])
        _install_files(root)
        run(["chroot", str(root), "systemctl", "-q", "enable", *_ENABLED])
        run(["chroot", str(root), "systemctl", "-q", "disable", *_DISABLED])
        run(["chroot", str(root), "systemctl", "-q", "mask", *_MASKED])
        (root / _GENERATORS).mkdir(parents=True, exist_ok=True)
        for name in _MASKED_GENERATORS:
            (root / _GENERATORS / f"systemd-{name}-generator").symlink_to("/dev/null")
        for program in ("iptables", "ip6tables"):
            # this kernel's nf_tables has no IPv4 and IPv6 families
            run(["chroot", str(root), "update-alternatives", "--set", program, f"/usr/sbin/{program}-legacy"])
        # no lazy initialisation: it would write the whole inode table into every VM's copy-on-write file
        options = ["-E", "lazy_itable_init=0,lazy_journal_init=0", "-J", "size=32"]
        run(["mkfs.ext4", "-q", "-F", "-L", "base", *options, "-d", str(root), str(new), DISK_SIZE])
        new.replace(disk)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _install_files(root: Path) -> None:
    for key in root.glob("etc/ssh/ssh_host_*"):
        key.unlink()  # each machine gets its own from its lab
    for source in sorted((IMAGE_SOURCES / "files").rglob("*")):
        target = root / source.relative_to(IMAGE_SOURCES / "files")
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o755 if source.stat().st_mode & 0o111 else 0o644)


def prune(keep: set[Path]) -> None:
    """Remove disks of former recipes that no lab uses."""
    directory = cache_dir() / "image"
    with exclusive(directory):
        for disk in directory.glob("base-*.ext4"):
            if disk not in keep:
                disk.unlink()
