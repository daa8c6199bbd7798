"""Known contents, known digests, and what is made of a reading of them."""

import shutil
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from checks.canaries import (
    CANARIES,
    GOOD,
    GOOD_ROOT,
    WRONG,
    WRONG_DIGEST,
    Canary,
    as_recorded,
    judge,
    own_answers,
    record,
)
from checks.digesting import Digester
from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding
from checks.listing import Names
from checks.shards import Judgement, ShardChecker, copy_missing
from tests.support.memory_store import REPLICA, MemoryStore, flipped


def read(store: MemoryStore | None = None) -> Judgement:
    trial = as_recorded()
    store = store or MemoryStore({b"c/" + canary.name: canary.content() for canary in CANARIES})
    return ShardChecker(store, REPLICA, Digester(("sha256",))).check(b"c", trial.record, trial.root, Names())


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name.decode())
def test_another_program_computes_the_same_digests(canary: Canary, tmp_path: Path) -> None:
    program = shutil.which("sha256sum")
    assert program is not None
    (tmp_path / "canary").write_bytes(canary.content())
    said = subprocess.run([program, str(tmp_path / "canary")], capture_output=True, check=True).stdout
    assert said.split()[0].decode() == canary.sha256.hex()
    assert len(canary.content()) == canary.size_bytes


def test_sizes_and_names_are_those_at_which_reading_changes() -> None:
    assert {canary.size_bytes for canary in GOOD} == {1, 4095, 4096, (64 << 10) + 1, (1 << 20) + 1}
    assert any(not canary.name.isascii() for canary in GOOD)
    assert len({canary.content() for canary in CANARIES}) == len(CANARIES)


def test_what_is_recorded_of_the_wrong_one_differs_in_one_bit() -> None:
    assert (int.from_bytes(WRONG_DIGEST) ^ int.from_bytes(WRONG.sha256)).bit_count() == 1
    assert dict(zip(record().paths, record().digests, strict=True))[WRONG.name] == WRONG_DIGEST


def test_the_root_is_that_of_rfc_6962() -> None:
    def tree(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return sha256(b"\0" + leaves[0]).digest()
        half = 1 << (len(leaves) - 1).bit_length() - 1
        return sha256(b"\1" + tree(leaves[:half]) + tree(leaves[half:])).digest()

    assert tree([record(GOOD).header(), *record(GOOD).lines()]) == GOOD_ROOT == record(GOOD).root()
    assert own_answers() == ""


def test_a_right_reading_is_accepted() -> None:
    judgement = read()
    assert (judgement.outcome, judgement.bad) == (Outcome.FAIL, 1)
    assert judge(judgement) == ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"outcome": Outcome.PASS}, "the outcome was pass"),
        ({"outcome": Outcome.INCONCLUSIVE}, "the outcome was inconclusive"),
        ({"findings": ()}, "wrong-on-purpose.txt has other content than is recorded of it, and that was not found"),
        ({"bad": 0, "good": 6}, "6 good, 0 bad"),
        ({"unread": 1}, "1 unread"),
        ({"bytes_read": 1}, "1 bytes were read"),
        ({"evidence": Evidence.CLAIMED}, "known only as claimed"),
        ({"observed_root": as_recorded().root}, "the root that was computed"),
        ({"findings": (Finding(code=Code.MISSING, path=WRONG.name),)}, "was judged missing"),
        ({"findings": (Finding(code=Code.DIGEST_MISMATCH, path=WRONG.name),)}, "another digest was computed"),
    ],
)
def test_each_reading_that_came_to_something_else_is_told(change: dict[str, object], why: str) -> None:
    assert why in judge(replace(read(), **change))  # type: ignore[arg-type]


def test_a_good_one_that_is_blamed_is_told() -> None:
    store = MemoryStore({b"c/" + canary.name: canary.content() for canary in CANARIES})
    store.files[b"c/page.txt"] = flipped(store.files[b"c/page.txt"])
    assert judge(read(store)) == "page.txt was judged digest-mismatch, and its content is right"
    assert "all of it was judged copy-missing" in judge(copy_missing(record()))


def test_weak_evidence_must_not_pass_where_it_is_weak_and_not_be_said_where_it_is_not() -> None:
    trial = as_recorded(GOOD)
    good = replace(read(), outcome=Outcome.PASS, good=5, bad=0, findings=(), observed_root=trial.root)
    assert judge(good, trial) == ""
    assert "taken for enough" in judge(good, replace(trial, weak=True))
    weak = replace(good, findings=(Finding(code=Code.WEAK_EVIDENCE),), outcome=Outcome.INCONCLUSIVE)
    assert judge(weak, replace(trial, weak=True)) == ""
    assert "said of what was read" in judge(weak, trial)


def test_a_machine_that_computes_otherwise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hashlib.sha256", lambda content=b"": sha256(bytes(content)[:100]))
    assert "SHA-256 of the content of buffer-and-one.txt" in own_answers()
    monkeypatch.undo()
    monkeypatch.setattr("checks.tree.sha256", lambda content=b"": sha256(content + b"x"))
    assert "tree hash" in own_answers()
