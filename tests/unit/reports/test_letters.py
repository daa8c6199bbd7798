"""What a letter says, how long it gets, and what names in it cannot do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from checks.alarms import Alarm, follow
from checks.concerns import CONCERNS, Concern, ConcernCode
from reports.letters import Found, Head, LetterView, body, title, trial

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
HOSTILE = "a\r\nBcc: x@evil.org\n\n<script>alert(1)</script>\u202egpj.exe\x1b[31m".encode() + b"\xff"
MASS = tuple(Found(package="box-1", replica="nas", path=b"data/page %d.jpg" % n, code="content") for n in range(10))


def view(*concerns: Concern, gone: tuple[Alarm, ...] = (), found: tuple[Found, ...] = ()) -> LetterView:
    alarms = tuple(follow(concerns, (), NOW))
    return LetterView(
        written_at=NOW,
        organization="The Archive",
        settings="/srv/archive/preserve.toml",
        host="keeper",
        standing=alarms,
        gone=gone,
        found={alarm.key: found for alarm in alarms},
        good_copy={alarm.key: {"degraded": 2, "lost": 1} for alarm in alarms},
        head=Head(number=12345, hash=bytes(range(32)), at=NOW),
        repeat=timedelta(days=1),
    )


def damaged(files: int = 5000) -> Concern:
    told = {"files": files, "packages": 3}
    return Concern(code=ConcernCode.DAMAGED, replica="nas", magnitude=files, parameters=told)


def test_it_says_what_is_wrong_where_whether_there_is_a_good_copy_and_what_to_do() -> None:
    letter = view(damaged(), found=MASS)
    assert title(letter) == "[preserve] nas: 5,000 files of 3 packages are not as they were taken in"
    text = body(letter)
    for said in (
        "nas: 5,000 files of 3 packages are not as they were taken in.",
        "2 packages can be mended: every file is good on some copy",
        "1 package has files of which no good copy is known",
        "What to do: Run `preserve report drift`, then `preserve repair`",
        "How it is known: Every byte was read and digested again",
        "box-1 on nas: data/page 9.jpg  content",
        "and 4,990 more",
        "preserve acknowledge damaged:nas --note",
        "12,345 links",
        "of 2026-03-02 03:00 UTC",
        bytes(range(32)).hex(),
        "Written by preserve for The Archive on keeper",
    ):
        assert said in text, said


def test_no_name_breaks_a_header_or_a_line_turns_text_around_or_is_html() -> None:
    example = Concern(
        code=ConcernCode.UNKNOWN_ON_REPLICA,
        replica="nas",
        parameters={"bags": 1, "folders": 0, "files": 0, "example": HOSTILE.decode("utf-8", "surrogateescape")},
    )
    found = (Found(package="box\r\n-1", replica="nas", path=HOSTILE, code="content"),)
    letter = view(example, found=found)
    gone = tuple(replace(alarm, concerns=(), closed_at=NOW) for alarm in letter.standing)
    for written in (letter, view(gone=gone), view(gone=gone * 2), view(damaged(), found=found)):
        assert title(written).isprintable()
        for line in body(written).splitlines():
            assert line.isprintable() and not line.startswith("Bcc")
        assert "<" not in title(written) + body(written) and ">" not in title(written) + body(written)
    assert "<script" not in "".join(trial("<script>", "a\nb", NOW)) and title(letter).count("\\x0d\\x0a") == 1


def test_it_stays_short_however_much_is_wrong() -> None:
    long_name = (Found(package="p" * 5000, replica="nas", path=b"x" * 4000, code="content"),) * 10
    concerns = [replace(damaged(n), replica=f"replica-{n}") for n in range(200)]
    told = view(*concerns, found=long_name)
    gone = tuple(replace(alarm, concerns=(), closed_at=NOW) for alarm in told.standing)
    text = body(replace(told, gone=gone))
    assert len(text.splitlines()) <= 100 and len(text) < 20_000
    assert all(len(line) <= 300 for line in text.splitlines()) and len(title(told)) <= 150
    assert "195 more causes" in text and "and 190 more" in text
    assert title(told).endswith("(and 199 more)")


def test_every_concern_can_be_written_of_whatever_its_parameters() -> None:
    for code in CONCERNS:
        letter = view(Concern(code=code), Concern(code=code, replica="nas", parameters={"at": NOW, "why": "x"}))
        assert title(letter).startswith("[preserve] ")
        assert "What to do:" in body(letter)


def test_what_is_gone_is_told_as_gone() -> None:
    gone = tuple(replace(alarm, concerns=(), closed_at=NOW) for alarm in view(damaged(7)).standing)
    assert title(view(gone=gone)).startswith("[preserve] no longer so: nas: 7 files")
    assert "NO LONGER SO\n- nas: 7 files" in body(view(gone=gone))


def test_what_got_worse_says_who_had_acknowledged_it() -> None:
    [alarm] = follow([damaged(5)], (), NOW)
    later = NOW + timedelta(days=1)
    [worse] = follow([damaged(6)], [replace(alarm, acknowledged_at=NOW, acknowledged_by="Sok")], later)
    assert "It is worse than when Sok acknowledged it" in body(replace(view(), standing=(worse,)))


def test_it_names_the_replicas_that_have_the_good_copy_where_that_is_known() -> None:
    letter = view(damaged())
    told = body(replace(letter, good_on={"damaged:nas": ("abroad", "usb")}))
    assert "2 packages can be mended: every file is good on abroad or usb" in told
    assert "every file is good on some copy" in body(letter)
