"""bagit-python's opinion beside ours: where they differ, and that it can do no harm."""

import json
import os
import signal
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag import write
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.opinions import asking
from preserve.bag.opinions.opinion import DIFFERENCES_LIMIT, NOTHING, Answer, Difference, Opinion, Said, Word, compare
from preserve.bag.opinions.second_opinion import Limits, ask
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.validation import validate
from tests.unit.preserve.bag.bags import DECLARED_0_97, Bag, hexed

STAGES = frozenset({"oxum", "completeness", "contents"})
INVALID = Answer(tool="bagit-python", verdict=Word.INVALID, ran=STAGES)
VALID = Answer(tool="bagit-python", verdict=Word.VALID, ran=STAGES)


@pytest.fixture
def bag(tmp_path: Path) -> Bag:
    return Bag(tmp_path / "bag")


def asked(bag: Bag, depth: Depth = Depth.FULL) -> Opinion:
    path = os.fsencode(bag.path)
    return ask(path, validate(path, depth=depth))


def endless(bag: Bag) -> None:
    """A bag with a file that takes longer to read than any test may: a hole of a tebibyte."""
    os.truncate(bag.path / "data/a.txt", 1 << 40)


def test_the_two_agree_on_a_good_bag(bag: Bag) -> None:
    bag.tag_manifest()
    opinion = asked(bag)
    assert opinion == Opinion(tool="bagit-python 1.9.0", verdict=Word.VALID, agrees=True)
    assert opinion.finding is None


def test_the_two_agree_on_a_damaged_file(bag: Bag) -> None:
    bag.write(b"data/a.txt", b"ALPHA")
    opinion = asked(bag)
    assert opinion.verdict is Word.INVALID and opinion.agrees and not opinion.differences


def test_what_it_did_not_come_to_is_no_difference(bag: Bag) -> None:
    bag.write(b"data/a.txt", b"ALPHA")
    (bag.path / "data/sub/b.txt").unlink()
    bag.write(b"data/new", b"")
    opinion = asked(bag)
    assert opinion.agrees and not opinion.differences
    assert opinion.explanations == (
        "bagit-python stops at the first kind of fault; it did not come to the files' contents.",
    )


def test_a_percent_sign_in_a_name_is_explained(bag: Bag) -> None:
    bag.files[b"data/50%"] = b"half"
    bag.write(b"data/50%", b"half")
    bag.manifest(lines=[line.replace(b"50%", b"50%25") for line in bag.lines()])
    assert bag.outcome() is Outcome.PASS
    opinion = asked(bag)
    assert opinion.verdict is Word.INVALID and not opinion.agrees
    assert opinion.differences == (
        Difference(b"data/50%", NOTHING, "untracked"),
        Difference(b"data/50%25", NOTHING, "missing"),
    )
    assert any("%25" in sentence for sentence in opinion.explanations)
    assert opinion.finding is not None and opinion.finding.code is Code.SECOND_OPINION_DIFFERS
    assert opinion.finding.outcome is Outcome.PASS


def test_a_link_to_a_folder_that_it_leaves_out_is_explained(bag: Bag) -> None:
    (bag.path / "data/link").symlink_to(bag.path / "data/sub")
    opinion = asked(bag)
    assert (opinion.verdict, opinion.agrees) == (Word.VALID, False)
    assert opinion.differences == (Difference(b"data/link", "wrong-kind", NOTHING),)
    assert any("links to folders" in sentence for sentence in opinion.explanations)


def test_white_space_around_a_name_is_explained(bag: Bag) -> None:
    bag.files[b"data/end "] = b"x"
    bag.write(b"data/end ", b"x")
    bag.manifest()
    opinion = asked(bag)
    assert [each.path for each in opinion.differences] == [b"data/end", b"data/end "]
    assert any("white space" in sentence for sentence in opinion.explanations)


def test_twins_in_two_spellings_are_explained(bag: Bag) -> None:
    nfc, nfd = (unicodedata.normalize(form, "data/é").encode() for form in ("NFC", "NFD"))
    for name, content in ((nfc, b"one"), (nfd, b"two")):
        bag.files[name] = content
        bag.write(name, content)
    bag.manifest()
    (bag.path / os.fsdecode(nfc)).unlink()
    opinion = asked(bag)
    assert opinion.verdict is Word.INVALID and not opinion.agrees
    assert set(opinion.differences) == {
        Difference(nfc, "missing", NOTHING),
        Difference(nfd, NOTHING, "digest-mismatch"),
    }
    assert any("names normalised" in sentence for sentence in opinion.explanations)


def test_a_rule_that_it_does_not_know_is_named(bag: Bag) -> None:
    bag.write(b"bag-info.txt", b"Payload-Oxum: 9.2\nPayload-Oxum: 9.2\n")
    opinion = asked(bag)
    assert opinion.verdict is Word.VALID and not opinion.agrees
    assert opinion.differences == (Difference(b"bag-info.txt", "oxum-repeated", NOTHING),)
    assert "bagit-python is less strict: it has no word for oxum-repeated." in opinion.explanations


def test_an_error_that_escapes_from_it_is_no_opinion(bag: Bag) -> None:
    bag.write(b"bag-info.txt", b"Payload-Oxum: 6\n")
    opinion = asked(bag)
    assert opinion.verdict is Word.UNSURE and opinion.why.startswith("ValueError: ") and not opinion.agrees
    assert opinion.finding is not None and opinion.finding.code is Code.SECOND_OPINION_MISSING
    assert "ValueError" in opinion.finding.message


@pytest.mark.parametrize("kind", ["fifo", "dangling", "device"])
def test_it_is_not_asked_about_a_bag_on_which_it_could_hang(bag: Bag, kind: str) -> None:
    path = bag.path / "data/odd"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "nowhere")
    opinion = asked(bag)
    assert opinion.verdict is Word.NOT_ASKED and opinion.why.startswith("data/odd ")
    assert opinion.finding is not None and opinion.finding.code is Code.SECOND_OPINION_MISSING


def test_it_is_asked_about_folders_only(bag: Bag) -> None:
    opinion = ask(os.fsencode(bag.path / "bagit.txt"), bag.validated())
    assert (opinion.verdict, opinion.why) == (Word.NOT_ASKED, "it is asked about folders only")


def test_it_looks_as_deep_as_we_did(bag: Bag) -> None:
    bag.write(b"bag-info.txt", b"Payload-Oxum: 9.2\n")
    bag.write(b"data/a.txt", b"ALPHA")
    assert asked(bag, Depth.COMPLETENESS).verdict is Word.VALID
    (bag.path / "data/a.txt").rename(bag.path / "data/moved")
    assert asked(bag, Depth.COMPLETENESS).verdict is Word.INVALID
    fast = asked(bag, Depth.FAST)
    assert fast.agrees and fast.explanations == (
        "bagit-python was asked to look at the number of files and bytes only.",
    )


def test_a_fast_check_without_a_stated_size_is_no_opinion(bag: Bag) -> None:
    assert asked(bag, Depth.FAST).why == "its fast check needs a Payload-Oxum, and bag-info.txt has none"


def test_it_is_ended_when_its_time_is_over(bag: Bag) -> None:
    result, others = bag.validated(), children()
    endless(bag)
    opinion = ask(os.fsencode(bag.path), result, limits=Limits(seconds=0.5))
    assert opinion.verdict is Word.UNSURE and "took longer than" in opinion.why
    assert children() <= others


def test_it_gets_no_more_memory_than_allowed(bag: Bag) -> None:
    opinion = ask(os.fsencode(bag.path), bag.validated(), limits=Limits(memory_bytes=1 << 20))
    assert opinion.verdict is Word.UNSURE and not opinion.agrees


def test_its_limits_grow_with_the_bag_and_with_our_own_time(bag: Bag) -> None:
    result, path = bag.validated(), os.fsencode(bag.path)
    small = Limits.of(path, result, 0.0)
    large = Limits.of(path, replace(result, payload=replace(result.payload, listed=10_000)), 60.0)
    assert small.seconds == 60 and large.seconds > 600
    assert large.memory_bytes - small.memory_bytes >= 1_400 * 9_000


def test_it_is_ended_when_we_are_interrupted(bag: Bag) -> None:
    result, others = bag.validated(), children()
    endless(bag)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            ask(os.fsencode(bag.path), result)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert children() <= others


def test_it_ends_when_whoever_asked_is_gone(bag: Bag) -> None:
    endless(bag)
    with child(bag) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) == 3


def test_it_opens_nothing_that_could_block(bag: Bag) -> None:
    result = validate(os.fsencode(bag.path))  # which saw nothing of it yet, or nobody would be asked
    (bag.path / "data/a.txt").unlink()
    os.mkfifo(bag.path / "data/a.txt")
    opinion = ask(os.fsencode(bag.path), result)
    assert opinion.verdict is Word.UNSURE and opinion.why.startswith("RefusedError")


def test_it_can_write_nothing(bag: Bag) -> None:
    script = f"import sys; sys.path[:0] = [{str(Path(asking.__file__).parent)!r}]; import asking; sys.addaudithook("
    for act in ("open('new', 'w')", "__import__('os').mkdir('new')", "__import__('socket').socket()"):
        done = subprocess.run(
            [sys.executable, "-I", "-B", "-c", f"{script}asking._guard); {act}"],
            cwd=bag.path,
            capture_output=True,
            check=False,
        )
        assert b"RefusedError" in done.stderr
    assert not (bag.path / "new").exists()


def test_the_bag_is_not_touched(bag: Bag) -> None:
    bag.write(b"fetch.txt", b"http://127.0.0.1:9/x 5 data/a.txt\n")
    before = stamps(bag.path)
    asked(bag)
    assert stamps(bag.path) == before


def test_names_that_are_not_utf8_come_back_as_the_bytes_they_are(bag: Bag) -> None:
    bag.write(b"data/\xff", b"")
    assert asked(bag).agrees


def test_before_0_97_it_reads_no_tag_manifests(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "old", DECLARED_0_97.replace(b"0.97", b"0.96"))
    bag.tag_manifest(more=(hexed(b"") + b"  notes.txt",))
    opinion = asked(bag)
    assert opinion.differences == (Difference(b"notes.txt", "missing", NOTHING),)
    assert "bagit-python reads no tag manifests before version 0.97." in opinion.explanations


def test_a_file_it_could_not_read_is_no_damage_of_ours() -> None:
    unreadable = Finding(code=Code.UNREADABLE, path=b"data/a")
    answer = replace(INVALID, said=(Said(b"data/a", "ChecksumMismatch", True),))
    opinion = compare(Outcome.INCONCLUSIVE, [unreadable], answer)
    assert opinion.differences == (Difference(b"data/a", "unreadable", "unread, told as digest-mismatch"),)
    assert "bagit-python tells a file that it could not read as a checksum mismatch." in opinion.explanations


def test_its_good_word_changes_no_outcome_and_is_told_as_a_difference() -> None:
    damaged = Finding(code=Code.DIGEST_MISMATCH, path=b"data/a")
    opinion = compare(Outcome.FAIL, [damaged], VALID)
    assert not opinion.agrees and opinion.differences == (Difference(b"data/a", "digest-mismatch", NOTHING),)


def test_what_a_profile_wants_is_no_difference() -> None:
    wanted = Finding(code=Code.PROFILE_INFO_MISSING, file=b"bag-info.txt")
    opinion = compare(Outcome.FAIL, [wanted], VALID)
    assert opinion.agrees and opinion.explanations == ("bagit-python was asked about the bag, not about the profile.",)
    damaged = Finding(code=Code.DIGEST_MISMATCH, path=b"data/a")
    assert not compare(Outcome.FAIL, [wanted, damaged], VALID).agrees


def test_verdicts_that_differ_without_a_file_are_told_of_the_whole_bag() -> None:
    answer = replace(INVALID, error="BagError", message="Malformed URL in fetch.txt: x\x1b[2J", ran=frozenset())
    (only,) = compare(Outcome.PASS, [], answer).differences
    assert only == Difference(None, "valid", "invalid (BagError: Malformed URL in fetch.txt: x\\x1b[2J)")


def test_a_thousand_differences_are_told_and_the_rest_counted() -> None:
    said = tuple(Said(b"data/%06d" % number, "UnexpectedFile") for number in range(1_500))
    opinion = compare(Outcome.PASS, [], replace(INVALID, said=said))
    assert (len(opinion.differences), opinion.more_differences) == (DIFFERENCES_LIMIT, 500)
    ours = (Finding(code=Code.MISSING, path=each.path) for each in said)
    opinion = compare(Outcome.FAIL, ours, VALID)
    assert (len(opinion.differences), opinion.more_differences) == (DIFFERENCES_LIMIT, 500)


def test_what_lies_beyond_the_end_of_a_list_that_was_cut_is_not_judged() -> None:
    answer = replace(INVALID, said=(Said(b"data/b", "FileMissing"),), more=7)
    ours = [Finding(code=Code.MISSING, path=path) for path in (b"data/a", b"data/b", b"data/c")]
    assert compare(Outcome.FAIL, ours, answer).differences == (Difference(b"data/a", "missing", NOTHING),)


def child(bag: Bag) -> "subprocess.Popen[bytes]":
    asks = {"bag": str(bag.path), "paths": [], "memory_bytes": 1 << 30, "statements": 1}
    asks |= {"fast": False, "completeness_only": False}
    command = [sys.executable, "-I", "-B", asking.__file__, json.dumps(asks)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def children() -> set[str]:
    """Of this process, servers of other tests among them."""
    return {child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()}


def stamps(folder: Path) -> dict[str, tuple[int, int, int]]:
    paths = [folder, *folder.rglob("*")]
    return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size, p.lstat().st_ino) for p in paths}


def test_a_bag_of_algorithms_that_it_does_not_look_for_is_explained(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    write(tmp_path / "letters", tmp_path / "made", algorithms=["blake3"])
    opinion = ask(os.fsencode(tmp_path / "made"), validate(os.fsencode(tmp_path / "made")))
    assert opinion.verdict is Word.INVALID and "no manifests but those" in opinion.explanations[0]


def test_a_path_that_is_too_long_for_it_to_be_counted_is_explained(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    for name in ["letters", *["d" * 200] * 25]:
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("a.txt", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    write(tmp_path / "letters", tmp_path / "made")
    opinion = ask(os.fsencode(tmp_path / "made"), validate(os.fsencode(tmp_path / "made")))
    assert opinion.verdict is Word.INVALID and "4,096" in opinion.explanations[0]
