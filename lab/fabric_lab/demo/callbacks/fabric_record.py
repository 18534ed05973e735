"""An Ansible callback that writes what happens, as it happens, as JSON lines to the file $FABRIC_RECORD.

Ansible's own JSON output comes only at the end, and not at all from a run that is killed.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, TextIO

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: fabric_record
type: notification
short_description: Write events as JSON lines
description: Used by the lab's demo and the end-to-end tests.
requirements:
  - FABRIC_RECORD names the file
"""

# What is kept of a task's result: enough for assertions, no bulk.
_KEPT = ("msg", "problems", "errors", "plan", "stderr", "ansible_facts")
_FACTS = ("verify_report", "verify_left")


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "fabric_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        path = os.environ.get("FABRIC_RECORD")
        # Open as long as Ansible runs: it ends callbacks by ending itself.
        self._file: TextIO | None = Path(path).open("a", encoding="utf-8") if path else None  # noqa: SIM115
        self._play = ""

    def _write(self, event: str, **values: Any) -> None:
        if self._file:
            self._file.write(json.dumps({"event": event, "time": time.time(), **values}, default=str) + "\n")
            self._file.flush()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play.get_name()
        self._write("play", play=self._play)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        del is_conditional
        self._write("task", play=self._play, task=task.get_name(), action=task.action)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._write("stats", hosts={host: stats.summarize(host) for host in stats.processed})

    def v2_runner_on_ok(self, result: Any) -> None:
        self._result("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._result("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._result("unreachable", result)

    def _result(self, outcome: str, result: Any) -> None:
        values = result.result if hasattr(result, "result") else result._result
        task = result.task if hasattr(result, "task") else result._task
        host = result.host if hasattr(result, "host") else result._host
        kept: dict[str, Any] = {}
        if not values.get("_ansible_no_log"):
            kept = {key: values[key] for key in _KEPT if key in values}
            if "ansible_facts" in kept:
                facts = kept.pop("ansible_facts")
                kept["facts"] = {name: facts[name] for name in _FACTS if name in facts}
        self._write(
            "result",
            play=self._play,
            task=task.get_name(),
            action=task.action,
            host=host.get_name(),
            outcome=outcome,
            changed=bool(values.get("changed")),
            result=kept,
        )
