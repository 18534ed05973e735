# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""The layer under every netris_* module: options, errors, results. The only one that knows Ansible."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from .client import REQUESTS_IMPORT_ERROR, Client, Endpoint
from .document_schema import entry_options, parse_document, parse_single
from .errors import DocumentInvalid, NetrisError
from .executor import Executor, Options
from .noun import Document
from .nouns.registry import ALL, MANAGED
from .observe import Observer
from .result import document_result, shown

# Nouns whose objects become ready in the background.
WAITING = frozenset({"server_clusters"})


def connection_spec() -> dict[str, dict[str, Any]]:
    """Where the controller is; each option can come from the environment."""
    return {
        "url": {"type": "str", "required": True, "fallback": (env_fallback, ["NETRIS_URL"])},
        "username": {"type": "str", "required": True, "fallback": (env_fallback, ["NETRIS_USERNAME"])},
        "password": {"type": "str", "required": True, "no_log": True, "fallback": (env_fallback, ["NETRIS_PASSWORD"])},
        "validate_certs": {"type": "bool", "default": True, "fallback": (env_fallback, ["NETRIS_VALIDATE_CERTS"])},
        "ca_path": {"type": "path", "fallback": (env_fallback, ["NETRIS_CA_PATH"])},
        "timeout": {"type": "int", "default": 60, "fallback": (env_fallback, ["NETRIS_TIMEOUT"])},
    }


def wait_spec() -> dict[str, dict[str, Any]]:
    return {
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 600},
        "poll_interval": {"type": "int", "default": 5},
    }


def noun_argument_spec(key: str) -> dict[str, dict[str, Any]]:
    """Options of the module for one noun, from the noun's own declaration."""
    spec = {name: option.argument_spec() for name, option in entry_options(MANAGED[key]).items()}
    spec["state"]["default"] = "present"
    for name in ("adopt", "recreate", "if_unused"):
        spec[name]["default"] = False
    if not MANAGED[key].used_by:
        del spec["if_unused"]
    return {**connection_spec(), **spec, **(wait_spec() if key in WAITING else {})}


def document_argument_spec() -> dict[str, dict[str, Any]]:
    return {
        **connection_spec(),
        "document": {"type": "dict", "required": True},
        "purge": {"type": "list", "elements": "str", "default": []},
        **wait_spec(),
    }


def info_argument_spec() -> dict[str, dict[str, Any]]:
    return {
        **connection_spec(),
        "gather": {"type": "list", "elements": "str", "required": True, "choices": sorted(ALL)},
    }


def run_noun(module: AnsibleModule, key: str) -> None:
    """A single object is a document of one entry."""

    def work() -> dict[str, Any]:
        noun = MANAGED[key]
        raw = {name: module.params[name] for name in entry_options(noun) if name in module.params}
        if raw["state"] == "absent":
            # Ansible fills in what the user left out; only what tells objects apart matters for a removal.
            raw = {name: value for name, value in raw.items() if name != "recreate"}
        result = _run(module, parse_single(noun, raw), ())
        found = result["objects"].get(key) or [None]
        answer = {name: result[name] for name in ("changed", "plan", "diff", "requests")}
        if key in WAITING:
            answer["vnets"] = next((facts["vnets"] for facts in result["server_clusters"].values()), {})
        return {**answer, "object": found[0]}

    _guard(module, work)


def run_document(module: AnsibleModule) -> None:
    def work() -> dict[str, Any]:
        purge = module.params["purge"]
        return _run(module, parse_document(module.params["document"], purge), purge)

    _guard(module, work)


def run_info(module: AnsibleModule) -> None:
    def work() -> dict[str, Any]:
        client = _client(module.params)
        gather = module.params["gather"]
        wanted = set(gather) | ({"vnets"} if "sites" in gather else set())
        try:
            world = Observer(client, wanted).look()
        finally:
            client.close()
        lists = {key: [shown(ALL[key], record, world) for record in world.all(key)] for key in gather}
        return {"changed": False, **lists, "requests": client.requests.as_dict()}

    _guard(module, work)


def _run(module: AnsibleModule, document: Document, purge: list[str] | tuple[()]) -> dict[str, Any]:
    params = module.params
    options = Options(
        check_mode=module.check_mode,
        wait=params.get("wait", True),
        wait_timeout=params.get("wait_timeout", 600),
        poll_interval=params.get("poll_interval", 5),
        purge=purge,
    )
    client = _client(params)
    try:
        outcome = Executor(client, document, options, progress=module.debug).run()
    finally:
        client.close()
    for warning in outcome.warnings:
        module.warn(warning)
    return {**document_result(document, outcome, module.check_mode), "requests": client.requests.as_dict()}


def _client(params: Mapping[str, Any]) -> Client:
    return Client(
        Endpoint(
            url=params["url"],
            username=params["username"],
            password=params["password"],
            validate_certs=params["validate_certs"],
            ca_path=params["ca_path"],
            timeout=params["timeout"],
        )
    )


def _guard(module: AnsibleModule, work: Callable[[], dict[str, Any]]) -> None:
    """Every failure leaves as one clear message."""
    if REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(
            msg=missing_required_lib("requests"),
            exception="".join(traceback.format_exception(REQUESTS_IMPORT_ERROR)),
        )
    try:
        result = work()
    except DocumentInvalid as exc:
        module.fail_json(msg=str(exc), errors=[mistake.as_dict() for mistake in exc.mistakes])
    except NetrisError as exc:
        module.fail_json(msg=str(exc), error_kind=type(exc).__name__)
    module.exit_json(**result)
