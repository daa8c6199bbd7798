"""Status at a glance never shows a green that was not earned, and says the same in words, colour and JSON."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from checks.findings import Severity
from checks.verdicts import Verdict
from reports import cells, status
from reports.rows import CellState, CopyCell, FindingLine, PackageLine, ReplicaLine, StatusView

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MAX_AGE = timedelta(days=90)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def cell(replica: str = "nas", **changes: object) -> CopyCell:
    good = CopyCell(replica=replica, oldest_read_at=ago(hours=3), evidence="read-medium", files=4, location=b"demo")
    return replace(good, **changes)  # type: ignore[arg-type]


def view(*copies: CopyCell, verdict: Verdict = Verdict.INTACT, **changes: object) -> StatusView:
    package = PackageLine(
        identifier="demo", collection="c", verdict=verdict, files=4, size_bytes=1234, copies=copies or (cell(),)
    )
    made = StatusView(
        generated_at=NOW,
        packages=(package,),
        total_packages=1,
        verdict_counts={verdict: 1},
        replicas=tuple(
            ReplicaLine(
                name=copy.replica, url=f"/mnt/{copy.replica}", available=True, oldest_read_at=copy.oldest_read_at
            )
            for copy in package.copies
        ),
        max_age=MAX_AGE,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def drawn(shown: StatusView, width: int = 80) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(status.as_text(shown))
    return console.export_text()


def outcome(shown: StatusView) -> object:
    return status.as_json(shown)["outcome"]


def test_copies_that_were_all_read_are_said_to_be_good() -> None:
    shown = view(cell("nas"), cell("usb"), cell("partner", oldest_read_at=ago(hours=2, minutes=30)))
    assert outcome(shown) == "pass"
    assert "All 3 copies of 1 package were read in the last 3 h and are good." in drawn(shown)
    assert drawn(shown).count("✔ good") == 4, "three cells and the legend"


@pytest.mark.parametrize("width", [80, 120])
def test_every_copy_is_told_whatever_the_width(width: int) -> None:
    names = [f"replica-{number}" for number in range(8)]
    text = drawn(view(*(cell(name) for name in names)), width)
    assert all(name in text for name in names)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize(
    ("copy", "state", "words"),
    [
        (cell(oldest_read_at=None), "unread", "○ never read"),
        (cell(oldest_read_at=ago(days=91)), "overdue", "! overdue 91 d"),
        (cell(oldest_read_at=NOW + timedelta(hours=1)), "overdue", "in the future"),
        (cell(damage=1), "damaged", "✖ damaged 3 h"),
        (cell(damage=1, oldest_read_at=None), "damaged", "✖ damaged, never read"),
        (cell(undetermined=1), "unclear", "? unclear 3 h"),
        (cell(state=CellState.ABSENT), "absent", "– absent 3 h"),
        (cell(state=CellState.NO_COPY), "no-copy", "· no copy"),
    ],
)
def test_a_copy_that_is_not_good_is_never_green(copy: CopyCell, state: str, words: str) -> None:
    shown = view(copy)
    packages = status.as_json(shown)["packages"]
    assert isinstance(packages, list)
    assert packages[0]["copies"][0]["state"] == state
    assert words in drawn(shown)
    text = cells.as_text(copy, cells.state_of(copy, None, NOW, MAX_AGE), NOW)
    assert "green" not in str([text.style, *text.spans])


@pytest.mark.parametrize(
    ("shown", "expected", "sentence"),
    [
        (view(cell(damage=1), verdict=Verdict.LOST, files_lost=2), "fail", "2 files are lost"),
        (view(cell(), verdict=Verdict.DEGRADED), "fail", "and can be made whole"),
        (view(cell(), verdict=Verdict.UNKNOWN), "inconclusive", "not known to be whole"),
        (view(cell(), verdict=Verdict.UNDER_REPLICATED), "inconclusive", "too few copies"),
        (view(cell(oldest_read_at=None)), "inconclusive", "Not every copy was read in time."),
        (view(cell(state=CellState.NO_COPY)), "inconclusive", "Not every copy"),
        (view(packages=(), total_packages=0, verdict_counts={}), "inconclusive", "Nothing is kept yet"),
        (
            view(replicas=(ReplicaLine(name="nas", url="/n", available=False, why_not="empty mount"),)),
            "inconclusive",
            "Replica nas is not there (empty mount).",
        ),
        (view(replicas=(ReplicaLine(name="nas", url="/n", overdue_shards=2),)), "inconclusive", "2 shards are overdue"),
        (
            view(total_packages=9, verdict_counts={Verdict.INTACT: 8, Verdict.LOST: 1}),
            "fail",
            "1 package cannot be made whole",
        ),
    ],
)
def test_the_outcome_and_the_sentence_on_top(shown: StatusView, expected: str, sentence: str) -> None:
    assert outcome(shown) == expected
    assert sentence in drawn(shown, 120)


def test_a_disk_that_may_be_away_alarms_nobody_and_is_not_green() -> None:
    shown = view(
        replicas=(ReplicaLine(name="nas", url="/n", available=False, offline=True, oldest_read_at=ago(days=1)),)
    )
    assert outcome(shown) == "pass"
    assert "– absent 3 h" in drawn(shown) and "away, as it may be" in drawn(shown)


def test_a_warning_prints_the_word_and_changes_no_outcome() -> None:
    finding = FindingLine(code="unstable-read", severity=Severity.WARNING, message="read wrongly once", replica="nas")
    shown = view(cell(warnings=1), findings=(finding,), warnings=("the clock was set back",))
    assert outcome(shown) == "pass"
    assert drawn(shown).count("warning") >= 3


def test_packages_that_are_not_shown_are_counted() -> None:
    assert "… and 6 more packages" in drawn(view(total_packages=7, verdict_counts={Verdict.INTACT: 7}))


def test_the_document_has_what_programs_read() -> None:
    path = b"data/\xff.tif"
    finding = FindingLine(
        code="digest-mismatch", severity=Severity.ERROR, message="m", package="demo", replica="nas", path=path,
        expected={"sha256": "a"}, observed={"sha256": "b"}, opened_at=ago(hours=1), seen_at=NOW,
    )  # fmt: skip
    document = json.loads(json.dumps(status.as_json(view(cell(damage=1), findings=(finding,), total_findings=5))))
    assert document["outcome"] == "fail"
    assert document["counts"]["findings"] == 5 and document["counts"]["packages"] == 1
    assert document["findings"][0] == {
        "code": "digest-mismatch", "severity": "error", "package": "demo", "replica": "nas",
            "older_version": None, "path": "data/\\xff.tif",
        "path_base64": "ZGF0YS//LnRpZg==", "expected": {"sha256": "a"}, "observed": {"sha256": "b"}, "message": "m",
        "opened_at": "2026-11-20T11:00:00Z", "seen_at": "2026-11-20T12:00:00Z",
    }  # fmt: skip
    copy = document["packages"][0]["copies"][0]
    assert document["packages"][0]["id"] == "demo" and document["packages"][0]["verdict"] == "intact"
    assert (copy["replica"], copy["oldest_read_at"], copy["evidence"]) == ("nas", "2026-11-20T09:00:00Z", "read-medium")
    assert copy["findings"] == {"damage": 1, "undetermined": 0, "warnings": 0}


@given(
    st.text(), st.binary(min_size=1), st.sampled_from(["[red]", "[/]", "\x1b]0;x\x07", "\u202e", "\x9b31m", ":smile:"])
)
def test_no_name_is_interpreted_or_reaches_the_terminal_raw(identifier: str, path: bytes, trap: str) -> None:
    finding = FindingLine(
        code="missing",
        severity=Severity.ERROR,
        message=trap,
        package=trap + identifier,
        replica=trap,
        path=trap.encode() + path,
    )
    package = PackageLine(
        identifier=trap + identifier,
        collection="c",
        verdict=Verdict.INTACT,
        files=1,
        size_bytes=1,
        copies=(cell(),),
        note=trap,
    )
    text = drawn(view(packages=(package,), findings=(finding,), warnings=(trap,)), 500)
    assert not any(character in text for character in "\x1b\x07\x9b\u202e\r\x08")
    if trap.startswith(("[", ":")):
        assert text.count(trap) >= 4


@given(
    st.sampled_from(list(CellState)), st.none() | st.integers(-10, 200), st.integers(0, 2), st.integers(0, 2),
    st.none() | st.booleans(),
)  # fmt: skip
def test_good_is_only_what_was_read_in_time_is_there_and_has_nothing_against_it(
    state: CellState, days: int | None, damage: int, undetermined: int, available: bool | None
) -> None:
    read_at = None if days is None else ago(days=days)
    copy = cell(state=state, oldest_read_at=read_at, damage=damage, undetermined=undetermined)
    shown = cells.state_of(copy, ReplicaLine(name="nas", url="", available=available), NOW, MAX_AGE)
    if shown is CellState.GOOD:
        assert state is CellState.GOOD and days is not None and 0 <= days <= 90
        assert not damage and not undetermined and available is not False
