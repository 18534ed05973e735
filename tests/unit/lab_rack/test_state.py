"""Names, slots and settings of labs."""

from __future__ import annotations

from pathlib import Path

import pytest
from fabric_lab import state
from fabric_lab.state import Lab, LabError, choose_slot


def entry(slot: int, directory: str = "/cache/labs/x") -> dict[str, object]:
    return {"slot": slot, "directory": directory}


def test_the_demo_takes_slot_zero_and_others_leave_it_free() -> None:
    assert choose_slot("demo", "/d", None, {}) == 0
    assert choose_slot("other", "/d", None, {}) == 1
    assert choose_slot("third", "/d", None, {"other": entry(1)}) == 2
    assert choose_slot("demo", "/d", None, {"other": entry(0)}) == 1


def test_a_lab_keeps_its_slot() -> None:
    labs = {"mine": entry(7, "/d")}
    assert choose_slot("mine", "/d", None, labs) == 7
    assert choose_slot("mine", "/d", 7, labs) == 7
    with pytest.raises(LabError, match="bring it down"):
        choose_slot("mine", "/d", 8, labs)


def test_a_taken_slot_and_a_taken_name_are_refused() -> None:
    with pytest.raises(LabError, match="slot 3 is in use by lab 'other'"):
        choose_slot("mine", "/d", 3, {"other": entry(3)})
    with pytest.raises(LabError, match="already runs on this machine from /elsewhere"):
        choose_slot("mine", "/d", None, {"mine": entry(3, "/elsewhere")})
    with pytest.raises(LabError, match="choose one from 0 to 254"):
        choose_slot("mine", "/d", 255, {})


@pytest.mark.parametrize("name", ["", "Demo", "1a", "a-b", "a/b", "a" * 21, "../a"])
def test_names_that_would_not_do_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="lab name"):
        state.valid_name(name)


def test_claim_and_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(state, "REGISTER", tmp_path / "register" / "labs.json")
    monkeypatch.setattr(Lab, "run_directory", property(lambda lab: tmp_path / "shm" / lab.name))
    lab = state.claim("unittest", 9, 4)
    assert (lab.slot, lab.metal) == (9, 4)
    assert state.load("unittest") == lab
    assert state.running_labs() == {"unittest": 9}
    assert lab.directory.stat().st_mode & 0o777 == 0o700
    state.release(lab)
    assert state.running_labs() == {}
    assert not lab.run_directory.exists()


def test_only_one_command_changes_a_lab_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_CACHE", str(tmp_path))
    lab = Lab("unittest", 9)
    with lab.lock(), pytest.raises(LabError, match="another command"), lab.lock():
        pass


def test_private_files_are_private(tmp_path: Path) -> None:
    state.write_private(tmp_path / "deep" / "secret", "x")
    assert (tmp_path / "deep" / "secret").stat().st_mode & 0o777 == 0o600
