#!/usr/bin/env python3
"""Stands in for vCluster's command line where the real one has not been built. Not vCluster.

Takes exactly the options of `vcluster create` and `vcluster delete` that the collection uses and refuses others, adds
to the values what the real one adds, and calls Helm as that does. With STANDIN_VCLUSTER_LOG it appends what it was told
and what it could see to that file, a line of JSON for each call.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path


def flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="standin-vcluster")
    top.add_argument("--version", action="version", version="vcluster version 0.36.1")
    commands = top.add_subparsers(dest="command", required=True)
    for name in ("create", "delete"):
        one = commands.add_parser(name, allow_abbrev=False)
        one.add_argument("name")
        one.add_argument("--namespace", required=True)
        one.add_argument("--config", required=True)
        one.add_argument("--driver", choices=["helm", "platform", "docker"], required=True)
    create, delete = commands.choices["create"], commands.choices["delete"]
    create.add_argument("--upgrade", action="store_true")
    for name in ("connect", "background-proxy", "add", "expose-local"):
        create.add_argument(f"--{name}", type=flag, default=True)
    for name in ("values", "local-chart-dir", "chart-name", "chart-repo", "chart-version"):
        create.add_argument(f"--{name}")
    for name in ("keep-pvc", "ignore-not-found"):
        delete.add_argument(f"--{name}", action="store_true")
    delete.add_argument("--auto-delete-namespace", type=flag, default=True)
    return top


def helm(*arguments: str) -> str:
    program = shutil.which("helm")
    if program is None:
        raise SystemExit("no Helm: the real one would download it now")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"helm {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def deployed(name: str, namespace: str) -> bool:
    found = json.loads(helm("list", "--namespace", namespace, "--all", "--output", "json"))
    return any(each["name"] == name and each["status"] == "deployed" for each in found)


def create(told: argparse.Namespace) -> None:
    if told.connect or told.add:
        raise SystemExit("would connect, or ask for a login")
    try:
        base64.b64decode(told.values, validate=True)
    except binascii.Error:
        pass
    else:
        raise SystemExit("takes the path of the values for values")
    if Path(told.chart_name or "vcluster").exists():
        raise SystemExit("aborts where a file is called as the chart")
    if not told.upgrade and deployed(told.name, told.namespace):
        raise SystemExit(f"vcluster {told.name} already exists in namespace {told.namespace}")
    state = json.loads(Path(told.config).read_text())
    telemetry = {"enabled": False} if state.get("telemetryDisabled") else {"instanceCreator": "standin-vcluster"}
    added = Path(told.config).with_name("added.json")
    added.write_text(json.dumps({"telemetry": telemetry}))
    where = [told.local_chart_dir] if told.local_chart_dir else [told.chart_name, "--repo", told.chart_repo]
    version = ["--version", told.chart_version] if told.chart_version else []
    common = ["--namespace", told.namespace, "--values", str(added), "--values", told.values]
    helm("upgrade", told.name, *where, *version, "--install", *common)


def delete(told: argparse.Namespace) -> None:
    if told.auto_delete_namespace or not told.keep_pvc:
        raise SystemExit("would delete what is not its own")
    if deployed(told.name, told.namespace):
        helm("uninstall", told.name, "--namespace", told.namespace)
    elif not told.ignore_not_found:
        raise SystemExit(f"couldn't find vcluster {told.name}")


def note(told: argparse.Namespace) -> None:
    log = os.environ.get("STANDIN_VCLUSTER_LOG")
    if not log:
        return
    files = [path for path in Path.cwd().iterdir() if path.is_file()]
    seen = {
        "argv": sys.argv[1:],
        "terminal": sys.stdin.isatty(),
        "directory": str(Path.cwd()),
        "kubeconfig": os.environ["KUBECONFIG"],
        "version_check": os.environ.get("VCLUSTER_SKIP_VERSION_CHECK") != "true",
        "modes": {path.name: oct(path.stat().st_mode & 0o777) for path in [*files, Path.cwd()]},
        "values": getattr(told, "values", None) and Path(told.values).read_text(),
    }
    with Path(log).open("a") as handle:
        handle.write(json.dumps(seen) + "\n")


def main() -> None:
    told = parser().parse_args()
    note(told)
    {"create": create, "delete": delete}[told.command](told)


if __name__ == "__main__":
    main()
