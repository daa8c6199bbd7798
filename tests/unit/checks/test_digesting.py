"""One read of each byte."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from checks import digesting
from checks.digesting import DIGEST_BYTES, Digester, Wanted, new_hash, normalised
from checks.evidence import Evidence
from tests.support.memory_store import MemoryStore, io_error


def wanted(store: MemoryStore, path: bytes, **options: object) -> Wanted:
    size = len(store.files.get(path, b""))
    return Wanted(path=path, open=lambda: store.open(path, past_cache=True), expected_bytes=size, **options)


@pytest.mark.parametrize("name", sorted(DIGEST_BYTES))
def test_every_algorithm_is_hashlibs_own(name: str) -> None:
    theirs = {"sha3224": "sha3_224", "sha3256": "sha3_256", "sha3384": "sha3_384", "sha3512": "sha3_512"}
    hash_ = new_hash(name)
    hash_.update(b"abc")
    assert hash_.digest() == hashlib.new(theirs.get(name, name), b"abc").digest()


def test_names_of_algorithms_are_normalised_as_the_rfc_says() -> None:
    assert normalised("SHA3-256") == "sha3256"
    assert normalised("SHA-512") == "sha512"


def test_all_digests_segments_and_the_sink_come_from_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digesting, "SEGMENT_BYTES", 1000)
    content = bytes(range(256)) * 10
    store, sunk = MemoryStore({b"a": content}), bytearray()
    reading = Digester(("md5", "sha256")).read(wanted(store, b"a", segmented=True, sink=sunk.extend))
    assert reading.sound and reading.size_bytes == reading.bytes_read == len(content)
    assert reading.digests == {"md5": hashlib.md5(content).digest(), "sha256": hashlib.sha256(content).digest()}
    assert reading.segments == tuple(
        hashlib.sha256(content[n : n + 1000]).digest() for n in range(0, len(content), 1000)
    )
    assert bytes(sunk) == content
    assert store.opened == [b"a"]
    assert reading.evidence is Evidence.READ_MEDIUM


def test_readings_keep_the_order_and_never_raise() -> None:
    files = {b"%d" % n: bytes([n]) * (n % 3 * 300_000 + 1) for n in range(40)}
    store = MemoryStore(files)
    store.faults[b"7"] = [io_error]
    names = [*files, b"not there"]
    with ThreadPoolExecutor(2) as pool:
        readings = list(Digester(("sha256",), pool).observe(wanted(store, name) for name in names))
    assert [reading.path for reading in readings] == names
    assert readings[7].problem == "EIO" and not readings[7].sound and readings[7].digests == {}
    assert readings[-1].missing
    good = [r for r in readings if r.sound]
    assert len(good) == 39
    assert all(r.digests["sha256"] == hashlib.sha256(files[r.path]).digest() for r in good)


def test_a_file_that_grows_while_it_is_read_is_told() -> None:
    store = MemoryStore({b"a": b"x" * 10})

    def grow(path: bytes) -> None:
        store.files[path] += b"y"

    store.on_read = grow
    reading = Digester(("sha256",)).read(wanted(store, b"a"))
    assert reading.changed and not reading.sound


def test_a_file_shorter_than_its_stat_says_is_not_sound() -> None:
    store = MemoryStore({b"a": b"x" * 10})
    store.faults[b"a"] = [lambda content: content[:4]]
    assert not Digester(("sha256",)).read(wanted(store, b"a")).sound
