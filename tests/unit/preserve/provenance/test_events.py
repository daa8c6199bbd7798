"""The mapping of the journal's links, and what is made of checks."""

import ast
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

import preserve
from premis.vocabulary import OWN_AUTHORITY, term
from preserve.catalog.rows import AuditState, JournalRow
from preserve.errors import UndeterminedError
from preserve.provenance.events import CHECK, COPY, EVENTS, FINDING, NOT_EVENTS, SUMMARY
from preserve.provenance.history import EventDetail, History, Told
from preserve.provenance.wording import Wording

REPLICA = "00000000-0000-0000-0000-000000000001"
SOURCE = Path(preserve.__file__).parent
# Where the kind is handed in by a caller, which is looked at itself.
HANDED_ON = {"kind", "act.kind", "link.kind"}


def kinds_appended() -> dict[str, str]:
    """Every kind that the code can append to the journal -> where."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}
    constants = {
        target.id: node.value.value
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: dict[str, str] = {}
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (kind := kind_of(node)) is not None:
                for word in words_of(kind, constants, path):
                    found[word] = str(path.relative_to(SOURCE))
    return found


def kind_of(call: ast.Call) -> ast.expr | None:
    """The argument that names the kind, if this call appends to the journal."""
    name = ast.unparse(call.func)
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "kind"), None)
    if name == "append":
        return call.args[1]
    if name.endswith(("chain.add", "record_of_itself")):
        return call.args[0]
    return named if name in ("Act", "finished") else None


def words_of(kind: ast.expr, constants: Mapping[str, object], path: Path) -> Iterator[str]:
    if isinstance(kind, ast.Constant):
        yield str(kind.value)
    elif isinstance(kind, ast.JoinedStr):
        assert ast.unparse(kind) == "f'audit-{state.value}'", f"{path}: {ast.unparse(kind)} is not understood here"
        yield from (f"audit-{state.value}" for state in AuditState if state is not AuditState.RUNNING)
    elif isinstance(kind, ast.Name) and kind.id in constants:
        yield str(constants[kind.id])
    else:
        assert ast.unparse(kind) in HANDED_ON, f"{path}: {ast.unparse(kind)} is not understood here"


def test_every_kind_of_link_is_an_event_or_deliberately_none() -> None:
    appended = kinds_appended()
    assert {"check", "package-added", "audit-stopped", "catalog-created", "file-repaired"} <= appended.keys()
    assert not EVENTS.keys() & NOT_EVENTS.keys()
    assert not {kind: where for kind, where in appended.items() if kind not in {*EVENTS, *NOT_EVENTS}}
    assert all(NOT_EVENTS.values())


def test_every_term_is_known_and_names_within_a_kind_differ() -> None:
    for mapped in EVENTS.values():
        assert len({one.name for one in mapped}) == len(mapped)
        for one in mapped:
            term("eventType", one.type)
            term("eventRelatedObjectRole", one.role)
            term("eventRelatedAgentRole", one.by)
            assert one.outcome is None or term("eventOutcome", one.outcome)
    own = {m.type for each in EVENTS.values() for m in each if term("eventType", m.type).authority == OWN_AUTHORITY}
    assert own == {"repair", "changeconfirmation"}


class Links:
    """A journal by hand."""

    def __init__(self, shards: int = 2) -> None:
        self.rows: list[JournalRow] = []
        self.add("package-added", shards=shards, facts={"taken_in_by": "dara"}, identifier="a", source=None)

    def add(self, kind: str, **body: object) -> "Links":
        number = len(self.rows) + 1
        whole = {"at": f"2026-01-01T00:00:{number:02d}.000000Z", "version": 1, "replica": REPLICA, "kind": kind, **body}
        digest = sha256(str(number).encode()).digest()
        self.rows.append(
            JournalRow(number=number, kind=kind, previous=b"", body=json.dumps(whole).encode(), hash=digest)
        )
        return self

    def check(self, outcome: str = "pass", *findings: dict[str, object], **body: object) -> "Links":
        counts = {"pass": (3, 0, 0), "fail": (2, 1, 0), "inconclusive": (0, 0, 3)}[outcome]
        figures = {**dict(zip(("good", "bad", "unread"), counts, strict=True)), "bytes_read": 100 * (counts[0] > 0)}
        fixed = {"start": b"data/x\0".hex(), "evidence": "read", "started_at": "2026-01-01T00:00:00.000000Z"}
        said = {"findings": list(findings)} if findings else {}
        return self.add("check", outcome=outcome, **{**fixed, **figures, **said, **body})

    def told(self, detail: EventDetail = EventDetail.SUMMARY) -> list[Told]:
        return list(History(iter(self.rows), Wording({REPLICA: "nas"}), detail).told())


def of(told: list[Told], mapped: object) -> list[Told]:
    return [one for one in told if one.mapped is mapped]


def text(one: Told) -> str:
    return " | ".join(
        (one.mapped.detail.format_map(one.words), *(n.format_map(one.words) for n in one.mapped.notes), *one.more)
    )


DAMAGE: dict[str, object] = {"code": "missing", "path": "data/x", "parameters": {}}
AWAY: dict[str, object] = {"code": "replica-unavailable", "path": None, "parameters": {"cause": "no mount"}}
SPELLED: dict[str, object] = {"code": "name-normalisation", "path": "data/é", "parameters": {"found_at": "data/e"}}


def test_a_copy_is_a_success_only_if_every_shard_was_read_back_and_good() -> None:
    cases = {
        2: (["pass", "pass"], "suc"),
        1: (["pass"], "war"),
        0: ([], "war"),
    }
    for checks, (outcomes, expected) in cases.items():
        links = Links(shards=2).add("copy-recorded", location={"path": "a"}, checks=checks)
        for outcome in outcomes:
            links.check(outcome)
        (copied,) = of(links.told(), COPY)
        assert copied.outcome == expected
    (torn,) = of(Links().add("copy-recorded", location={"path": "a"}, checks=2).check().told(), COPY)
    assert torn.outcome == "war"
    (bad,) = of(Links().add("copy-recorded", location={"path": "a"}, checks=2).check().check("fail").told(), COPY)
    assert bad.outcome == "fai" and "1 of 2 shards passed" in text(bad)


def test_what_could_not_be_determined_is_never_a_success_and_says_so() -> None:
    links = Links().check("inconclusive", AWAY, audit=7).check("pass", audit=7)
    for detail, mapped in ((EventDetail.SUMMARY, SUMMARY), (EventDetail.ALL, CHECK)):
        (one,) = [told for told in of(links.told(detail), mapped) if told.outcome != "suc"]
        assert one.outcome == "war" and "could not be determined" in text(one)
        (found,) = of(links.told(detail), FINDING)
        assert found.outcome == "war" and "could not be determined" in text(found) and "no mount" in text(found)
        assert "nothing was reached" in text(found)


def test_damage_outweighs_what_could_not_be_determined() -> None:
    (summary,) = of(Links().check("inconclusive", AWAY, audit=7).check("fail", DAMAGE, audit=7).told(), SUMMARY)
    assert summary.outcome == "fai" and "failed: 1, inconclusive: 1; shards of the version: 2" in text(summary)


def test_an_absent_replica_is_said_once_in_a_summary_and_each_file_each_time() -> None:
    links = Links().check("inconclusive", AWAY, audit=1).check("inconclusive", AWAY, audit=1)
    links.check("inconclusive", AWAY, audit=2).check("fail", DAMAGE, audit=2).check("fail", DAMAGE, audit=3)
    found = of(links.told(), FINDING)
    assert [one.words["code"] for one in found] == ["replica-unavailable"] * 2 + ["missing"] * 2
    assert len(of(links.told(EventDetail.ALL), FINDING)) == 5


def test_warnings_are_counted_and_no_failures() -> None:
    told = Links().check("pass", SPELLED, audit=1).told()
    (summary,) = of(told, SUMMARY)
    assert summary.outcome == "suc" and "warnings: 1" in text(summary) and not of(told, FINDING)


def test_checks_outside_of_audits_are_summarised_as_their_own() -> None:
    links = Links().add("copy-recorded", location={"path": "a"}, checks=2).check().check().check(audit=1).check()
    links.check(paths=[{"path": "data/x"}]).check(version=2).check(at="2026-01-02T00:00:00.000000Z")
    summaries = of(links.told(), SUMMARY)
    told = [(one.words["occasion"], one.words["checks"]) for one in summaries]
    assert told == [
        (", when it was read back after copying", "2"),
        (", in audit 1", "1"),
        (", outside of an audit on 2026-01-01", "1"),
        (", outside of an audit on 2026-01-01 (named files only)", "1"),
        (", outside of an audit on 2026-01-01", "1"),
        (", outside of an audit on 2026-01-02", "1"),
    ]
    assert sum(int(one.words["checks"]) for one in summaries) == len(of(links.told(EventDetail.ALL), CHECK)) == 7
    (named,) = [one for one in of(links.told(EventDetail.ALL), CHECK) if text(one).startswith("data/x of")]
    assert named.words["copy"] == f"the copy of version 1 on replica nas ({REPLICA})"


def test_the_weakest_evidence_is_said() -> None:
    links = Links().check(audit=1, evidence="read-medium").check(audit=1, evidence="read")
    (summary,) = of(links.told(), SUMMARY)
    assert "reached: read (" in text(summary)


def test_a_link_of_an_unknown_kind_is_no_gap_in_silence() -> None:
    with pytest.raises(UndeterminedError, match="file-polished"):
        Links().add("file-polished").told()


def test_what_an_interrupted_repair_did_not_record_is_said_to_be_unknown() -> None:
    links = Links().add("file-repaired", path="data/x", method="replaced", entry="e", by="dara", interrupted=True)
    (repair,) = of(links.told(), EVENTS["file-repaired"][0])
    assert "sound content from not recorded" in text(repair) and "a later run finished" in text(repair)
