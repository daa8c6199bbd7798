"""How paths are written in manifests, and which ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preserve.bag.tags.paths import V1_0, decoded, encoded, has_bare_percent, why_unsafe, why_written_unsafe


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


@pytest.mark.parametrize(
    "written",
    [b"data/%2e%2e/x", b"data/.%2E/x", b"data/%2e./x", b"data/x%2F..%2fy", b"%2e%2e", b"data/%2e%2e", b"data/..%2fx"],
)
def test_what_climbs_for_a_tool_that_decodes_everything(written: bytes) -> None:
    assert why_written_unsafe(written, decoded(written, V1_0)) is not None


@pytest.mark.parametrize(
    "written", [b"data/%252e%252e/x", b"data/%2e%2e%2e", b"data/a%2e%2e/x", b"data/%2e/x", b"data/%20"]
)
def test_what_does_not(written: bytes) -> None:
    assert why_written_unsafe(written, decoded(written, V1_0)) is None


@given(st.binary())
def test_what_version_1_0_writes_is_as_safe_as_the_name(path: bytes) -> None:
    assert why_written_unsafe(encoded(path), path) == why_unsafe(path)
