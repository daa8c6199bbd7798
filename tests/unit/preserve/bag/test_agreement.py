"""Catalog against manifests, without reading a file: other digests, names that only one of them has."""

from hashlib import md5, sha256

from checks.inventory import Entry
from preserve.bag.validating.agreement import Compared, Disagreement, Way, disagreements
from tests.support.memory_store import MemoryStore

FILES = {b"data/a": b"a", b"data/100%": b"b", "data/ទំព័រ".encode(): b"c", b"data/line\nbreak": b"d"}
BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def written(path: bytes, version: str) -> bytes:
    path = path.replace(b"%", b"%25") if version == "1.0" else path
    return path.replace(b"\n", b"%0A")


def manifest(files: dict[bytes, bytes], version: str = "1.0") -> bytes:
    return b"".join(b"%s  %s\n" % (sha256(c).hexdigest().encode(), written(p, version)) for p, c in files.items())


def bag(version: str = "1.0", **changed: bytes) -> dict[bytes, bytes]:
    """A bag's files; `changed` are tag files by their names, with - written as _."""
    files = dict(FILES)
    tags = {b"bagit.txt": BAGIT.replace(b"1.0", version.encode()), b"manifest-sha256.txt": manifest(FILES, version)}
    tags |= {name.replace("_", "-").encode() + b".txt": content for name, content in changed.items()}
    return {**files, **tags, b"tagmanifest-sha256.txt": manifest(tags)}


def entries(files: dict[bytes, bytes]) -> list[Entry]:
    return [Entry(path, len(content), sha256(content).digest()) for path, content in sorted(files.items())]


def compare(files: dict[bytes, bytes], expected: list[Entry]) -> tuple[list[Disagreement], Compared]:
    compared = Compared()
    store = MemoryStore({b"box/" + path: content for path, content in files.items()})
    found = list(disagreements(store, b"box", expected, compared))
    assert not {path for path in store.opened if path.startswith(b"box/data/")}
    assert store.open_now == 0
    return found, compared


def test_a_bag_agrees_with_what_was_taken_in() -> None:
    for version in ("1.0", "0.97"):
        found, compared = compare(bag(version), entries(bag(version)))
        assert found == []
        assert (compared.files, compared.by_digest) == (7, 6)  # nothing lists the tag manifest


def test_another_digest_in_the_catalog() -> None:
    expected = [entry._replace(sha256=bytes(32)) if entry.path == b"data/a" else entry for entry in entries(bag())]
    (one,), _ = compare(bag(), expected)
    assert (one.way, one.path, one.manifest, one.line) == (Way.DIGEST, b"data/a", b"manifest-sha256.txt", 1)
    assert (one.expected, one.listed) == (bytes(32).hex(), sha256(b"a").hexdigest())


def test_another_digest_of_a_tag_file() -> None:
    expected = [entry._replace(sha256=bytes(32)) if entry.path == b"bagit.txt" else entry for entry in entries(bag())]
    (one,), _ = compare(bag(), expected)
    assert (one.way, one.path, one.manifest) == (Way.DIGEST, b"bagit.txt", b"tagmanifest-sha256.txt")


def test_a_file_that_only_one_of_them_has() -> None:
    expected = [entry for entry in entries(bag()) if entry.path != b"data/line\nbreak"]
    more = [*expected, Entry(b"data/z", 1, bytes(32)), Entry(b"notes.txt", 1, bytes(32))]
    found, compared = compare(bag(), more)
    assert [(one.way, one.path) for one in found] == [
        (Way.NOT_EXPECTED, b"data/line\nbreak"),
        (Way.NOT_LISTED, b"data/z"),  # but tag files need not be listed
    ]
    assert (compared.files, compared.by_digest) == (8, 5)


def test_of_other_algorithms_only_the_names_count() -> None:
    lines = b"".join(b"%s  %s\n" % (md5(b"?").hexdigest().encode(), written(p, "1.0")) for p in FILES if p != b"data/a")
    files = {**FILES, b"bagit.txt": BAGIT, b"manifest-md5.txt": lines}
    found, compared = compare(files, entries(files))
    assert [(one.way, one.path) for one in found] == [(Way.NOT_LISTED, b"data/a")]
    assert compared.by_digest == 0


def test_what_cannot_be_read_is_said_and_nothing_is_concluded_from_it() -> None:
    expected = entries(bag())
    gone = {path: content for path, content in bag().items() if path != b"manifest-sha256.txt"}
    found, compared = compare(gone, expected)
    assert [(one.way, one.path) for one in found] == [(Way.UNREADABLE, b"manifest-sha256.txt")]
    assert compared.by_digest == 2  # the tag files
    assert [one.way for one in compare({}, expected)[0]] == [Way.UNREADABLE, Way.UNREADABLE]


def test_lines_that_are_none() -> None:
    files = bag(manifest_sha256=manifest(FILES) + b"nonsense\n\xff  data/a\n" + b"zz  data/a\n")
    found, _ = compare(files, entries(files))
    assert [(one.way, one.line) for one in found] == [(Way.UNREADABLE, 5), (Way.UNREADABLE, 6)]


def test_a_manifest_spelled_otherwise() -> None:
    files = {**FILES, b"bagit.txt": BAGIT, b"manifest-SHA-256.txt": manifest(FILES)}
    assert compare(files, entries(files))[1].by_digest == 4
