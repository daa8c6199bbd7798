"""Lines end at LF, CR or CRLF and nowhere else, however the bytes come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preserve.bag.tags.lines import as_utf8, split_lines


@given(st.binary(max_size=60), st.lists(st.integers(1, 7), min_size=1, max_size=20))
def test_chunks_do_not_matter(content: bytes, sizes: list[int]) -> None:
    chunks, rest = [], content
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    chunks.append(rest)
    assert [line for _, line in split_lines(chunks)] == content.splitlines()


@pytest.mark.parametrize("character", ["\u2028", "\u0085", "\x0b", "\x0c", "\x1c", "\u00a0", " "])
def test_other_separators_belong_to_the_name(character: str) -> None:
    line = f"data/a{character}".encode()
    assert list(split_lines([line + b"\n"])) == [(1, line)]


def test_a_line_over_the_limit_is_told_and_not_kept() -> None:
    chunks = [b"a\n" + b"x" * 50, b"x" * 50 + b"\r", b"\nb"]
    assert list(split_lines(chunks, limit=10)) == [(1, b"a"), (2, None), (3, b"b")]


def test_other_encodings_become_utf8() -> None:
    text = "data/ខ្មែរ\n"
    assert b"".join(as_utf8([text.encode("utf-16")[:5], text.encode("utf-16")[5:]], "utf-16")) == text.encode()


def test_bytes_of_another_encoding_are_an_error() -> None:
    with pytest.raises(UnicodeError):
        list(as_utf8([b"a\x00b"], "utf-16-le"))


@pytest.mark.parametrize("codec", ["utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le"])
@pytest.mark.parametrize("marked", [True, False])
def test_with_or_without_a_mark_the_order_of_bytes_is_seen(codec: str, marked: bool) -> None:
    text = "8ad8  data/ខ្មែរ\n"
    content = (("\ufeff" if marked else "") + text).encode(codec)
    assert b"".join(as_utf8([content], codec[:6])) == text.encode()


def test_nothing_is_nothing_in_any_encoding() -> None:
    assert not list(as_utf8([], "utf-16"))


def test_what_is_passed_over_is_not_gathered_again() -> None:
    chunks = [b"x" * 10] * 1_000 + [b"\ny\n"]
    assert list(split_lines(chunks, limit=100)) == [(1, None), (2, b"y")]
