"""A store that shows what a reader is given, and turns bits on the way."""

from hashlib import sha256

from checks.digesting import Digester, Wanted
from checks.evidence import Evidence
from preserve.audit.watched import Watched
from tests.support.memory_store import REPLICA, MemoryStore

CONTENT = bytes(range(256)) * 9000  # more than a buffer


def digest(watched: Watched, offset: int = 0, length: int | None = None) -> tuple[bytes, Evidence]:
    wanted = Wanted(
        path=b"a",
        open=lambda: watched.open(b"a", past_cache=True, offset=offset),
        expected_bytes=len(CONTENT),
        offset=offset,
        length=length,
    )
    reading = Digester(("sha256",)).read(wanted)
    return reading.digests["sha256"], reading.evidence


def turned(bit: int) -> bytes:
    content = bytearray(CONTENT)
    content[bit // 8] ^= 0x80 >> bit % 8
    return bytes(content)


def test_without_anything_turned_it_hands_on_and_counts() -> None:
    watched = Watched(MemoryStore({b"a": CONTENT}), {}, None)
    assert digest(watched) == (sha256(CONTENT).digest(), Evidence.READ_MEDIUM)
    assert watched.handed_out == len(CONTENT)
    assert watched.identity() == REPLICA
    assert watched.stat(b"a").size_bytes == len(CONTENT)


def test_one_bit_of_one_file_is_turned_wherever_it_is() -> None:
    for bit in (0, 7, 8 * (1 << 20) - 1, 8 * (1 << 20), len(CONTENT) * 8 - 1):
        watched = Watched(MemoryStore({b"a": CONTENT}), {b"a": bit, b"b": 3}, None)
        assert digest(watched)[0] == sha256(turned(bit)).digest()


def test_a_segment_sees_the_bit_only_if_that_lies_in_it() -> None:
    watched = Watched(MemoryStore({b"a": CONTENT}), {b"a": 8 * 5000}, None)
    assert digest(watched, 4096, 4096)[0] == sha256(turned(8 * 5000)[4096:8192]).digest()
    assert digest(watched, 8192, 4096)[0] == sha256(CONTENT[8192:12288]).digest()


def test_it_claims_what_it_is_told_to() -> None:
    watched = Watched(MemoryStore({b"a": CONTENT}), {}, Evidence.CLAIMED)
    assert digest(watched) == (sha256(CONTENT).digest(), Evidence.CLAIMED)
