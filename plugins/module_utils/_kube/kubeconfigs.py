"""Kubeconfigs as files that nobody else can read."""

from __future__ import annotations

import base64
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import yaml_text
from .errors import KubeError

_MODE = 0o600
_DIRECTORY_MODE = 0o700
_LEFT = "and is left as it is: name another path, or move the file away"


def write(directory: Path, files: dict[str, str], *, dry_run: bool = False) -> list[str]:
    """Make the files of a directory, by name, what they should be; the names of those that were not."""
    stale = sorted(name for name, text in files.items() if not _current(directory / name, text))
    if stale and not dry_run:
        try:
            directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            for name in stale:
                _replace(directory / name, files[name])
        except OSError as error:
            raise KubeError(f"the kubeconfigs cannot be written to {directory}: {error.strerror}") from error
    return stale


def told(actions: list[str]) -> dict[str, Any]:
    """What a module returns that has done, or would do, these things."""
    diff = {"before": "", "after": "".join(f"{each}\n" for each in actions)}
    return {"changed": bool(actions), "actions": actions, "diff": diff}


def _current(path: Path, text: str) -> bool:
    try:
        return path.stat().st_mode & 0o777 == _MODE and path.read_text(encoding="utf-8") == text
    except OSError:
        return False


def _replace(path: Path, text: str) -> None:
    """A reader finds the old file or the new one, and either is private from its first byte on."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class Kubeconfig:
    """A file, and by what it is known whose it is."""

    text: str
    #: By name.
    contexts: list[str]
    #: The name of its only user, and the authority of its only cluster in PEM; None without, or where it is unreadable.
    user: str | None
    authority: str | None


def read(path: Path) -> Kubeconfig | None:
    """None if there is no file; an empty one has no contexts. KubeError for what is no kubeconfig."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KubeError(f"path: {path} cannot be read ({error.strerror}), {_LEFT}") from error
    except ValueError as error:
        raise KubeError(f"path: {path} is no text, {_LEFT}") from error
    if not text.strip():
        return Kubeconfig(text, [], None, None)
    try:
        config = yaml_text.load(text)
        contexts = [str(each["name"]) for each in config["contexts"]]
    except (ValueError, LookupError, TypeError) as error:
        raise KubeError(f"path: {path} is no kubeconfig, {_LEFT}") from error
    return Kubeconfig(text, contexts, _user(config), _authority(config))


def _user(config: dict[str, Any]) -> str | None:
    try:
        (user,) = config["users"]
        return str(user["name"])
    except (ValueError, LookupError, TypeError):
        return None


def _authority(config: dict[str, Any]) -> str | None:
    try:
        (cluster,) = config["clusters"]
        return base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode("ascii")
    except (ValueError, LookupError, TypeError):
        return None


def own(path: Path, context: str) -> str | None:
    """The text of a kubeconfig that is ours, which may be empty; None if there is no file.

    Raises KubeError if it holds anything but the one context that is ours. A path that is somebody's own kubeconfig, by
    mistake, would otherwise cost them all of their clusters.
    """
    found = read(path)
    if found is None:
        return None
    if found.text.strip() and found.contexts != [context]:
        held = ", ".join(found.contexts) or "no context"
        raise KubeError(f"path: {path} has {held} in it, not {context} alone, {_LEFT}")
    return found.text


def remove(path: Path, context: str, *, dry_run: bool) -> list[str]:
    """The file goes if it is ours, or KubeError; what was, or would be, done."""
    return [] if own(path, context) is None else delete(path, dry_run=dry_run)


def delete(path: Path, *, dry_run: bool) -> list[str]:
    """For a file that is known to be ours; what was, or would be, done."""
    if not dry_run:
        path.unlink()
    return [f"kubeconfig {path} removed"]


def alone(path: Path, context: str | None = None) -> str:
    """One context of a kubeconfig, which becomes the current one, as the text of a file of its own.

    For programs that go by the current context and write to the file they read: what they are given is a copy. Paths
    in it are absolute, since they count from where the file is.
    """
    try:
        config = yaml_text.load(path.read_text(encoding="utf-8"))
        name = context or config["current-context"]
        chosen = _named(config, "contexts", name, "context")
        cluster = _absolute(_named(config, "clusters", chosen["cluster"], "cluster"), path, "certificate-authority")
        user = _named(config, "users", chosen["user"], "user")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KubeError(f"kubeconfig {path} has no usable context {context or '(the current one)'}: {error}") from error
    user = _absolute(user, path, "client-certificate", "client-key", "tokenFile")
    if isinstance(user.get("exec"), dict) and "/" in str(user["exec"].get("command", "")):
        user = {**user, "exec": _absolute(user["exec"], path, "command")}
    return yaml_text.dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": chosen}],
            "clusters": [{"name": chosen["cluster"], "cluster": cluster}],
            "users": [{"name": chosen["user"], "user": user}],
        }
    )


def _named(config: dict[str, Any], group: str, name: str, key: str) -> dict[str, Any]:
    for entry in config.get(group) or []:
        if entry["name"] == name:
            return dict(entry[key])
    raise KeyError(f"{name} is none of its {group}")


def _absolute(entry: dict[str, Any], path: Path, *keys: str) -> dict[str, Any]:
    base = path.absolute().parent
    return {key: str(base / value) if key in keys and value else value for key, value in entry.items()}
