"""Odd names: they go there and come back as the very bytes, or the store says beforehand that they cannot."""

import unicodedata

import pytest

from checks.ports import StoreError
from preserve.stores.rooms.replica import RemoteReplica
from tests.contract.conftest import Placed
from tests.contract.test_reading import read
from tests.contract.test_writing import write

ODD = {
    "khmer": "ទំព័រ ទី១ ខ្មែរ.tif".encode(),
    "vietnamese, composed": unicodedata.normalize("NFC", "Ảnh Hà Nội.jpg").encode(),
    "vietnamese, decomposed": unicodedata.normalize("NFD", "Ảnh Hà Nội.jpg").encode(),
    "a space first": b" page",
    "a space last": b"page ",
    "only a space": b" ",
    "a dot last": b"page.",
    "three dots": b"...",
    "dots and a name": b"..page",
    "hidden": b".page",
    "a newline": b"two\nlines",
    "a carriage return": b"two\rlines",
    "a tab": b"two\tcolumns",
    "a control character": b"bell\x07",
    "delete": b"del\x7f",
    "percent": b"100%",
    "percent and hex": b"a%20b%2Fc",
    "question mark": b"what?x=1",
    "hash": b"a#b",
    "ampersand": b"a&b=c",
    "plus": b"a+b c",
    "single quote": b"it's",
    "double quote": b'say "x"',
    "backslash": b"a\\b",
    "tilde": b"~",
    "tilde and a name": b"~root",
    "dash first": b"-rf",
    "two dashes": b"--",
    "star": b"*",
    "brackets": b"[a]{b}<c>",
    "colon and bar": b"a:b|c",
    "dollar": b"$HOME",
    "backtick": b"`id`",
    "at": b"a@b;c,d",
    "as windows reserves": b"NUL",
    "255 bytes": b"x" * 255,
    "255 bytes of khmer": "ក".encode() * 85,
    "256 bytes": b"x" * 256,
    "latin 1": b"caf\xe9",
    "half a character": b"\xe1\x9e",
    "a surrogate": b"\xed\xa0\x80",
    "past unicode": b"\xf4\x90\x80\x80",
    "beyond the first plane": "𠀀😀".encode(),
    "a mark of byte order": "\ufeffa".encode(),
    "no character": "\uffff".encode(),
    "right to left": "\u202egpj.exe".encode(),
    "zero width": "a\u200bb".encode(),
    "a line separator": "a\u2028b\u0085c".encode(),
}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD.keys())
def test_an_odd_name_goes_there_and_back_or_is_refused(placed: Placed, name: bytes) -> None:
    for path in (b"box/data/" + name, b"box/" + name + b"/page"):
        if placed.store.refused(path) is not None:
            with pytest.raises(StoreError):
                write(placed, path, b"x")
            continue
        if RemoteReplica(placed.store).unfit([path]):
            assert len(name) > 255 or name == b"a\\b", "only what some servers cannot hold, and do not say beforehand"
            continue
        write(placed, path, path)
        assert read(placed, path) == path
        folder, _, last = path.rpartition(b"/")
        assert [each for each, _, _ in placed.store.names_in(folder)] == [last]
        assert path.removeprefix(b"box/") in [one.path for one in placed.store.listing(b"box")]
        placed.store.remove(path)
    assert {one.path for one in placed.store.listing(b"")} == {b".preserve/identity.json"}


def test_no_odd_name_keeps_another_from_being_listed(placed: Placed) -> None:
    unfit = RemoteReplica(placed.store).unfit([b"box/" + name for name in ODD.values()])
    fit = [name for name in ODD.values() if b"box/" + name not in unfit]
    assert len(fit) > 30
    for name in fit:
        write(placed, b"box/" + name, name)
    assert [name for name, _, _ in placed.store.names_in(b"box")] == sorted(fit)
    assert sorted(one.path for one in placed.store.listing(b"box")) == sorted(fit)
    assert {name: read(placed, b"box/" + name) for name in fit} == {name: name for name in fit}


def test_names_that_look_alike_are_two_names(placed: Placed) -> None:
    twins = [b"Page", b"page", b"PAGE", "é".encode(), "e\u0301".encode(), "ﬁ".encode(), b"fi"]
    for twin in twins:
        write(placed, b"box/" + twin, twin)
    assert [name for name, _, _ in placed.store.names_in(b"box")] == sorted(twins)
    for twin in twins:
        assert read(placed, b"box/" + twin) == twin


def test_a_path_of_a_thousand_bytes_goes_there_and_back_or_is_refused(placed: Placed) -> None:
    path = b"/".join([b"box", *[b"folder-%03d" % number * 10 for number in range(9)]])[:990] + b"/page"
    if placed.store.refused(path) is None:
        write(placed, path, b"x")
        assert read(placed, path) == b"x"
        assert [one.path for one in placed.store.listing(b"box")] == [path.removeprefix(b"box/")]
    far = b"/".join([b"box", *[b"x" * 200] * 10])
    if placed.store.refused(far) is None:
        write(placed, far, b"x")
        assert read(placed, far) == b"x"
