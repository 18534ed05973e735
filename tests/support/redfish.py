"""A Redfish service for tests: sushy-tools' emulator with its own fake driver, and a stand-in for the server behind.

    python -m tests.support.redfish DIRECTORY PORT

serves one system, `standin`, by HTTPS with a certificate (DIRECTORY/ca.pem), until the directory goes.
The stand-in does what an installer would be seen to do: powered on with both media in and Cd chosen, it fetches the
medium with the data from where it was inserted, keeps a copy as DIRECTORY/seen.img, and powers off.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import urllib.request
from pathlib import Path

import bcrypt
from sushy_tools.emulator import main as emulator

from tests.support import certificates

USERNAME, PASSWORD = "fabric", "a-password-of-the-tests"
SYSTEM = "5d1a1c1e-0000-4000-8000-000000000001"


def play_server(directory: Path) -> None:
    """The server behind the emulator, once: what is inserted is read, then it is off."""
    systems, media = emulator.app.systems, emulator.app.vmedia
    while directory.exists():
        time.sleep(0.2)
        data = media.get_device_image_info(SYSTEM, "Floppy")
        installer = media.get_device_image_info(SYSTEM, "Cd")
        ready = data.inserted and installer.inserted and systems.get_boot_device(SYSTEM) == "Cd"
        if ready and systems.get_power_state(SYSTEM) == "On":
            with urllib.request.urlopen(data.image_url, timeout=10) as answer:
                (directory / "seen.img").write_bytes(answer.read())
            time.sleep(2)  # an installation takes longer than a look at the power
            systems.set_power_state(SYSTEM, "ForceOff")
            while systems.get_power_state(SYSTEM) == "On":
                time.sleep(0.2)


def watch(directory: Path) -> None:
    """Whoever has no directory any more has nobody who asks."""
    while directory.exists():
        time.sleep(0.5)
    os._exit(0)


def main(directory: Path, port: int) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds=4)).decode()
    (directory / "auth").write_text(f"{USERNAME}:{hashed}\n")
    app = emulator.app
    app.configure(
        extra_config={
            "SUSHY_EMULATOR_FAKE_DRIVER": True,
            "SUSHY_EMULATOR_FAKE_SYSTEMS": [
                {"uuid": SYSTEM, "name": "standin", "power_state": "Off", "nics": [{"mac": "0c:42:a1:00:00:01"}]}
            ],
            "SUSHY_EMULATOR_AUTH_FILE": str(directory / "auth"),
            "SUSHY_EMULATOR_STATE_DIR": str(directory),
        }
    )
    for part in (watch, play_server):
        threading.Thread(target=part, args=(directory,), daemon=True).start()
    context, _ca = certificates.self_signed(directory, "redfish of the tests")
    app.run(host="127.0.0.1", port=port, ssl_context=context, threaded=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
