"""RFC 8493 §5: security considerations."""

import os
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import Bag, hexed

OUTSIDE = [
    *(b"/etc/passwd", b"//etc/passwd", b"../x", b"..", b".", b"data/../../x", b"data/../data/a.txt", b"data/.."),
    *(b"data/../../bag-evil/x", b"data/./a.txt", b"data//a.txt", b"~/x", b"~root/x", b"~", b"data/a\0.txt"),
    *(b"C:\\Windows\\x", b"c:/x", b"C:x", b"\\\\host\\share\\x", b"\\\\?\\C:\\x", b"\\\\.\\pipe\\x"),
    *(b"data/%2e%2e/%2e%2e/x", b"data/..%2f..%2fx", b"data/%2E./x", b"data/x/%0A/../../../y"),
]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("where", ["payload manifest", "tag manifest", "fetch"])
def test_section_5_1_no_path_leads_out_of_the_bag(bag: Bag, tmp_path: Path, where: str, path: bytes) -> None:
    evil = tmp_path / "bag-evil"
    evil.mkdir()
    (evil / "x").write_bytes(b"")
    line = hexed(b"") + b"  " + path
    if where == "payload manifest":
        bag.manifest(line)
    elif where == "tag manifest":
        bag.tag_manifest(more=(line,))
    else:
        bag.write(b"fetch.txt", b"https://example.org/x 0 " + path + b"\n")
    assert Code.UNSAFE_PATH in {code for code, _ in bag.seen()} and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize(
    "path", [b"%HomeDrive%\\Windows\\x", b"$HOME/x", b"`id`", b"data\\..\\..\\x", b"file:///etc/x"]
)
def test_section_5_1_what_only_other_systems_would_follow_is_no_payload_either(bag: Bag, path: bytes) -> None:
    bag.manifest(hexed(b"") + b"  " + path)
    assert bag.outcome() is Outcome.FAIL and bag.validated().payload.good == 2


@pytest.mark.parametrize("target", ["sub/b.txt", "/etc/passwd", "../../outside", "nothing", "link", "."])
def test_section_5_1_no_link_is_followed(bag: Bag, tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_bytes(b"beta")
    os.symlink(target, bag.path / "data/link")
    bag.manifest(hexed(b"beta") + b"  data/link")
    assert bag.seen() == {(Code.WRONG_KIND, b"data/link")} and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize(
    "name", ["bagit.txt", "manifest-sha256.txt", "bag-info.txt", "fetch.txt", "tagmanifest-sha256.txt"]
)
@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_section_5_1_a_tag_file_is_a_file(bag: Bag, tmp_path: Path, name: str, kind: str) -> None:
    path = bag.path / name
    if path.exists():
        path.rename(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(b"")
    if kind == "link":
        path.symlink_to(tmp_path / name)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert (Code.WRONG_KIND, name.encode()) in bag.seen() and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("scheme", [b"file", b"gopher", b"javascript", b"data", b"ssh", b"c", b"FILE"])
def test_section_5_2_a_scheme_that_is_not_usual_is_a_warning(bag: Bag, scheme: bytes) -> None:
    bag.write(b"fetch.txt", scheme + b":///etc/passwd 5 data/a.txt\n")
    (finding,) = bag.found()
    assert (finding.code, finding.file, finding.line) == (Code.FETCH_SCHEME_UNUSUAL, b"fetch.txt", 1)
    assert finding.path == b"data/a.txt" and bag.outcome() is Outcome.PASS


@pytest.mark.parametrize("url", [b"http://127.0.0.1:1/x", b"https://169.254.169.254/x", b"ftp://[::1]/x", b"S3://b/x"])
def test_section_5_2_nothing_is_fetched_and_no_host_is_judged(bag: Bag, url: bytes) -> None:
    bag.write(b"fetch.txt", url + b" 5 data/a.txt\n")
    assert not bag.seen()


@pytest.mark.parametrize("length", [b"4", b"6", b"0", b"99999999999999999999999999"])
def test_section_5_3_a_length_that_lies_is_a_warning_and_the_checksum_decides(bag: Bag, length: bytes) -> None:
    bag.write(b"fetch.txt", b"https://example.org/x " + length + b" data/a.txt\n")
    (finding,) = bag.found()
    assert (finding.code, finding.line, finding.path) == (Code.FETCH_LENGTH_MISMATCH, 1, b"data/a.txt")
    assert finding.expected == {"size_bytes": int(length)} and finding.observed == {"size_bytes": 5}
    assert bag.outcome() is Outcome.PASS and bag.validated().payload.good == 2
    bag.write(b"data/a.txt", b"ALPHA!")
    assert (Code.DIGEST_MISMATCH, b"data/a.txt") in bag.seen()
