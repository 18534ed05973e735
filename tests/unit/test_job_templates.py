# SPDX-License-Identifier: Apache-2.0
"""Every playbook is also right as a job template: flat variables, text for whatever is asked, nobody at a keyboard."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.plugin_utils.inventory_intent import names

REPOSITORY = Path(__file__).parents[2]
PLAYBOOKS = sorted(path.name for path in (REPOSITORY / "playbooks").glob("*.yml"))
ROLES = sorted(path.name for path in (REPOSITORY / "roles").iterdir())
TEMPLATES = yaml.safe_load((REPOSITORY / "docs/awx/job_templates.yml").read_text())["awx_job_templates"]
PAGE = (REPOSITORY / "docs/awx.md").read_text()
# What AWX asks for: https://docs.ansible.com/automation-controller/latest/html/userguide/job_templates.html#surveys
TYPES = {"text": str, "textarea": str, "password": str, "integer": int, "multiplechoice": str}


def playbook(name: str) -> str:
    return (REPOSITORY / "playbooks" / name).read_text()


def plays(name: str) -> list[dict[str, Any]]:
    """The plays of a playbook and of those that it imports."""
    found: list[dict[str, Any]] = []
    for play in yaml.safe_load(playbook(name)):
        imported = play.get("ansible.builtin.import_playbook")
        found += plays(imported) if imported else [play]
    return found


def options(role: str) -> dict[str, dict[str, Any]]:
    specs = yaml.safe_load((REPOSITORY / "roles" / role / "meta/argument_specs.yml").read_text())["argument_specs"]
    return {name: each for spec in specs.values() for name, each in (spec.get("options") or {}).items()}


def asked(name: str) -> dict[str, dict[str, Any]]:
    """What the job templates of a playbook ask for, by variable."""
    return {each["variable"]: each for t in TEMPLATES if t["playbook"] == name for each in t["survey"]}


def role_files(*folders: str) -> Iterator[Path]:
    for role in ROLES:
        for folder in folders:
            yield from sorted((REPOSITORY / "roles" / role / folder).glob("*.yml"))


def tasks(found: Any) -> Iterator[dict[str, Any]]:
    for task in found or []:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part))


def test_every_playbook_has_a_job_template() -> None:
    assert sorted({each["playbook"] for each in TEMPLATES}) == PLAYBOOKS
    titles = [each["name"] for each in TEMPLATES]
    assert len(set(titles)) == len(titles)
    assert [title for title in titles if title not in PAGE] == []


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_surveys_ask_for_flat_values(name: str) -> None:
    for variable, question in asked(name).items():
        kind = TYPES[question["type"]]
        assert question["question_name"] and question["question_description"], variable
        assert isinstance(question["required"], bool), variable
        # What is not answered comes as empty text, or not at all.
        assert "default" not in question or isinstance(question["default"], kind), variable
        for choice in question.get("choices", []):
            assert isinstance(choice, str), variable


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_surveys_ask_for_what_the_playbook_takes(name: str) -> None:
    known = {option for role in ROLES for option in options(role)}
    # Every playbook opens with this role, which takes variables of the plays' own.
    chosen = (REPOSITORY / "roles/intent/defaults/main.yml").read_text()
    assert [each for each in asked(name) if each not in known and each not in playbook(name) + chosen] == []


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_what_a_playbook_takes_is_asked_for(name: str) -> None:
    """Every variable of its own that may be left out, and every one that its head comment gives by -e."""
    text = playbook(name)
    taken = set(re.findall(r"(?<![.\w])(fabric_\w+) \| default\(", text)) | set(re.findall(r"-e (\w+)=", text))
    assert sorted(taken - set(asked(name))) == []


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_what_must_be_named_is_a_required_question(name: str) -> None:
    checks = [role for play in plays(name)[:1] for role in play.get("roles") or []]
    for role in checks:
        if role.get("intent_all_by_default") is False:
            assert asked(name)[role.get("intent_variable", "fabric_tenants")]["required"] is True


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_nobody_is_asked_while_it_runs(name: str) -> None:
    for play in plays(name):
        assert "vars_prompt" not in play


def test_no_role_waits_for_a_keyboard() -> None:
    for path in role_files("tasks"):
        for task in tasks(yaml.safe_load(path.read_text())):
            assert not {"pause", "ansible.builtin.pause"} & set(task), path


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("", []),
        (None, []),
        ("blue", ["blue"]),
        ("blue,green", ["blue", "green"]),
        (" blue , green,", ["blue", "green"]),
        (["blue", "green"], ["blue", "green"]),
    ],
)
def test_names_are_text_with_commas(given: Any, meant: list[str]) -> None:
    assert names(given) == meant


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_an_unanswered_number_is_no_number(name: str) -> None:
    """`default` alone lets empty text through."""
    for variable, question in asked(name).items():
        if not question["required"] and question["type"] == "integer":
            uses = re.findall(rf"{variable} \| default\([^)]*\)", playbook(name))
            assert uses and all(each.endswith(", true)") for each in uses), variable


@pytest.mark.parametrize("role", ROLES)
def test_a_choice_given_as_text_is_a_choice(role: str) -> None:
    """-e and surveys give "false", which a condition takes for true or refuses; it has to go through `bool`."""
    wrong = []
    flags = [name for name, each in options(role).items() if each.get("type") == "bool"]
    for path in role_files("tasks", "vars"):
        if path.parts[-3] != role:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for flag in flags:
                for use in re.finditer(rf"\b{flag}\b(?!\s*\|\s*bool)", line):
                    if not _harmless(line, use):
                        wrong.append(f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}")
    assert wrong == []


def _harmless(line: str, use: re.Match[str]) -> bool:
    """A comment, a sentence, or passed on as it is to what converts it: a module, or another role."""
    if line.lstrip().startswith("#"):
        return True
    before, after = line[: use.start()], line[use.end() :]
    passed_on = bool(re.search(r':\s*"\{\{ $', before)) and after.strip().startswith("}}")
    expression = before.count("{{") > before.count("}}") or re.search(
        r"(when|that|until|failed_when|changed_when):|^\s*(- )?(not )?\(?$", before
    )
    return passed_on or not expression


def ansible(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "FABRIC_LAB_DIR": "/nowhere/lab"}
    command = ["ansible-playbook", "-i", "inventories/lab", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_every_playbook_can_be_read() -> None:
    done = ansible("--syntax-check", *(f"playbooks/{name}" for name in PLAYBOOKS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("playbook: ") == len(PLAYBOOKS)


@pytest.mark.parametrize("name", ["tenant_kubeconfig.yml", "tenant_credentials.yml"])
def test_a_survey_makes_a_plan(name: str, tmp_path: Path) -> None:
    """With every answer as text, before there is a host cluster. The other playbooks need a controller to plan by."""
    answers = {each: str(question.get("default", "")) for each, question in asked(name).items()}
    answers |= {"fabric_tenants": "blue, green", "tenant_cluster_people_dir": str(tmp_path), "fabric_person": "ada"}
    given = [part for each, answer in answers.items() for part in ("-e", json.dumps({each: answer}))]
    place = f"tenant_cluster_host_kubeconfig={tmp_path}/{{{{ inventory_hostname }}}}"
    done = ansible(f"playbooks/{name}", "--check", "--diff", *given, "-e", place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"made once there is an API", done.stdout)) == 2
