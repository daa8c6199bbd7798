"""Drift, loss, audits and validation: what can be repaired from where, and nothing said that was not read."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console, RenderableType

from checks.evidence import Outcome
from checks.findings import Code, Severity
from checks.verdicts import CopyState, FileVerdict, Verdict
from reports import audits, drift, files, loss, validation, words
from reports.rows import (
    AuditReplica,
    AuditView,
    DriftView,
    FileLine,
    FindingLine,
    LastRead,
    LeftLine,
    LossView,
    ValidationView,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD, BAD, UNREAD = CopyState.GOOD, CopyState.BAD, CopyState.UNREAD


def drawn(renderable: RenderableType, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(renderable)
    return console.export_text()


def line(verdict: Verdict, states: Mapping[str, CopyState], path: bytes = b"data/a.tif", **more: object) -> FileLine:
    reads = {
        name: LastRead(at=NOW - timedelta(hours=9 - index), evidence="read")
        for index, (name, state) in enumerate(states.items())
        if state is not UNREAD
    }
    file = FileVerdict(path=path, verdict=verdict, states=states, **more)  # type: ignore[arg-type]
    return FileLine(package="demo", file=file, reads=reads, size_bytes=2000)


DEGRADED = line(Verdict.DEGRADED, {"nas": BAD, "usb": GOOD, "far": GOOD}, codes={"nas": (Code.DIGEST_MISMATCH,)})
LOST = line(Verdict.LOST, {"nas": BAD, "usb": BAD}, b"data/b")
UNKNOWN = line(Verdict.UNKNOWN, {"nas": BAD, "usb": UNREAD}, b"data/c")
HALF_READ = line(Verdict.UNKNOWN, {"nas": GOOD, "usb": UNREAD}, b"data/d")
MOVED = line(Verdict.DEGRADED, {"nas": BAD}, b"data/e", codes={"nas": (Code.MOVED,)}, elsewhere={"nas": "data/x"})


@pytest.mark.parametrize(
    ("shown", "sources", "remedy"),
    [
        (DEGRADED, ("far", "usb"), "can be repaired on nas from far, or from usb"),
        (LOST, (), "cannot be made whole: every copy was read and is bad"),
        (UNKNOWN, (), "no good copy is known; it may be whole on usb, which was not read"),
        (HALF_READ, (), "not read on usb"),
        (MOVED, ("nas",), "can be repaired on nas from nas, where it lies as data/x"),
        (line(Verdict.UNDER_REPLICATED, {}), (), "no copy is recorded"),
        (line(Verdict.UNDER_REPLICATED, {"nas": GOOD}), (), "has too few copies"),
    ],
)
def test_what_can_be_done_for_a_file(shown: FileLine, sources: tuple[str, ...], remedy: str) -> None:
    assert files.repair_from(shown) == sources, "the latest read first"
    assert files.remedy(shown) == remedy


COUNTS = {Verdict.INTACT: 10, Verdict.DEGRADED: 2, Verdict.LOST: 1, Verdict.UNKNOWN: 2}


def test_drift_tells_the_worst_first_and_how_each_copy_is_known() -> None:
    view = DriftView(
        generated_at=NOW, lines=(DEGRADED, HALF_READ, LOST), verdict_counts=COUNTS, unread_copies=("p at usb",)
    )
    text = drawn(drift.as_text(view))
    assert text.index("✖ lost") < text.index("✖ degraded") < text.index("? unknown")
    for told in (
        "5 files are not good on every copy", "1 file lost, 2 degraded, 2 unknown, 10 intact", "… and 2 more files",
        "✖ bad     nas  digest-mismatch  read, 9 h ago", "✔ good    usb  read, 8 h ago", "? not read: p at usb",
    ):  # fmt: skip
        assert told in text
    document = json.loads(json.dumps(drift.as_json(view)))
    assert document["outcome"] == "fail" and document["counts"]["files"] == 15
    assert document["files"][0]["verdict"] == "lost" and document["files"][1]["repair_from"] == ["far", "usb"]


@pytest.mark.parametrize(
    ("counts", "unread", "outcome", "sentence"),
    [
        ({Verdict.INTACT: 3}, (), "pass", "Nothing has drifted"),
        ({Verdict.INTACT: 3}, ("p at usb",), "inconclusive", "not everything was read"),
        ({}, (), "inconclusive", "not everything was read"),
    ],
)
def test_no_drift_is_only_said_of_what_was_read(
    counts: Mapping[Verdict, int], unread: tuple[str, ...], outcome: str, sentence: str
) -> None:
    view = DriftView(generated_at=NOW, lines=(), verdict_counts=counts, unread_copies=unread)
    assert drift.as_json(view)["outcome"] == outcome
    assert sentence in drawn(drift.as_text(view))


@pytest.mark.parametrize(
    ("counts", "may_be_lost", "outcome", "sentence"),
    [
        (COUNTS, 1, "fail", "1 file is lost (1.23 MB): every copy was read and is bad; 1 file may be"),
        ({Verdict.UNKNOWN: 2}, 1, "inconclusive", "No file is known to be lost, but 1 file may be"),
        ({Verdict.DEGRADED: 2, Verdict.INTACT: 1}, 0, "pass", "Nothing is lost"),
        ({}, 0, "inconclusive", "There is no file to judge"),
    ],
)
def test_loss_is_what_no_copy_can_make_whole(
    counts: Mapping[Verdict, int], may_be_lost: int, outcome: str, sentence: str
) -> None:
    view = LossView(
        generated_at=NOW, lines=(DEGRADED, LOST, UNKNOWN, HALF_READ), verdict_counts=counts, may_be_lost=may_be_lost,
        lost_bytes=1_230_000,
    )  # fmt: skip
    document = json.loads(json.dumps(loss.as_json(view)))
    assert document["outcome"] == outcome
    assert [each["path"] for each in document["files"]] == ["data/b", "data/c"], "not what has a good copy"
    assert sentence in drawn(loss.as_text(view), 200)


AUDIT = AuditView(
    id=3,
    scope="all packages",
    state="ended",
    opened_at=NOW - timedelta(hours=2),
    ended_at=NOW,
    required="read",
    planned=4,
    done=4,
    passed=4,
    failed=0,
    inconclusive=0,
    files_good=4000,
    files_bad=0,
    files_unread=0,
    bytes_read=5_000_000,
    by_replica=(AuditReplica(name="nas", planned=4, done=4, passed=4, failed=0, inconclusive=0, bytes_read=5_000_000),),
)
ERROR = FindingLine(code="missing", severity=Severity.ERROR, message="the file is not there", path=b"data/a")
UNREADABLE = FindingLine(code="unreadable", severity=Severity.ERROR, message="could not be read (EIO); not judged")


@pytest.mark.parametrize(
    ("changes", "outcome", "sentence"),
    [
        ({}, "pass", "Audit 3 read all that was asked: 4,000 files are good."),
        ({"failed": 1, "passed": 3, "files_bad": 1}, "fail", "found damage: 1 file bad, 4,000 good"),
        ({"findings": (ERROR,)}, "fail", "see the findings"),
        ({"inconclusive": 1, "passed": 3, "files_unread": 2}, "inconclusive", "2 files were not read"),
        ({"findings": (UNREADABLE,)}, "inconclusive", "could not determine everything"),
        ({"done": 3, "passed": 3}, "inconclusive", "could not determine everything"),
        ({"state": "stopped", "done": 2, "passed": 2}, "inconclusive", "stopped before its end: 2 of 4 shards done"),
        (
            {"state": "stopped", "done": 2, "passed": 1, "failed": 1, "files_bad": 1},
            "fail",
            "Damage was found: 1 bad file",
        ),
        ({"state": "running", "done": 2, "passed": 2}, "inconclusive", "is running: 2 of 4 shards done"),
        ({"planned": 0, "done": 0, "passed": 0}, "inconclusive", "There was nothing to read"),
        ({"planned": 0, "done": 0, "passed": 0, "due_only": True}, "pass", "Nothing was due."),
    ],
)
def test_an_audit_passes_only_if_all_was_done_and_good(
    changes: Mapping[str, object], outcome: str, sentence: str
) -> None:
    view = replace(AUDIT, **changes)  # type: ignore[arg-type]
    document = json.loads(json.dumps(audits.as_json(view)))
    assert document["outcome"] == outcome
    assert sentence in document["summary"]
    text = drawn(audits.as_text(view), 160)
    assert sentence in text
    assert ("preserve audit --resume 3" in text) == (view.state == "stopped")


IDLE = replace(AUDIT, planned=0, done=0, passed=0, files_good=0, due_only=True, by_replica=())
SHUT = LeftLine("nas", 9, "hours", datetime(2026, 11, 20, 22, tzinfo=ZoneInfo("Asia/Phnom_Penh")))


def test_a_run_that_read_nothing_says_what_is_due_and_why_it_was_left() -> None:
    view = replace(IDLE, left=(SHUT, LeftLine("disk", 1, "budget"), LeftLine("usb", 2, "away")))
    document = json.loads(json.dumps(audits.as_json(view)))
    assert document["outcome"] == "pass", "nothing of it is past its promise"
    assert document["summary"] == (
        "Nothing was read. 9 shards are due on nas, whose hours are shut until 2026-11-20 22:00 +07. "
        "More than fits the budget: 1 shard is due on disk. 2 shards are due on usb, which is not there."
    )
    assert document["counts"]["shards_left"] == 12
    assert document["audit"]["left"][0]["opens_at"] == "2026-11-20T15:00:00Z"


@pytest.mark.parametrize("view", [IDLE, AUDIT])
def test_a_run_that_leaves_what_is_past_its_promise_is_not_green(view: AuditView) -> None:
    document = audits.as_json(replace(view, due_only=True, left=(SHUT,), left_past_promise=9))
    assert document["outcome"] == "inconclusive"
    assert "Of what is left, 9 shards were not read for longer than is promised." in str(document["summary"])
    assert "could not determine" not in str(document["summary"])


def test_an_audit_whose_auditor_failed_its_test_is_not_to_be_gone_on_with() -> None:
    text = drawn(audits.as_text(replace(AUDIT, state="stopped", reason="self-test", done=2, passed=2)), 160)
    assert "cannot be believed" in text and "--resume" not in text


def test_by_a_clock_that_was_set_back_no_sentence_falls_apart() -> None:
    text = drawn(audits.as_text(replace(AUDIT, ended_at=AUDIT.opened_at - timedelta(hours=1))), 160)
    assert "for in the future" not in text
    assert "ended before that by the clock, which was set back" in text
    assert words.ago(NOW + timedelta(hours=1), NOW) == "in the future"
    assert words.ago(NOW - timedelta(hours=1), NOW) == "1 h ago"
    assert words.ago(None, NOW) == "never"


def test_what_a_stopped_audit_did_not_do_is_counted_as_not_known() -> None:
    gone = AuditReplica(name="usb", planned=9, done=2, passed=2, failed=0, inconclusive=0, why_not="the folder is gone")
    text = drawn(audits.as_text(replace(AUDIT, state="stopped", planned=13, done=6, passed=6, by_replica=(gone,))))
    row = next(each for each in text.splitlines() if "2 of 9" in each)
    assert row.split() == ["usb", "2", "of", "9", "2", "0", "7", "0", "B"]
    assert "absent: the folder is gone" in text


def test_a_validation_is_never_better_than_its_findings() -> None:
    view = ValidationView(
        path=b"/tmp/[b]\x1b\xff",
        verdict="valid",
        outcome=Outcome.PASS,
        counts={"files_good": 3},
        facts={"BagIt": "1.0"},
    )
    assert validation.as_json(view)["outcome"] == "pass"
    text = drawn(validation.as_text(view))
    assert "✔ /tmp/[b]\\x1b\\xff is valid" in text and "BagIt: 1.0" in text and "files good: 3" in text
    document = validation.as_json(replace(view, findings=(ERROR,)))
    assert document["outcome"] == "fail" and "bag_base64" in document
    inconclusive = replace(view, outcome=Outcome.INCONCLUSIVE, verdict="unknown", findings=(UNREADABLE,))
    assert validation.as_json(inconclusive)["outcome"] == "inconclusive"
    assert "could not be determined" in drawn(validation.as_text(inconclusive))


def test_findings_that_do_not_fit_are_counted() -> None:
    findings = tuple(replace(ERROR, path=b"data/%d" % number) for number in range(30))
    assert "… and 60 more findings" in drawn(audits.as_text(replace(AUDIT, findings=findings, total_findings=90)))


@pytest.mark.parametrize(
    ("span", "length", "within"),
    [
        (timedelta(seconds=5), "5 s", "5 s"),
        (timedelta(minutes=2, seconds=50), "2 min", "3 min"),
        (timedelta(hours=2, minutes=50), "2 h", "3 h"),
        (timedelta(hours=47), "47 h", "47 h"),
        (timedelta(days=12, hours=1), "12 d", "13 d"),
        (timedelta(seconds=-1), "in the future", "in the future"),
    ],
)
def test_ages_are_rounded_to_the_careful_side(span: timedelta, length: str, within: str) -> None:
    assert (words.length(span), words.within(span)) == (length, within)


def test_sizes_and_lists() -> None:
    assert [words.size(n) for n in (0, 999, 1000, 1_234_567, 999_999, 10**15)] == [
        "0 B",
        "999 B",
        "1 kB",
        "1.23 MB",
        "1 MB",
        "1 PB",
    ]
    assert [words.listed(list(each)) for each in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
