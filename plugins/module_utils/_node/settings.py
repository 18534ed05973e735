"""What a server's kubelet and container runtime are told beyond what the join script says: options, and the proxy.

Everything lies outside of what the join script's reset removes, or is written again after it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from . import kubelet
from .state import DIRECTORY, NOTES, notes, update_notes, write_private
from .system import System

#: The kubelet merges the files of this directory, in order of their names, into its configuration.
DROPIN_DIRECTORY = DIRECTORY + "/kubelet.conf.d"
DROPIN = DROPIN_DIRECTORY + "/50-baremetal.fabric.conf"
#: Credentials may be in it, and anybody can ask systemd for a unit's Environment=, so it is a file of root's.
PROXY_ENVIRONMENT = DIRECTORY + "/proxy.env"
PROXY_UNITS = ("containerd", "kubelet")
_PROXY_NAMES = (("http_proxy", "HTTP_PROXY"), ("https_proxy", "HTTPS_PROXY"), ("no_proxy", "NO_PROXY"))


class Settings(NamedTuple):
    """What the inventory says of one server."""

    arguments: tuple[str, ...] = ()
    config: dict[str, Any] = {}
    proxy: dict[str, str] = {}


def options() -> dict[str, Any]:
    """Options of the modules that are about a server's settings."""
    return {
        "kubelet_arguments": {"type": "list", "elements": "str", "default": []},
        "kubelet_config": {"type": "dict", "default": {}},
        "proxy": {
            "type": "dict",
            "options": {
                "http_proxy": {"type": "str", "no_log": True},
                "https_proxy": {"type": "str", "no_log": True},
                "no_proxy": {"type": "str"},
            },
        },
    }


def of_params(params: dict[str, Any]) -> Settings:
    proxy = {key: str(value) for key, value in (params.get("proxy") or {}).items() if value}
    return Settings(tuple(params["kubelet_arguments"]), params["kubelet_config"], proxy)


def environment(proxy: dict[str, str]) -> dict[str, str]:
    """The variables that programs look at, in both spellings: curl knows the one, Go the other."""
    found = {}
    for option, name in _PROXY_NAMES:
        if proxy.get(option):
            found[name] = found[name.lower()] = proxy[option]
    return found


def differing(system: System, wanted: Settings) -> list[str]:
    """What of the settings is not as wanted, in words."""
    found = []
    if (
        _arguments_noted(system) != list(wanted.arguments)
        or not kubelet.has_arguments(system, _all_arguments(wanted))
        # A kubelet that is told of a directory which is gone does not start.
        or (not wanted.config and kubelet.has_arguments(system, _dropin_argument(True)))
    ):
        found.append("kubelet arguments")
    if _read(system.path(DROPIN)) != _dropin_text(wanted.config):
        found.append("kubelet configuration")
    if any(_read(system.path(path)) != text for path, text in _proxy_files(wanted.proxy).items()):
        found.append("proxy")
    return found


def apply(system: System, wanted: Settings) -> list[str]:
    """Writes what differs and says what that was; nothing is restarted."""
    changed = differing(system, wanted)
    if "kubelet configuration" in changed:
        _write(system, DROPIN, _dropin_text(wanted.config))
        if not wanted.config and system.path(DROPIN_DIRECTORY).is_dir():
            system.path(DROPIN_DIRECTORY).rmdir()
    if "kubelet arguments" in changed:
        before = [*_arguments_noted(system), *_dropin_argument(True)]
        kubelet.replace_arguments(system, before, _all_arguments(wanted))
        update_notes(system, kubelet_arguments=list(wanted.arguments))
    if "proxy" in changed:
        for path, text in _proxy_files(wanted.proxy).items():
            _write(system, path, text)
        system.run("systemctl", "daemon-reload")
    return changed


def restart(system: System, changed: list[str]) -> None:
    """Pods go on while these restart."""
    if "proxy" in changed and system.run("systemctl", "is-active", "--quiet", "containerd").code == 0:
        system.run("systemctl", "restart", "containerd", timeout=120)
    if changed:
        system.run("systemctl", "restart", "kubelet", timeout=120)


def snapshot(system: System) -> dict[str, str | None]:
    """All files that settings are made of, as they are."""
    ours = [DROPIN, NOTES, *_proxy_files({}), "/" + str(kubelet.environment_file(system).relative_to(system.root))]
    return {path: _read(system.path(path)) for path in ours}


def restore(system: System, before: dict[str, str | None]) -> None:
    for path, text in before.items():
        _write(system, path, text)
    system.run("systemctl", "daemon-reload")


def remove(system: System) -> None:
    """As before the first join."""
    apply(system, Settings())


def files(system: System) -> list[str]:
    """Files of ours that are there."""
    ours = [DROPIN, *_proxy_files({})]
    return [path for path in ours if system.path(path).exists()]


def _all_arguments(wanted: Settings) -> list[str]:
    return [*wanted.arguments, *_dropin_argument(bool(wanted.config))]


def _dropin_argument(used: bool) -> list[str]:
    return ["--config-dir=" + DROPIN_DIRECTORY] if used else []


def _arguments_noted(system: System) -> list[str]:
    return [str(each) for each in notes(system).get("kubelet_arguments") or ()]


def _dropin_text(config: dict[str, Any]) -> str | None:
    if not config:
        return None
    head = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    return json.dumps({**head, **config}, indent=2, sort_keys=True) + "\n"


def _proxy_files(proxy: dict[str, str]) -> dict[str, str | None]:
    variables = environment(proxy)
    lines = "".join(f'{name}="{_quoted(value)}"\n' for name, value in sorted(variables.items()))
    unit = f"[Service]\nEnvironmentFile=-{PROXY_ENVIRONMENT}\n" if variables else None
    paths = {f"/etc/systemd/system/{name}.service.d/50-baremetal.fabric-proxy.conf": unit for name in PROXY_UNITS}
    return {PROXY_ENVIRONMENT: lines or None, **paths}


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _write(system: System, absolute: str, text: str | None) -> None:
    path = system.path(absolute)
    if text is None:
        if path.exists():
            path.unlink()
    elif absolute.startswith(DIRECTORY):
        write_private(path, text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
