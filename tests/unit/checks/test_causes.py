"""What damaged a file, told from its bytes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.causes import Cause, Comparison, Diagnosis

GOOD = random.Random(1).randbytes(10_000)
TEXT = "ទំព័រ one\nline two\n\nend".encode() * 100


def diagnosed(good: bytes, bad: bytes, *, step: int = 4096) -> Diagnosis:
    left = memoryview(bad)

    def read(count: int) -> bytes:
        nonlocal left
        taken, left = left[:count], left[count:]
        return bytes(taken)

    comparison = Comparison(read)
    for at in range(0, len(good), step):
        comparison.update(memoryview(good)[at : at + step])
    return comparison.conclude()


def flipped(content: bytes, *bits: int) -> bytes:
    changed = bytearray(content)
    for bit in bits:
        changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize(
    ("bad", "cause", "words"),
    [
        (flipped(GOOD, 400), Cause.SINGLE_BITS, "1 bit flipped, first at byte 50"),
        (flipped(GOOD, 400, 9000, 70_001), Cause.SINGLE_BITS, "3 bits flipped, first at byte 50"),
        (GOOD[:4096] + bytes(512) + GOOD[4608:], Cause.ZEROED, "bytes zeroed, first at byte 4,096"),
        (GOOD[:100] + bytes(3) + GOOD[103:], Cause.ZEROED, "3 bytes zeroed, first at byte 100"),
        (bytes(len(GOOD)), Cause.ZEROED, "zeroed"),
        (GOOD[:77], Cause.TRUNCATED, "cut off after 77 of 10,000 bytes"),
        (b"", Cause.TRUNCATED, "cut off after 0 of 10,000 bytes"),
        (GOOD + b"more", Cause.APPENDED, "4 bytes appended"),
        (GOOD[:50] + b"other" + GOOD[55:], Cause.OTHER, "from byte 50"),
        (random.Random(2).randbytes(10_000), Cause.OTHER, "other content (10,000 bytes where 10,000 were)"),
        (GOOD[1:], Cause.OTHER, "other content (9,999 bytes"),
        (GOOD, Cause.SAME, "no difference"),
    ],
)
def test_the_cause_is_told(bad: bytes, cause: Cause, words: str) -> None:
    told = diagnosed(GOOD, bad)
    assert told.cause is cause
    assert words in told.words
    assert (told.good_bytes, told.bad_bytes) == (len(GOOD), len(bad))


@pytest.mark.parametrize("step", [1, 2, 7, 4096])
@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (TEXT, TEXT.replace(b"\n", b"\r\n")),
        (TEXT.replace(b"\n", b"\r\n"), TEXT),
        (TEXT.replace(b"\n", b"\r"), TEXT),
    ],
)
def test_line_ends_are_told_wherever_the_buffers_are_cut(good: bytes, bad: bytes, step: int) -> None:
    assert diagnosed(good, bad, step=step).cause is Cause.LINE_ENDS


def test_many_single_bits_are_no_accident_of_single_bits() -> None:
    assert diagnosed(GOOD, flipped(GOOD, *range(0, 80_000, 800))).cause is Cause.OTHER


def test_a_large_file_that_is_all_other_is_told_without_looking_at_every_byte() -> None:
    good = bytes(range(1, 256)) * 20_000
    assert diagnosed(good, bytes(len(good)), step=1 << 20).cause is Cause.ZEROED
    assert diagnosed(good, b"x" * len(good), step=1 << 20).cause is Cause.OTHER


@given(good=st.binary(max_size=3000), bad=st.binary(max_size=3000), step=st.integers(1, 700))
def test_any_two_contents_get_a_cause_and_only_equal_ones_no_difference(good: bytes, bad: bytes, step: int) -> None:
    told = diagnosed(good, bad, step=step)
    assert (told.cause is Cause.SAME) == (good == bad)
    assert told.words
    assert told.differing_bytes == sum(one != other for one, other in zip(good, bad, strict=False))
