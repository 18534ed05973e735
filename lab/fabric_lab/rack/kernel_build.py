"""Build the machines' kernel from Debian's kernel source, once per recipe.

The source is the newest that a suite of Debian has, fetched and verified by apt with lists of its own: this machine's
package management learns nothing of that suite.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from fabric_lab.rack import requirements
from fabric_lab.rack.image import apt_sources, exclusive
from fabric_lab.run import run
from fabric_lab.state import REPOSITORY, LabError, cache_dir

_RECIPE = REPOSITORY / "lab" / "kernel"
CONFIG = _RECIPE / "config"
# the oldest suite whose kernel can use seccomp for its processes (Linux 6.16)
SUITE = "forky"
SOURCE = "linux-source"
PROGRAMS = {
    "bc": "bc",
    "bison": "bison",
    "flex": "flex",
    "gcc": "build-essential",
    "make": "make",
    "patch": "patch",
    "xz": "xz-utils",
}
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# half of the source is drivers for hardware that a virtual machine has not; their Kconfig files are read all the same
_LEFT_OUT = (
    *(f"*/drivers/{name}/*.[ch]" for name in ("accel", "gpu", "iio", "infiniband", "media", "scsi", "staging", "usb")),
    "*/drivers/net/ethernet/*.[ch]",
    "*/drivers/net/wireless/*.[ch]",
    "*/arch/[a-tvwyz]*/*.[chS]",
    "*/arch/*/boot/dts/*",
    "*/Documentation/*/*",
    "*/sound/*.[ch]",
    "*/tools/perf/*",
    "*/tools/testing/*",
)

Progress = Callable[[str], None]


def directory() -> Path:
    return cache_dir() / "kernel"


def wishes(text: str) -> list[str]:
    """The settings of a configuration fragment."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def refused(text: str, configuration: str) -> list[str]:
    """The settings of the fragment that are not in the kernel's configuration."""
    granted = set(configuration.splitlines())
    return [wish for wish in wishes(text) if wish not in granted]


def apt_source(sources: str, suite: str) -> str:
    """One line that names the suite on the mirror of these sources."""
    found = re.search(r"https?://\S+|mirror\+\S+", sources)
    if found is None:
        raise LabError("no Debian mirror in this machine's apt sources")
    option = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    return f"deb {option}{found.group()} {suite} main\n"


def ensure(progress: Progress) -> Path:
    """The directory of the built kernel: ``linux`` and ``modules/<release>``."""
    target = _target()
    if target.exists():
        return target
    with exclusive(directory()):
        if not target.exists():
            for package in requirements.ensure(PROGRAMS):
                progress(f"installed the Debian package {package}")
            _build(target, progress)
    return target


def patches() -> list[Path]:
    """What is mended in the source, in the order it is applied in."""
    return sorted(_RECIPE.glob("*.patch"))


def _target() -> Path:
    texts = [SUITE, *(path.read_text() for path in [CONFIG, *patches()])]
    recipe = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    return directory() / recipe


def prune(keep: set[Path]) -> None:
    """Remove kernels of former recipes that no lab uses."""
    with exclusive(directory()):
        for kernel in directory().iterdir():
            if kernel.is_dir() and kernel not in {*keep, _target()}:
                shutil.rmtree(kernel)


def _build(target: Path, progress: Progress) -> None:
    work = directory() / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    archive = _download(work, progress)
    tree, output, new = work / "tree", work / "out", work / "new"
    for path in (tree, output, new):
        path.mkdir()
    progress(f"unpacking {archive.name}")
    exclude = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
    run(["tar", "-C", str(tree), "--strip-components=1", "-xf", str(archive), "--wildcards", *exclude])
    _mend(tree, progress)
    make = ["nice", "-n", "10", "make", "-s", "-C", str(tree), "ARCH=um", f"O={output}"]
    fragment = work / "fragment"
    fragment.write_text("\n".join(wishes(CONFIG.read_text())) + "\n")
    run([*make, f"KCONFIG_ALLCONFIG={fragment}", "allnoconfig"])
    if denied := refused(CONFIG.read_text(), (output / ".config").read_text()):
        raise LabError(f"{archive.name} refuses {', '.join(denied)} of {CONFIG.name}")
    progress("compiling the machines' kernel, once (minutes)")
    run([*make, "-j", str(min(2, os.cpu_count() or 1))], timeout=3600)
    run([*make, f"INSTALL_MOD_PATH={new}", "modules_install"])
    (modules,) = (new / "lib/modules").iterdir()
    for link in ("build", "source"):
        (modules / link).unlink(missing_ok=True)
    (new / "modules").mkdir()
    modules.rename(new / "modules" / modules.name)
    shutil.rmtree(new / "lib")
    run(["strip", "-o", str(new / "linux"), str(output / "linux")])
    new.rename(target)
    shutil.rmtree(work)


def _mend(tree: Path, progress: Progress) -> None:
    """Apply our patches. One that does not fit is told and left out: a newer source may have taken it up."""
    for patch in patches():
        command = ["patch", "--directory", str(tree), "--strip=1", "--forward", "--batch", "--input", str(patch)]
        try:
            run([*command, "--dry-run"])
        except LabError as error:
            progress(f"{patch.name} does not fit this source and is left out: {error}")
        else:
            progress(f"mending the source by {patch.name}")
            run(command)


def _download(work: Path, progress: Progress) -> Path:
    """The archive of the suite's kernel source."""
    (work / "lists/partial").mkdir(parents=True)
    (work / "archives/partial").mkdir(parents=True)
    (work / "sources.list").write_text(apt_source(apt_sources(), SUITE))
    settings = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": work / "lists",
        "Dir::Cache": work,
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    options = [argument for name, value in settings.items() for argument in ("-o", f"{name}={value}")]
    progress(f"fetching the kernel source of Debian {SUITE}")
    run(["apt-get", *options, "-qq", "update"])
    depends = run(["apt-cache", *options, "depends", "--important", SOURCE])
    found = re.search(rf"Depends: ({SOURCE}-\S+)", depends)
    if found is None:
        raise LabError(f"Debian {SUITE} has no {SOURCE}")
    run(["apt-get", *options, "-qq", "download", found.group(1)], timeout=1800, directory=work)
    (package,) = work.glob("*.deb")
    run(["dpkg-deb", "-x", str(package), str(work / "package")])
    (archive,) = (work / "package/usr/src").glob("*.tar.*")
    return archive
