"""``python -m fabric_lab.bmc LAB``: one Redfish service with a system and a manager per server, until it is ended.

It is sushy-tools' emulator with a driver of our own. The emulator chooses among the drivers that it brings along and
has no place to name another, so the application's one property is replaced here, and nothing else of it.
"""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any

import bcrypt
import flask
from sushy_tools.emulator import main as emulator

from fabric_lab import state
from fabric_lab.bmc.driver import LabDriver
from fabric_lab.bmc.settings import PORT, TICKET, USERNAME, password_from_environment
from fabric_lab.rack import keys, topology
from fabric_lab.state import Lab, LabError


def _auth_file(path: Path) -> Path:
    hashed = bcrypt.hashpw(password_from_environment().encode(), bcrypt.gensalt(rounds=4)).decode()
    state.write_private(path, f"{USERNAME}:{hashed}\n")
    return path


def application(lab: Lab, driver: LabDriver) -> Any:
    """The emulator's application for a lab, which has one of them per process."""
    directory = lab.run_directory / "bmc"
    directory.mkdir(mode=0o700, exist_ok=True)
    emulator.Application.systems = property(lambda _app: driver)
    # the stand-in for an installer's medium is nobody's secret, and a BMC fetches media without a login
    middleware = emulator.RedfishAuthMiddleware
    middleware._EXCLUDE_PATHS = frozenset({*middleware._EXCLUDE_PATHS, TICKET.name})
    app = emulator.app
    app.configure(
        extra_config={
            "SUSHY_EMULATOR_AUTH_FILE": str(_auth_file(directory / "auth")),
            "SUSHY_EMULATOR_STATE_DIR": str(directory),
        }
    )
    app.add_url_rule(f"/{TICKET.name}", "ticket", lambda: flask.send_file(TICKET, download_name=TICKET.name))
    return app


def main(name: str) -> int:
    lab = state.load(name)
    if lab is None:
        raise LabError(f"there is no lab named {name!r}")
    app = application(lab, LabDriver(lab))
    certificate, key = keys.ensure_tls(lab)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    app.run(host=topology.operator_address(lab), port=PORT, ssl_context=context, threaded=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
