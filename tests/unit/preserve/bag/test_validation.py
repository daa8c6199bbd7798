"""What a validation says of bags that are wrong in one way each."""

import os
import socket
import unicodedata
from collections.abc import Callable
from functools import partial
from itertools import chain, count
from pathlib import Path

import pytest

from checks.digesting import Digester, Wanted
from checks.evidence import Outcome
from checks.ports import StoreError
from preserve.bag.codes import Code
from preserve.bag.pool import LazyPool
from preserve.bag.tags.manifests import grouped, record
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.linting import ADVICE
from preserve.bag.validating.validation import validate
from preserve.errors import UsageError
from preserve.ordering import Sorter
from preserve.progress import Silent
from preserve.stores.local import LocalStore
from preserve.stores.local_source import LocalSource
from tests.unit.preserve.bag.bags import DECLARED, DECLARED_0_97, Bag, hexed

NFC, NFD = (unicodedata.normalize(form, "data/é").encode() for form in ("NFC", "NFD"))


@pytest.fixture
def bag(tmp_path: Path) -> Bag:
    return Bag(tmp_path / "bag")


def test_a_good_bag_passes(bag: Bag) -> None:
    bag.tag_manifest()
    found = bag.validated()
    assert found.outcome is Outcome.PASS and {finding.code for finding in found.findings} == {Code.OXUM_MISSING}
    assert (found.payload.listed, found.payload.good, found.payload.bytes_read) == (2, 2, 9)
    assert found.tags.good == 2


def test_every_affected_file_is_named_to_the_end(bag: Bag) -> None:
    bag.write(b"bag-info.txt", b"Payload-Oxum: 1.1\n")
    bag.write(b"data/a.txt", b"other")
    (bag.path / "data/sub/b.txt").unlink()
    bag.write(b"data/z", b"")
    assert bag.seen() == {
        (Code.OXUM_MISMATCH, None),
        (Code.DIGEST_MISMATCH, b"data/a.txt"),
        (Code.MISSING, b"data/sub/b.txt"),
        (Code.UNTRACKED, b"data/z"),
    }
    assert bag.outcome() is Outcome.FAIL


def test_a_mismatch_says_expected_and_observed_of_each_wrong_algorithm(bag: Bag) -> None:
    bag.manifest(algorithm="md5")
    bag.write(b"data/a.txt", b"ALPHA")
    (finding,) = bag.found()
    assert finding.expected == {a: hexed(b"alpha", a).decode() for a in ("md5", "sha256")}
    assert finding.observed == {a: hexed(b"ALPHA", a).decode() for a in ("md5", "sha256")} | {"size_bytes": 5}
    assert finding.file == b"manifest-md5.txt" and finding.line == 1


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        (b"data/x", Code.LINE_MALFORMED, None),
        (b"# a comment", Code.LINE_MALFORMED, None),
        (b"", Code.LINE_BLANK, None),
        (b"xyz  data/a", Code.DIGEST_MALFORMED, b"data/a"),
        (hexed(b"", "md5") + b"  data/a", Code.DIGEST_MALFORMED, b"data/a"),
        (hexed(b"") + b"  data/../../x", Code.UNSAFE_PATH, b"data/../../x"),
        (hexed(b"") + b"  /etc/passwd", Code.UNSAFE_PATH, b"/etc/passwd"),
        (hexed(b"") + b"  data/%2e%2e%0A/../x", Code.UNSAFE_PATH, b"data/%2e%2e\n/../x"),
        (hexed(b"") + b"  data/a\0b", Code.UNSAFE_PATH, b"data/a\0b"),
        (hexed(b"") + b"  bag-info.txt", Code.NOT_PAYLOAD, b"bag-info.txt"),
        (hexed(b"") + b"  data/\xff", Code.ENCODING_INVALID, None),
        (hexed(b"") + b"  data/" + b"x" * 70_000, Code.LINE_TOO_LONG, None),
        (hexed(b"") + b"  data/" + b"x" * 5_000, Code.MISSING, b"data/" + b"x" * 5_000),
        (hexed(b"alpha") + b"  data/a.txt", Code.DUPLICATE_ENTRY, b"data/a.txt"),
        (hexed(b"") + b"  data/sub", Code.WRONG_KIND, b"data/sub"),
    ],
)
def test_a_faulty_line_of_a_manifest(bag: Bag, line: bytes, code: Code, path: bytes | None) -> None:
    bag.manifest(line)
    findings = bag.validated().findings
    assert any(f.code is code and f.path == path for f in findings), findings


def test_upper_case_digits_tabs_and_one_space_are_fine(bag: Bag) -> None:
    bag.manifest(lines=[hexed(b"alpha").upper() + b"\tdata/a.txt", hexed(b"beta") + b" data/sub/b.txt"])
    assert not bag.seen()


@pytest.mark.parametrize("prefix", [b"*", b"./"])
def test_what_other_tools_put_before_a_path_is_a_warning(bag: Bag, prefix: bytes) -> None:
    bag.manifest(lines=[hexed(b"alpha") + b" " + prefix + b"data/a.txt", hexed(b"beta") + b"  data/sub/b.txt"])
    assert bag.seen() == {(Code.FOREIGN_PREFIX, b"data/a.txt")}
    assert bag.outcome() is Outcome.PASS


@pytest.mark.parametrize(
    "name", ["trailing ", "nb\u00a0", "l\u2028s", "n\u0085", "v\x0bf\x0cs\x1c", "*star", "back\\slash"]
)
def test_odd_but_legal_names(bag: Bag, name: str) -> None:
    bag.files[b"data/" + name.encode()] = b"odd"
    bag.write(b"data/" + name.encode(), b"odd")
    bag.manifest()
    assert {code for code, _ in bag.seen()} <= {Code.NAMES_NOT_PORTABLE} and bag.outcome() is Outcome.PASS


def test_lines_may_end_as_on_other_systems(bag: Bag) -> None:
    for ending in (b"\r", b"\r\n"):
        bag.write(b"manifest-sha256.txt", ending.join(bag.lines()) + ending)
        bag.write(b"bagit.txt", DECLARED.replace(b"\n", ending))
        assert not bag.seen()


def test_before_1_0_a_repeated_line_with_the_same_digest_is_a_warning(bag: Bag) -> None:
    bag.write(b"bagit.txt", DECLARED_0_97)
    bag.manifest(hexed(b"alpha") + b"  data/a.txt")
    assert bag.seen() == {(Code.REPEATED_ENTRY, b"data/a.txt")} and bag.outcome() is Outcome.PASS
    bag.manifest(hexed(b"ALPHA") + b"  data/a.txt")
    assert (Code.DUPLICATE_ENTRY, b"data/a.txt") in bag.seen() and bag.outcome() is Outcome.FAIL


def test_payload_manifests_of_1_0_list_the_same_files(bag: Bag) -> None:
    bag.manifest(algorithm="md5", lines=bag.lines("md5")[:1])
    assert bag.seen() == {(Code.MANIFESTS_DISAGREE, b"data/sub/b.txt")}
    bag.write(b"bagit.txt", DECLARED_0_97)
    assert bag.seen() == {(Code.MANIFESTS_UNEVEN, b"data/sub/b.txt")} and bag.outcome() is Outcome.PASS


def test_without_a_payload_manifest_it_fails(bag: Bag) -> None:
    (bag.path / "manifest-sha256.txt").unlink()
    assert (Code.MANIFEST_MISSING, None) in bag.seen()


def test_only_unknown_algorithms_cannot_be_judged(bag: Bag) -> None:
    bag.write(b"manifest-tiger.txt", b"00  data/a.txt\n00  data/sub/b.txt\n")
    assert bag.seen() == {(Code.MANIFEST_NOT_CHECKED, b"manifest-tiger.txt")}
    assert bag.outcome() is Outcome.PASS
    (bag.path / "manifest-sha256.txt").unlink()
    assert bag.seen() == {(Code.ALGORITHM_UNKNOWN, b"manifest-tiger.txt")}
    assert bag.outcome() is Outcome.INCONCLUSIVE and bag.validated().payload.good == 0


def test_a_file_that_only_an_unknown_algorithm_lists_is_not_judged(bag: Bag) -> None:
    bag.write(b"bagit.txt", DECLARED_0_97)
    bag.write(b"manifest-tiger.txt", b"00  data/a.txt\n")
    bag.manifest(lines=bag.lines()[1:])
    assert (Code.NOT_JUDGED, b"data/a.txt") in bag.seen() and bag.outcome() is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"BagIt-Version: 1.0\n",
        b"Tag-File-Character-Encoding: UTF-8\nBagIt-Version: 1.0\n",
        DECLARED + b"Extra: x\n",
        DECLARED + DECLARED,
        DECLARED.replace(b": 1.0", b" : 1.0"),
        DECLARED.replace(b"1.0", b"1"),
        b"\xef\xbb\xbf" + DECLARED,
        b"\xff\xfe",
    ],
)
def test_a_faulty_declaration(bag: Bag, content: bytes) -> None:
    bag.write(b"bagit.txt", content)
    assert {code for code, _ in bag.seen()} - {Code.LAST_LINE_OPEN} == {Code.DECLARATION_MALFORMED}


@pytest.mark.parametrize("version", [b"1.7", b"9.0", b"0.1"])
def test_an_unknown_version_cannot_be_judged(bag: Bag, version: bytes) -> None:
    bag.write(b"bagit.txt", DECLARED.replace(b"1.0", version))
    assert bag.seen() == {(Code.VERSION_UNSUPPORTED, None)} and bag.outcome() is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("name", [b"rot13", b"zlib", b"undefined", b"base64", b"idna", b"unicode_escape"])
def test_codecs_that_are_no_encodings(bag: Bag, name: bytes) -> None:
    bag.write(b"bagit.txt", DECLARED.replace(b"UTF-8", name))
    assert bag.seen() == {(Code.ENCODING_UNKNOWN, None)}


def test_tag_files_in_another_encoding(bag: Bag) -> None:
    bag.files[NFC] = b"x"
    bag.write(NFC, b"x")
    bag.write(b"bagit.txt", DECLARED.replace(b"UTF-8", b"UTF-16"))
    bag.write(b"manifest-sha256.txt", b"".join(line + b"\n" for line in bag.lines()).decode().encode("utf-16"))
    assert not bag.seen()
    bag.manifest()
    assert (Code.ENCODING_INVALID, b"manifest-sha256.txt") in bag.seen()


@pytest.mark.parametrize("value", [b"6", "².1".encode(), b"1.2.3", b"-1.2", b"", b"1.x"])
def test_an_oxum_that_is_none(bag: Bag, value: bytes) -> None:
    bag.write(b"bag-info.txt", b"PAYLOAD-OXUM: " + value + b"\n")
    assert {code for code, _ in bag.seen()} == {Code.OXUM_MALFORMED}


@pytest.mark.parametrize("line", [b": x", b"no colon", b"Label : x"])
def test_a_faulty_line_of_bag_info(bag: Bag, line: bytes) -> None:
    bag.write(b"bag-info.txt", b"Ok: fine\n" + line + b"\n")
    assert {code for code, _ in bag.seen()} == {Code.INFO_MALFORMED}


def test_bag_info_keeps_order_repeats_and_continuations(bag: Bag) -> None:
    bag.write(b"bag-info.txt", b"B: 1\nA: one\n  two\n\tthree\nB: 2\nPayload-Oxum: 9.2\n")
    found = bag.validated()
    assert [(e.label, e.value) for e in found.info][:3] == [("B", "1"), ("A", "one two three"), ("B", "2")]
    assert found.outcome is Outcome.PASS
    bag.write(b"bag-info.txt", b" continues nothing\n")
    assert {code for code, _ in bag.seen()} == {Code.INFO_MALFORMED}


def test_tag_files_are_judged(bag: Bag) -> None:
    bag.write(b"notes.txt", b"x")
    bag.tag_manifest(more=(hexed(b"") + b"  gone.txt",))
    bag.write(b"notes.txt", b"y")
    bag.write(b"bagit.txt", DECLARED.replace(b"UTF-8", b"utf-8"))
    assert bag.seen() == {
        (Code.DIGEST_MISMATCH, b"notes.txt"),
        (Code.DIGEST_MISMATCH, b"bagit.txt"),
        (Code.MISSING, b"gone.txt"),
    }


def test_a_changed_manifest_shows_in_the_tag_manifest(bag: Bag) -> None:
    bag.tag_manifest()
    bag.write(b"data/a.txt", b"forged")
    bag.files[b"data/a.txt"] = b"forged"
    bag.manifest()
    assert bag.seen() == {(Code.DIGEST_MISMATCH, b"manifest-sha256.txt")}


def test_a_tag_manifest_lists_every_payload_manifest_and_no_payload(bag: Bag) -> None:
    bag.tag_manifest(b"bagit.txt", more=(hexed(b"alpha") + b"  data/a.txt",))
    assert bag.seen() == {(Code.TAG_MANIFEST_INCOMPLETE, b"manifest-sha256.txt"), (Code.NOT_A_TAG_FILE, b"data/a.txt")}


def test_links_fifos_and_sockets_are_neither_followed_nor_waited_for(bag: Bag, monkeypatch: pytest.MonkeyPatch) -> None:
    os.symlink("a.txt", bag.path / "data/link")
    os.symlink(bag.path, bag.path / "data/loop")
    os.mkfifo(bag.path / "data/fifo")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(bag.path / "data")  # a socket's path may not be long
        server.bind("socket")
    (bag.path / "data/sub/b.txt").unlink()
    os.mkfifo(bag.path / "data/sub/b.txt")
    assert bag.seen() == {
        (Code.WRONG_KIND, b"data/" + name) for name in (b"link", b"loop", b"fifo", b"socket", b"sub/b.txt")
    }


def test_a_payload_folder_that_is_a_link_is_not_followed(bag: Bag, tmp_path: Path) -> None:
    (bag.path / "data").rename(tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", bag.path / "data")
    assert (Code.WRONG_KIND, b"data") in bag.seen() and bag.outcome() is Outcome.FAIL
    assert bag.validated().payload.good == 0


def test_a_link_in_the_place_of_a_folder_hides_no_file(bag: Bag, tmp_path: Path) -> None:
    (bag.path / "data/sub").rename(tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", bag.path / "data/sub")
    assert bag.seen() == {(Code.WRONG_KIND, b"data/sub"), (Code.MISSING, b"data/sub/b.txt")}


def test_a_name_spelled_with_other_code_points_is_that_file_with_a_warning(bag: Bag) -> None:
    bag.files[NFC] = b"x"
    bag.write(NFD, b"x")
    bag.manifest()
    assert bag.seen() == {(Code.NAME_NORMALISATION, NFC)} and bag.outcome() is Outcome.PASS
    bag.write(NFD, b"y")
    assert bag.seen() == {(Code.NAME_NORMALISATION, NFC), (Code.DIGEST_MISMATCH, NFC)}


def test_a_twin_masks_nothing(bag: Bag) -> None:
    bag.files[NFC] = b"x"
    bag.write(NFC, b"tampered")
    bag.write(NFD, b"x")
    bag.manifest()
    assert bag.seen() == {
        (Code.DIGEST_MISMATCH, NFC),
        (Code.UNTRACKED, NFD),
        (Code.NAMES_DIFFER_IN_FORM, min(NFC, NFD)),
    }


def test_fetch_lists_what_is_missing_and_nothing_is_fetched(bag: Bag) -> None:
    bag.manifest(hexed(b"") + b"  data/far")
    bag.write(b"fetch.txt", b"http://127.0.0.1:1/x 0 data/far\nhttp://x - data/unlisted\nnonsense\nhttp://x 1 /etc/x\n")
    assert bag.seen() == {
        (Code.MISSING, b"data/far"),
        (Code.FETCH_UNLISTED, b"data/unlisted"),
        (Code.FETCH_MALFORMED, None),
        (Code.UNSAFE_PATH, b"/etc/x"),
    }
    assert any("fetch.txt" in f.message for f in bag.found() if f.code is Code.MISSING)


def test_what_is_no_bag_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    for path in (tmp_path, tmp_path / "x"):
        found = validate(os.fsencode(path))
        assert [f.code for f in found.findings] == [Code.NOT_A_BAG] and found.outcome is Outcome.FAIL
    with pytest.raises(UsageError):
        validate(os.fsencode(tmp_path / "nothing"))


def test_a_bag_that_lost_its_declaration_is_still_read_to_the_end(bag: Bag) -> None:
    (bag.path / "bagit.txt").unlink()
    bag.write(b"data/a.txt", b"other")
    assert bag.seen() == {(Code.NOT_A_BAG, None), (Code.DIGEST_MISMATCH, b"data/a.txt")}


def _before_reading(monkeypatch: pytest.MonkeyPatch, path: bytes, act: Callable[[], object]) -> None:
    """Does something each time that file is about to be read, in one step or in many."""

    def acting(real: Callable[..., object]) -> Callable[..., object]:
        def read(self: LocalSource, *arguments: object) -> object:
            if self.path == path:
                act()
            return real(self, *arguments)

        return read

    for name in ("readinto", "whole"):
        monkeypatch.setattr(LocalSource, name, acting(getattr(LocalSource, name)))


def _unreadable(monkeypatch: pytest.MonkeyPatch, bad: bytes) -> None:
    """Reading that one file fails as a bad sector does."""

    def fail() -> None:
        raise StoreError("no", cause="EIO")

    _before_reading(monkeypatch, bad, fail)


def test_unreadable_is_not_damaged(bag: Bag, monkeypatch: pytest.MonkeyPatch) -> None:
    _unreadable(monkeypatch, b"data/a.txt")
    found = bag.validated()
    assert bag.seen() == {(Code.UNREADABLE, b"data/a.txt")}
    assert found.outcome is Outcome.INCONCLUSIVE and (found.payload.good, found.payload.unread) == (1, 1)


def test_an_unreadable_manifest_makes_no_file_untracked(bag: Bag, monkeypatch: pytest.MonkeyPatch) -> None:
    bag.tag_manifest()
    _unreadable(monkeypatch, b"manifest-sha256.txt")
    assert bag.seen() == {(Code.UNREADABLE, b"manifest-sha256.txt")} and bag.outcome() is Outcome.INCONCLUSIVE


def _without_listing(monkeypatch: pytest.MonkeyPatch, closed: bytes) -> None:
    """That folder cannot be opened."""
    real = LocalStore.open_folder

    def open_folder(self: LocalStore, folder: bytes) -> int:
        if folder == closed:
            raise StoreError("no", cause="EACCES")
        return real(self, folder)

    monkeypatch.setattr(LocalStore, "open_folder", open_folder)


def test_a_folder_that_cannot_be_listed_makes_no_file_missing(bag: Bag, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_listing(monkeypatch, b"data/sub")
    bag.write(b"bag-info.txt", b"Payload-Oxum: 9.2\n")
    assert bag.seen() == {(Code.LISTING_INCOMPLETE, b"data/sub"), (Code.UNREADABLE, b"data/sub/b.txt")}
    assert bag.outcome() is Outcome.INCONCLUSIVE


def test_a_file_that_changes_while_it_is_read_is_not_judged(bag: Bag, monkeypatch: pytest.MonkeyPatch) -> None:
    _before_reading(monkeypatch, b"data/a.txt", lambda: bag.write(b"data/a.txt", b"alpha and more"))
    assert (Code.CHANGED_WHILE_READ, b"data/a.txt") in bag.seen() and bag.outcome() is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("name", [b"bagit.txt", b"manifest-sha256.txt", b"tagmanifest-sha256.txt", b"bag-info.txt"])
@pytest.mark.parametrize("listed", [True, False])
def test_a_tag_file_that_changes_while_it_is_read_is_not_believed(
    bag: Bag, monkeypatch: pytest.MonkeyPatch, name: bytes, listed: bool
) -> None:
    bag.write(b"bag-info.txt", b"A: 1\n")
    bag.tag_manifest(*(() if listed else (b"manifest-sha256.txt",)))
    times = count()
    _before_reading(monkeypatch, name, lambda: os.utime(bag.path / name.decode(), ns=(next(times), next(times))))
    assert bag.seen() == {(Code.CHANGED_WHILE_READ, name)}
    assert bag.outcome() is Outcome.INCONCLUSIVE


def test_a_folder_of_tag_files_that_cannot_be_listed_is_told(bag: Bag, monkeypatch: pytest.MonkeyPatch) -> None:
    bag.write(b"tags/x.xml", b"<x/>")
    bag.tag_manifest(b"bagit.txt", b"manifest-sha256.txt", b"tags/x.xml")
    assert not bag.seen()
    _without_listing(monkeypatch, b"tags")
    assert bag.seen() == {(Code.LISTING_INCOMPLETE, b"tags"), (Code.UNREADABLE, b"tags/x.xml")}
    assert bag.outcome() is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("declared", [DECLARED, DECLARED_0_97])
@pytest.mark.parametrize("depth", Depth)
def test_a_link_among_the_tag_files_is_told_and_not_followed(
    bag: Bag, tmp_path: Path, declared: bytes, depth: Depth
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.xml").write_bytes(b"<x/>")
    (bag.path / "tags").symlink_to(tmp_path / "elsewhere")
    bag.write(b"bagit.txt", declared)
    bag.write(b"bag-info.txt", b"Payload-Oxum: 9.2\n")
    for also in ((), (hexed(b"<x/>") + b"  tags/x.xml",)):
        bag.tag_manifest(b"bagit.txt", b"manifest-sha256.txt", b"bag-info.txt", more=also)
        found = validate(os.fsencode(bag.path), depth=depth)
        said = {(each.code, each.path) for each in found.findings if each.code not in ADVICE}
        missing = {(Code.MISSING, b"tags/x.xml")} if also and depth is not Depth.FAST else set()
        assert said == {(Code.WRONG_KIND, b"tags")} | missing and found.outcome is Outcome.FAIL


def test_tag_files_out_of_order_and_spilled_are_judged_alike(bag: Bag, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [b"tags/%d" % (number * 37 % 50) for number in range(50)]
    for name in names:
        bag.write(name, name)
    bag.write(NFD.replace(b"data", b"tags"), b"x")
    lines = [hexed(name) + b"  " + name for name in names if name != b"tags/9"]
    lines += [hexed(b"x") + b"  " + NFC.replace(b"data", b"tags"), hexed(b"") + b"  tags/gone"]
    bag.tag_manifest(b"bagit.txt", b"manifest-sha256.txt", more=tuple(lines))
    bag.write(b"tags/7", b"?")
    monkeypatch.setattr(Sorter.__init__, "__defaults__", (300,))
    assert bag.seen() == {
        (Code.DIGEST_MISMATCH, b"tags/7"),
        (Code.TAG_FILE_UNLISTED, b"tags/9"),
        (Code.MISSING, b"tags/gone"),
        (Code.NAME_NORMALISATION, NFC.replace(b"data", b"tags")),
    }


@pytest.mark.parametrize("last", [b"first", b"other"])
def test_a_file_that_is_listed_a_hundred_thousand_times_is_held_thrice_at_most(last: bytes) -> None:
    lines = (record(b"data/a", 0, number, b"first") for number in range(100_000))
    (expected,) = grouped(chain(lines, [record(b"data/a", 0, 100_000, last), record(b"data/a", 1, 1, b"more")]))
    told = {(claim.column, claim.digest) for claim in expected.claims}
    assert len(expected.claims) <= 4 and told == {(0, b"first"), (0, last), (1, b"more")}


def test_manifests_out_of_order_and_spilled_are_judged_alike(bag: Bag, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        name = b"data/%d" % (number * 37 % 50)
        bag.files[name] = name
        bag.write(name, name)
    bag.manifest(lines=bag.lines()[::-1])
    bag.write(b"data/7", b"?")
    monkeypatch.setattr(Sorter.__init__, "__defaults__", (300,))
    assert bag.seen() == {(Code.DIGEST_MISMATCH, b"data/7")}


def test_large_files_are_read_side_by_side_and_judged_in_order(bag: Bag) -> None:
    for number in range(9):
        name = b"data/large%d" % number
        bag.files[name] = bytes([number]) * 600_000
        bag.write(name, bag.files[name])
    bag.manifest()
    assert not bag.seen()
    bag.write(b"data/large4", bytes(600_000))
    assert bag.seen() == {(Code.DIGEST_MISMATCH, b"data/large4")}


def test_bytes_are_told_while_a_large_file_is_read(bag: Bag) -> None:
    told: list[int] = []

    class Telling(Silent):
        def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
            told.append(bytes)

    bag.files[b"data/large.bin"] = b"x" * (5 << 20)
    bag.write(b"data/large.bin", bag.files[b"data/large.bin"])
    bag.manifest()
    assert validate(os.fsencode(bag.path), progress=Telling()).outcome is Outcome.PASS
    assert sum(told) == (5 << 20) + 9 and max(told) < 5 << 20


def test_a_pool_that_is_ended_by_an_error_ends_what_it_reads(tmp_path: Path) -> None:
    """Ctrl-C must not wait until a file of a terabyte is read to its end."""
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)  # hours of zeros
    store = LocalStore(os.fsencode(tmp_path))
    wanted = Wanted(b"huge", partial(store.open, b"huge", past_cache=False), None)
    with pytest.raises(KeyboardInterrupt), LazyPool(1) as pool:
        digester = Digester(["sha256"], told=pool.telling(Silent()))
        begun = pool.submit(partial(digester.read, wanted))
        raise KeyboardInterrupt
    assert begun.done() and begun.result().problem == "stopped"


def test_a_file_under_another_name_is_told_on_both_sides(bag: Bag) -> None:
    (bag.path / "data/a.txt").rename(bag.path / "data/renamed.txt")
    bag.write(b"data/stranger", b"nobody's")
    messages = {finding.path: finding.message for finding in bag.found()}
    assert messages[b"data/a.txt"].endswith("its content lies under the name data/renamed.txt")
    assert messages[b"data/renamed.txt"].endswith("its content is that of data/a.txt, which is missing")
    assert "content" not in messages[b"data/stranger"]
    assert bag.outcome() is Outcome.FAIL
