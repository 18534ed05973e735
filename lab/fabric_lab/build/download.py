"""Fetch a published program and prove that it is the one meant."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from fabric_lab.build.components import Release

PINS = Path(__file__).with_name("checksums.json")
_CONNECT_TIMEOUT = 5
_READ_TIMEOUT = 60


class DownloadError(Exception):
    """The file cannot be had, or is not the one meant."""


def pins(path: Path = PINS) -> dict[str, str]:
    """Checksums that were decided on beforehand, by URL."""
    data: dict[str, str] = json.loads(path.read_text())
    return data


def reachable(url: str) -> bool:
    """Whether the publisher answers at all. Looks through a proxy when the environment names one."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_CONNECT_TIMEOUT):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500 and error.code not in (403, 407)
    except (urllib.error.URLError, TimeoutError, socket.gaierror, ConnectionError):
        return False


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_READ_TIMEOUT) as response:
            body: bytes = response.read()
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DownloadError(f"{url}: {error}") from error
    return body


def published_checksum(text: str, url: str) -> str:
    """The SHA-256 of ``url`` from a checksum file: a bare value, or lines of value and file name."""
    name = Path(urlsplit(url).path).name
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for fields in lines:
        if len(fields[0]) == 64 and (len(fields) == 1 or Path(fields[-1].lstrip("*")).name == name):
            return fields[0].lower()
    raise DownloadError(f"no SHA-256 of {name} in its publisher's checksum file")


def fetch(release: Release, pinned: dict[str, str] | None = None) -> bytes:
    """The program's bytes. A pinned checksum decides alone; without one the publisher's own file must agree."""
    known = pins() if pinned is None else pinned
    content = _get(release.url)
    expected = known.get(release.url) or published_checksum(_get(release.checksum).decode(), release.url)
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected.lower():
        raise DownloadError(f"{release.url}: SHA-256 is {actual}, expected {expected}")
    return _member(content, release) if release.member else content


def _member(content: bytes, release: Release) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            if member.isfile() and member.name.removeprefix("./") == release.member:
                stream = archive.extractfile(member)
                if stream is not None:
                    return stream.read()
    raise DownloadError(f"{release.url}: no {release.member} inside")
