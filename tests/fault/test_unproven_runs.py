"""What was read counts between two tests that passed; and what no test followed, until one fails there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from checks.policy import Wanted
from preserve.app import reading
from preserve.audit.running import Auditor
from preserve.audit.selftest import SelfTest, self_test
from preserve.catalog.rows import AuditState
from tests.fault.false_greens.stage import PAST_PROMISE, Stage, make_archive, staged
from tests.support.workspaces import PlacedWorkspace

BAD = SelfTest(passed=False, why="it lets pass what is recorded wrongly")
SHARDS = 2  # on each replica


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> PlacedWorkspace:
    return make_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture
def stage(archive: PlacedWorkspace, tmp_path: Path) -> Iterator[Stage]:
    with staged(archive, tmp_path / "archive") as made:
        yield made


def at_test(stage: Stage, on: str, nth: int, does: Callable[[], SelfTest | None]) -> None:
    """From now on, something happens at the nth test on a replica; it may take the place of its result."""
    times = [0]
    with stage.placed.open() as workspace:
        (wanted,) = (str(replica.uuid) for replica in workspace.replicas() if replica.name == on)

    def test(store: Any, canaries: Any, replica_uuid: str, *rest: Any) -> SelfTest:
        if replica_uuid == wanted:
            times[0] += 1
            if times[0] == nth and (result := does()) is not None:
                return result
        return self_test(store, canaries, replica_uuid, *rest)

    stage.patch.setattr(reading, "self_test", test)


def interrupted_after_reading(stage: Stage) -> None:
    """Somebody presses Ctrl-C when everything is read."""
    run = Auditor.run

    def interrupted(self: Auditor, *asked: Any, **more: Any) -> None:
        run(self, *asked, **more)
        raise KeyboardInterrupt

    stage.patch.setattr(Auditor, "run", interrupted)


def disbelieved(stage: Stage) -> dict[str, int]:
    """Shards that are to be read again, by replica."""
    with stage.placed.open() as workspace:
        names = {replica.id: replica.name for replica in workspace.replicas()}
        counts = workspace.catalog.wanted_counts()
        assert list(workspace.catalog.check()) == []
        return {names[id_]: by[Wanted.DISBELIEVED][0] for id_, by in counts.items() if Wanted.DISBELIEVED in by}


def unclear(stage: Stage) -> int:
    with stage.placed.open() as workspace:
        return sum(workspace.catalog.undecided([copy.id for copy in workspace.catalog.copies()]).values())


def kill_at_last_test(stage: Stage) -> None:
    """Nothing of the test after the reading is written down, as if the process had been killed before it."""
    stage.patch.setattr(reading.Reading, "_refuse_unproven", lambda *_: None)


def test_a_run_that_is_interrupted_is_tested_all_the_same(stage: Stage) -> None:
    with stage.patch.context() as patch:
        calm = Stage(stage.placed, patch)
        interrupted_after_reading(calm)
        assert calm.audit()[0] == 130
    assert disbelieved(stage) == {}
    with stage.patch.context() as patch:
        bad = Stage(stage.placed, patch)
        interrupted_after_reading(bad)
        at_test(bad, "nas", 2, lambda: BAD)
        assert bad.audit()[0] == 3
    assert disbelieved(stage) == {"nas": SHARDS}
    assert stage.last_audit().reason == "self-test"


def test_what_a_killed_run_read_stands_until_a_test_fails_there(stage: Stage) -> None:
    with stage.patch.context() as patch:
        kill_at_last_test(Stage(stage.placed, patch))
        assert stage.audit()[0] == 0
    assert stage.audit(replica="disk")[0] == 0  # and a test that passes elsewhere says nothing of it
    assert disbelieved(stage) == {}
    with stage.patch.context() as patch:
        at_test(Stage(stage.placed, patch), "nas", 1, lambda: BAD)
        assert stage.audit()[0] == 3
    assert disbelieved(stage) == {"nas": SHARDS}
    with stage.placed.open() as workspace:
        told = {audit.id: (audit.state, audit.reason) for audit in workspace.catalog.audits()}
    assert told[2] == (AuditState.STOPPED, "self-test"), "the one that was killed"
    assert told[1] == told[3] == (AuditState.ENDED, ""), "those that a test followed"


def test_what_was_proved_by_a_test_after_it_is_not_taken_back_by_a_later_one(stage: Stage) -> None:
    assert stage.audit()[0] == 0
    at_test(stage, "nas", 1, lambda: BAD)
    assert stage.audit()[0] == 3
    assert disbelieved(stage) == {}


def test_what_is_disbelieved_is_unclear_until_it_is_read_again_whatever_is_asked_besides(stage: Stage) -> None:
    with stage.patch.context() as patch:
        at_test(Stage(stage.placed, patch), "nas", 2, lambda: BAD)
        assert stage.audit()[0] == 3
    assert unclear(stage) == SHARDS
    assert stage.preserve("audit", "--soon", "box-0")[0] == 0
    assert disbelieved(stage) == {"nas": SHARDS}
    status, told = stage.preserve("status")
    states = {one["replica"]: one["state"] for package in told["packages"] for one in package["copies"]}
    assert (status, states["nas"]) == (3, "unclear")
    assert stage.audit("--due")[0] == 0
    assert (disbelieved(stage), unclear(stage)) == ({}, 0)


def test_an_audit_that_is_not_believed_is_not_resumed(stage: Stage) -> None:
    with stage.patch.context() as patch:
        at_test(Stage(stage.placed, patch), "nas", 2, lambda: BAD)
        assert stage.audit()[0] == 3
    number = stage.last_audit().id
    status, told = stage.preserve("audit", "--resume", str(number))
    assert status == 2
    assert told["error"]["message"] == f"audit {number} is not believed: the auditor's own test failed"
    assert told["error"]["remedy"] == "Run `preserve audit --due`."
    assert stage.last_audit().reason == "self-test"


@pytest.mark.parametrize("words", [(), ("--due",)], ids=["all", "due"])
def test_a_replica_that_is_gone_at_the_last_test_leaves_the_run_undetermined(
    stage: Stage, words: tuple[str, ...]
) -> None:
    stage.later(PAST_PROMISE)
    gone = stage.folder / "gone"

    def pull() -> None:
        (stage.folder / "nas").rename(gone)

    with stage.patch.context() as patch:
        at_test(Stage(stage.placed, patch), "nas", 2, pull)
        status, told = stage.audit(*words)
    assert (status, told["outcome"]) == (3, "inconclusive")
    assert "The auditor could not be tested again on nas: " in told["summary"]
    assert told["counts"]["passed"] == SHARDS
    gone.rename(stage.folder / "nas")
    at_test(stage, "nas", 1, lambda: BAD)
    assert stage.audit()[0] == 3
    assert disbelieved(stage) == {"nas": SHARDS}
