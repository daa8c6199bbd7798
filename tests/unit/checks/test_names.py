"""Names are bytes: shown safely, kept exactly."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from checks.names import canonical, pair_by_normalisation, path_fields, path_from_fields, show


def test_khmer_stays_readable() -> None:
    assert show("data/បញ្ជី ១៩៧៥.txt".encode()) == "data/បញ្ជី ១៩៧៥.txt"


def test_what_could_move_a_terminal_or_hide_is_made_visible() -> None:
    assert show(b"a\x1b[2Jb") == "a\\x1b[2Jb"
    assert show("a\u202etxt.exe".encode()) == "a\\u202etxt.exe"
    assert show("a\u200bb".encode()) == "a\\u200bb"
    assert show(b"caf\xe9") == "caf\\xe9"
    assert show(b"a\\b\n") == "a\\\\b\\x0a"


@given(st.binary(max_size=20))
def test_shown_names_hold_no_control_and_differ_when_the_bytes_differ(path: bytes) -> None:
    shown = show(path)
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs"} for c in shown)


@given(st.binary(min_size=1, max_size=12), st.binary(min_size=1, max_size=12))
def test_two_names_never_look_alike_by_escaping(one: bytes, other: bytes) -> None:
    assert (show(one) == show(other)) == (one == other)


@given(st.binary(max_size=20))
def test_json_fields_give_the_bytes_back(path: bytes) -> None:
    assert path_from_fields(path_fields(path)) == path


def test_twins_never_match_by_normalisation() -> None:
    nfc, nfd = "é.txt".encode(), unicodedata.normalize("NFD", "é.txt").encode()
    assert canonical(nfd) == nfc
    assert pair_by_normalisation([nfc], [nfd]) == {nfc: nfd}
    assert pair_by_normalisation([nfc], [nfd, nfc]) == {}
    assert pair_by_normalisation([nfc, nfd], [nfd]) == {}
    assert pair_by_normalisation([b"a"], [b"b"]) == {}
