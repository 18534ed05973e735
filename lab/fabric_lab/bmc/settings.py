"""Where the BMCs answer, who may ask them, and as what process of the lab they run."""

from __future__ import annotations

import os
import sys

from fabric_lab.rack import keys, topology
from fabric_lab.state import REPOSITORY, Lab
from fabric_lab.supervisor.spec import ProcessSpec

NAME = "bmc"
PORT = 8444
USERNAME = "fabric"
#: What has to be in a server's drive for it to boot the stand-in installer. It holds no program: user-mode-linux boots
#: from no medium, so the power switch starts the base image as the installer's system when it finds this one inserted.
TICKET = REPOSITORY / "lab" / "rack" / "standin-installer.iso"
_PASSWORD = "FABRIC_BMC_PASSWORD"


def url(lab: Lab) -> str:
    return f"https://{topology.operator_address(lab)}:{PORT}"


def password(lab: Lab) -> str:
    return keys.secret(lab, "bmc_password")


def password_from_environment() -> str:
    return os.environ[_PASSWORD]


def process(lab: Lab) -> ProcessSpec:
    """The BMCs' process. The secret goes by environment: a command line can be read by everybody."""
    environment = {"PYTHONPATH": str(REPOSITORY / "lab"), _PASSWORD: password(lab), "TMPDIR": str(lab.run_directory)}
    if cache := os.environ.get("FABRIC_CACHE"):
        environment["FABRIC_CACHE"] = cache
    return ProcessSpec(
        name=NAME,
        argv=[sys.executable, "-m", "fabric_lab.bmc", lab.name],
        env=environment,
        log=str(lab.log_directory / "bmc.log"),
    )
