"""Bags such as are met in the field and in public collections of test bags, and what `preserve validate` makes of them.

Every case is a good bag of a version, changed in one way; all are built here.
"""

import json
import unicodedata
from collections.abc import Callable
from os import mkfifo
from pathlib import Path
from typing import NamedTuple

import pytest

from preserve.cli.main import main
from tests.unit.preserve.bag.bags import Bag, hexed

GOOD, BAD, OPEN = 0, 1, 3
NFC, NFD = (unicodedata.normalize(form, "data/Núñez").encode() for form in ("NFC", "NFD"))
EMPTY = hexed(b"")

Change = Callable[[Bag], object]


class Case(NamedTuple):
    name: str
    version: str
    status: int
    code: str | None  # one that is among the findings; None: there is no error, and nothing but advice
    change: Change


def _declared(content: bytes) -> Change:
    return lambda bag: bag.write(b"bagit.txt", content)


def _listed(*lines: bytes) -> Change:
    return lambda bag: bag.manifest(*lines)


def _with(*names: bytes) -> Change:
    def change(bag: Bag) -> None:
        for name in names:
            bag.files[name] = b""
            bag.write(name, b"")
        bag.manifest()

    return change


def _fetched(*lines: bytes) -> Change:
    return lambda bag: bag.write(b"fetch.txt", b"".join(line + b"\n" for line in lines))


def _unlink(name: str) -> Change:
    return lambda bag: (bag.path / name).unlink()


def _encoded(declared: str, codec: str) -> Change:
    """All tag files but bagit.txt in another encoding."""

    def change(bag: Bag) -> None:
        path = "data/é".encode()
        bag.files[path] = b""
        bag.write(path, b"")
        bag.manifest()
        bag.write(b"bag-info.txt", "Contact-Name: é\n".encode())
        for name in ("manifest-sha256.txt", "bag-info.txt"):
            (bag.path / name).write_bytes((bag.path / name).read_text("utf-8").encode(codec))
        old = (bag.path / "bagit.txt").read_bytes()
        bag.write(b"bagit.txt", old.replace(b"UTF-8", declared.encode()))

    return change


def _of(algorithm: str) -> Change:
    def change(bag: Bag) -> None:
        (bag.path / "manifest-sha256.txt").unlink()
        bag.manifest(algorithm=algorithm)

    return change


def _holey(bag: Bag) -> None:
    (bag.path / "data/a.txt").unlink()
    bag.write(b"fetch.txt", b"https://example.org/a%20b - data/a.txt\n")


def _only_a_tag_manifest(bag: Bag) -> None:
    (bag.path / "manifest-sha256.txt").unlink()
    bag.tag_manifest(b"bagit.txt")


def _bag_in_a_bag(bag: Bag) -> None:
    inner = Bag(bag.path / "data/inner")
    for name in (*inner.files, b"bagit.txt", b"manifest-sha256.txt"):
        bag.files[b"data/inner/" + name] = (inner.path / name.decode()).read_bytes()
    bag.manifest()


def _one_of_two_forms(bag: Bag) -> None:
    bag.write(NFC, b"")
    bag.manifest(EMPTY + b"  " + NFC, EMPTY + b"  " + NFD)


def _corrupt_tag_file(bag: Bag) -> None:
    bag.write(b"bag-info.txt", b"Contact-Name: A\n")
    bag.tag_manifest()
    bag.write(b"bag-info.txt", b"Contact-Name: B\n")


def _missing_baginfo(bag: Bag) -> None:
    bag.write(b"bag-info.txt", b"Contact-Name: A\n")
    bag.tag_manifest()
    (bag.path / "bag-info.txt").unlink()


def _other_form_on_disk(bag: Bag) -> None:
    bag.write(NFD, b"")
    bag.manifest(EMPTY + b"  " + NFC)


def _carriage_returns(bag: Bag) -> None:
    bag.write(b"manifest-sha256.txt", b"\r".join([*bag.lines(), b""]))


def _minimal(bag: Bag) -> None:
    (bag.path / "data/sub/b.txt").unlink()
    del bag.files[b"data/sub/b.txt"]
    bag.manifest()


def _nothing_at_all(bag: Bag) -> None:
    for name in bag.files:
        (bag.path / name.decode()).unlink()
    bag.files.clear()
    bag.manifest()


def _lists_itself(bag: Bag) -> None:
    bag.tag_manifest(more=(EMPTY + b"  tagmanifest-sha256.txt",))


def _instead(name: str, put: Callable[[Path], object]) -> Change:
    """Something else in the place of a file or folder, which lies beside the bag."""

    def change(bag: Bag) -> None:
        full = bag.path / name
        if full.exists():
            full.rename(bag.path.parent / f"was-{full.name}")
        put(full)

    return change


def _to_what_was(full: Path) -> None:
    full.symlink_to(full.parent / f"was-{full.name}")


def _of_other_digests(bag: Bag) -> None:
    bag.manifest(lines=bag.lines("md5"))


def _zero_bytes(name: bytes) -> Change:
    return lambda bag: bag.write(name, b"")


def _info(content: bytes, name: bytes = b"bag-info.txt") -> Change:
    return lambda bag: bag.write(name, content)


VERSIONS = ("0.93", "0.94", "0.95", "0.96", "0.97", "1.0")
OUT_OF_SCOPE = (
    *(b"../../../README.md", b"/tmp/foo", b"~/foo", b"~root/foo", b"C:\\Windows\\x.exe", b"\\\\?\\UNC\\s\\x"),
)

CASES = [
    *(Case("basic", version, GOOD, None, lambda bag: None) for version in VERSIONS),
    *(Case(f"basic {a}", "0.97", GOOD, None, _of(a)) for a in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")),
    *(Case(f"uncommon algorithm {a}", "0.97", GOOD, None, _of(a)) for a in ("sha3_256", "blake2b", "blake2s")),
    Case("minimal", "0.97", GOOD, None, _minimal),
    Case("bag in a bag", "0.97", GOOD, "bag-in-bag", _bag_in_a_bag),
    Case("name with spaces", "0.97", GOOD, None, _with(b"data/file name with  spaces.txt")),
    Case("names that look encoded", "0.97", GOOD, None, _with(b"data/%7Etest1", b"data/%test2", b"data/dir/~test3")),
    Case("khmer names", "1.0", GOOD, None, _with("data/ឯកសារ/ថត.txt".encode())),
    Case("duplicate metadata", "0.97", GOOD, None, _info(b"Bagging-Date: 1\nBagging-Date: 2\nContact-Name: A\n")),
    Case("duplicate metadata", "0.93", GOOD, None, _info(b"Packing-Date: 1\nPacking-Date: 2\n", b"package-info.txt")),
    Case("metadata separators", "0.97", GOOD, None, _info(b"A : 1\nB:2\nC\t:\t3\nD:   4\n   more\n")),
    Case("metadata separators", "1.0", BAD, "info-malformed", _info(b"A : 1\n")),
    Case("UTF-16BE tag files", "0.97", GOOD, None, _encoded("UTF-16BE", "utf-16-be")),
    Case("UTF-16 tag files", "0.97", GOOD, None, _encoded("UTF-16", "utf-16")),
    Case("ISO-8859-1 tag files", "0.97", GOOD, None, _encoded("ISO-8859-1", "latin-1")),
    Case("UTF-16 declared, UTF-8 written", "0.97", BAD, None, _encoded("UTF-16", "utf-8")),
    Case("CRLF declaration", "0.95", GOOD, None,
         _declared(b"BagIt-Version: 0.95\r\nTag-File-Character-Encoding: UTF-8\r\n")),
    Case("CR line ends in a manifest", "0.97", GOOD, None, _carriage_returns),
    Case("holey", "0.97", BAD, "missing", _holey),
    Case("fetched", "0.97", GOOD, None, _fetched(b"http://localhost:8989/a%20b - data/a.txt")),
    Case("local fetch", "0.97", GOOD, "fetch-scheme-unusual", _fetched(b"file:///home/x/a.txt 5 data/a.txt")),
    Case("local fetch outside data", "0.97", BAD, "fetch-malformed", _fetched(b"file:///home/x/a.txt 5 a.txt")),
    Case("leading ./", "0.97", GOOD, "foreign-prefix", lambda bag: bag.manifest(lines=[
        hexed(b"alpha") + b"  ./data/a.txt", hexed(b"beta") + b"  ./data/sub/b.txt"])),
    Case("made with md5sum", "0.97", GOOD, "foreign-prefix", lambda bag: bag.manifest(lines=[
        hexed(b"alpha") + b" *data/a.txt", hexed(b"beta") + b" *data/sub/b.txt"])),
    Case("twice with the same hash", "0.97", GOOD, "repeated-entry", _listed(hexed(b"alpha") + b"  data/a.txt")),
    Case("twice with the same hash", "1.0", BAD, "duplicate-entry", _listed(hexed(b"alpha") + b"  data/a.txt")),
    Case("twice with different hashes", "0.97", BAD, "duplicate-entry", _listed(EMPTY + b"  data/a.txt")),
    Case("twice with different hashes", "1.0", BAD, "duplicate-entry", _listed(EMPTY + b"  data/a.txt")),
    Case("two cases of a name", "0.97", GOOD, "names-differ-in-case", _with(b"data/hello", b"data/HELLO")),
    Case("two forms of a name", "0.97", GOOD, "names-differ-in-form", _with(NFC, NFD)),
    Case("two forms of a name, one file", "0.97", BAD, "missing", _one_of_two_forms),
    Case("another form on disk", "0.97", GOOD, "name-normalisation", _other_form_on_disk),
    Case("another form on disk", "1.0", GOOD, "name-normalisation", _other_form_on_disk),
    *(Case(f"system file {name.decode()}", "0.97", GOOD, "system-files", _with(b"data/" + name))
      for name in (b".DS_Store", b"Thumbs.db", b"._a.txt", b"desktop.ini", b".Trashes", b".Spotlight-V100")),
    Case("byte-order mark in bagit.txt", "0.97", BAD, "declaration-malformed",
         _declared(b"\xef\xbb\xbfBagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n")),
    Case("no encoding", "0.97", BAD, "declaration-malformed", _declared(b"BagIt-Version: 0.97\n")),
    Case("no version number", "0.97", BAD, "declaration-malformed",
         _declared(b"BagIt-Version: .97\nTag-File-Character-Encoding: UTF-8\n")),
    Case("white space in bagit.txt", "1.0", BAD, "declaration-malformed",
         _declared(b"BagIt-Version : 1.0\nTag-File-Character-Encoding : UTF-8\n")),
    Case("white space in bagit.txt", "0.97", GOOD, "declaration-spacing",
         _declared(b"BagIt-Version : 0.97\nTag-File-Character-Encoding : UTF-8\n")),
    Case("nothing in bagit.txt", "1.0", BAD, "declaration-malformed", _zero_bytes(b"bagit.txt")),
    Case("nothing in a manifest", "1.0", BAD, "untracked", _zero_bytes(b"manifest-sha256.txt")),
    Case("nothing in bag-info.txt and fetch.txt", "1.0", GOOD, None,
         lambda bag: (bag.write(b"bag-info.txt", b""), bag.write(b"fetch.txt", b""))),
    Case("a version of later days", "2.0", OPEN, "version-unsupported", lambda bag: None),
    Case("no bagit.txt", "0.97", BAD, "not-a-bag", _unlink("bagit.txt")),
    Case("no payload manifest", "1.0", BAD, "manifest-missing", _unlink("manifest-sha256.txt")),
    Case("only a tag manifest", "1.0", BAD, "manifest-missing", _only_a_tag_manifest),
    Case("corrupt payload file", "0.97", BAD, "digest-mismatch", lambda bag: bag.write(b"data/a.txt", b"ALPHA")),
    Case("corrupt tag file", "0.97", BAD, "digest-mismatch", _corrupt_tag_file),
    Case("no bag-info.txt, though listed", "0.97", BAD, "missing", _missing_baginfo),
    Case("extra file", "0.97", BAD, "untracked", lambda bag: bag.write(b"data/bar", b"")),
    Case("missing from one manifest", "1.0", BAD, "manifests-disagree",
         lambda bag: bag.manifest(algorithm="sha512", lines=bag.lines("sha512")[1:])),
    Case("missing file", "1.0", BAD, "missing", _unlink("data/a.txt")),
    Case("wrong Payload-Oxum", "0.97", BAD, "oxum-mismatch", _info(b"Payload-Oxum: 9.3\n")),
    Case("unknown algorithm only", "1.0", OPEN, "algorithm-unknown",
         lambda bag: (bag.path / "manifest-sha256.txt").rename(bag.path / "manifest-tiger.txt")),
    *(Case(f"out of scope {path.decode()}", version, BAD, "unsafe-path", change)
      for path in OUT_OF_SCOPE
      for version in ("0.97", "1.0")
      for change in (_listed(EMPTY + b"  " + path), _fetched(b"https://example.org/x - " + path))),
    *(Case(f"hostile path {path.decode()}", version, BAD, "unsafe-path", _listed(hexed(b"alpha") + b"  " + path))
      for path in (b"data/../../bag-evil/x", b"data/../data/a.txt", b"data/%2e%2e/%2E%2E/x", b"data/..%2f..%2fx",
                   b"data//a.txt", b"data/./a.txt", b"data/sub/../a.txt", b"data/", b"data/a.txt/", b"data/x\0")
      for version in ("0.97", "1.0")),
    Case("a sibling whose name begins alike", "1.0", BAD, "unsafe-path", _listed(EMPTY + b"  ../bag-evil/x")),
    Case("checksums of another algorithm", "1.0", BAD, "digest-malformed", _of_other_digests),
    Case("a tag manifest that lists itself", "1.0", BAD, "not-a-tag-file", _lists_itself),
    Case("a tag manifest that lists itself", "0.97", BAD, "digest-mismatch", _lists_itself),
    Case("no payload, an empty manifest", "1.0", GOOD, None, _nothing_at_all),
    Case("comments only", "1.0", BAD, "line-malformed", lambda bag: bag.manifest(lines=[b"# nothing here"])),
    Case("a superscript in Payload-Oxum", "1.0", BAD, "oxum-malformed", _info("Payload-Oxum: ².1\n".encode())),
    Case("another case of a listed name", "1.0", BAD, "missing", _listed(hexed(b"alpha") + b"  data/A.TXT")),
    Case("another case of data/", "1.0", BAD, "payload-folder-missing", lambda bag: bag.path.joinpath("data").rename(
        bag.path / "Data")),
    Case("%25 in an old name", "0.97", GOOD, None, _with(b"data/100%25")),
    Case("fetch.txt that lists what no manifest lists", "1.0", BAD, "fetch-unlisted",
         _fetched(b"https://example.org/x - data/other")),
    Case("mixed line ends", "1.0", GOOD, None, lambda bag: bag.write(
        b"manifest-sha256.txt", b"\r".join(bag.lines()) + b"\r\n")),
    *(Case(f"{kind} for {name}", "1.0", BAD, "wrong-kind", _instead(name, put))
      for kind, put in (("link", _to_what_was), ("FIFO", mkfifo), ("folder", Path.mkdir))
      for name in ("bagit.txt", "manifest-sha256.txt", "bag-info.txt", "fetch.txt")),
    *(Case(f"{kind} for {name}", "1.0", BAD, "wrong-kind", _instead(name, put))
      for kind, put in (("link", _to_what_was), ("FIFO", mkfifo))
      for name in ("data", "data/a.txt", "data/sub", "data/new")),
    Case("out of scope %HomeDrive%", "0.97", BAD, "not-payload", _listed(EMPTY + b"  %HomeDrive%\\Windows\\x.exe")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.version} {case.name}")
def test_case(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declared = f"BagIt-Version: {case.version}\nTag-File-Character-Encoding: UTF-8\n".encode()
    bag = Bag(tmp_path / "bag", declared)
    case.change(bag)
    status = main(["validate", str(bag.path), "--json"])
    out, err = capsys.readouterr()
    found = json.loads(out)["findings"]
    codes = {finding["code"] for finding in found}
    errors = {finding["code"] for finding in found if finding["severity"] == "error"}
    assert status == case.status, found
    assert "Traceback" not in err
    assert case.code is None or case.code in codes
    assert bool(errors) is (case.status != GOOD)


def test_names_of_cases_tell_them_apart() -> None:
    assert len({(case.version, case.name, case.code, id(case.change)) for case in CASES}) == len(CASES) > 70


@pytest.mark.parametrize("depth", ["--fast", "--completeness-only"])
@pytest.mark.parametrize("case", [case for case in CASES if case.code == "wrong-kind"], ids=lambda case: case.name)
def test_what_is_no_file_is_told_however_little_is_looked_at(
    case: Case, depth: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = Bag(tmp_path / "bag")
    bag.write(b"bag-info.txt", b"Payload-Oxum: 9.2\n")
    case.change(bag)
    status = main(["validate", str(bag.path), "--json", depth])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert status == BAD and "wrong-kind" in {finding["code"] for finding in found}
