# SPDX-License-Identifier: Apache-2.0
"""What an installer is given for one server: documents by file name, and a medium with the label CIDATA."""

from __future__ import annotations

import io
import traceback
from collections.abc import Mapping
from dataclasses import replace

from . import autoinstall, files, preseed
from .model import Installation

try:
    import pycdlib
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None

LABEL = "CIDATA"
UBUNTU = "ubuntu"
DEBIAN = "debian"
_HIDDEN = "(hidden)"


def documents(wanted: Installation) -> dict[str, str]:
    """The files by name, as cloud-init's NoCloud data source and debian-installer ask for them."""
    if wanted.distribution == DEBIAN:
        return {"preseed.cfg": preseed.preseed(wanted), "early.sh": preseed.early_script(wanted)}
    return {
        "meta-data": autoinstall.meta_data(wanted),
        "user-data": autoinstall.user_data(wanted),
        # NoCloud warns when it is not there
        "vendor-data": "",
    }


def shown(wanted: Installation) -> dict[str, str]:
    """The documents for people to see."""
    key = replace(wanted.host_key, private=_HIDDEN) if wanted.host_key else None
    password = _HIDDEN if wanted.password_hash else ""
    hidden = replace(wanted, host_key=key, password_hash=password)
    # the installers get these files encoded, which nobody can read
    return {**documents(hidden), **{file.path: file.text for file in files.of(hidden)}}


def medium(contents: Mapping[str, str]) -> bytes:
    """An ISO 9660 image of the documents, with the names that they have (Rock Ridge and Joliet)."""
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, vol_ident=LABEL, rock_ridge="1.09", joliet=3)
    for number, (name, text) in enumerate(sorted(contents.items())):
        data = text.encode()
        image.add_fp(
            io.BytesIO(data), len(data), f"/FILE{number}.;1", rr_name=name, joliet_path=f"/{name}", file_mode=0o100400
        )
    written = io.BytesIO()
    image.write_fp(written)
    image.close()
    return written.getvalue()
