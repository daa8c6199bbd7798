"""How paths are written in manifests, and which ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preserve.bag.paths import decoded, encoded, has_bare_percent, why_unsafe


@given(st.binary())
def test_writing_and_reading_is_the_same_name(path: bytes) -> None:
    written = encoded(path)
    assert decoded(written, (1, 0)) == path
    assert b"\n" not in written and b"\r" not in written and not has_bare_percent(written)


def test_version_0_97_leaves_the_percent_sign_alone() -> None:
    assert decoded(b"data/a%25%0A%0d", (0, 97)) == b"data/a%25\n\r"
    assert decoded(b"data/a%25%0a%0D", (1, 0)) == b"data/a%\n\r"


def test_other_escapes_are_names_and_not_paths() -> None:
    assert decoded(b"data/%2e%2e/x", (1, 0)) == b"data/%2e%2e/x"


@pytest.mark.parametrize(
    "path",
    [
        *(b"..", b"data/../x", b"data/..", b"/etc/passwd", b"~/x", b"~root", b"C:/x", b"c:x", b"\\\\host\\x"),
        *(b"data/a\0b", b"data//x", b"data/./x", b"./data/x", b"data/", b"", b".", b"data/../../bag-evil/x"),
    ],
)
def test_unsafe(path: bytes) -> None:
    assert why_unsafe(path) is not None


@pytest.mark.parametrize(
    "path", [b"data/x", b"data/...", b"data/..x", b"data/x..", b"data/~x", b"data/C:/x", b"data/a\\b", b"data/ ", b"*x"]
)
def test_safe(path: bytes) -> None:
    assert why_unsafe(path) is None
