"""A folder with more names than memory should hold is listed in order all the same."""

import os
from pathlib import Path

import pytest

from checks.ports import Kind
from preserve.stores import local
from preserve.stores.local import LocalStore
from preserve.stores.many_names import ManyNames


def test_names_beyond_the_limit_come_in_the_same_order_as_those_within_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        (tmp_path / f"a{number}").write_bytes(b"")
    (tmp_path / "a10.d").mkdir()
    (tmp_path / "a1!").mkdir()
    (tmp_path / "link").symlink_to("a1")
    os.mkfifo(tmp_path / "pipe")
    store = LocalStore(os.fsencode(tmp_path))
    within = store.names_in(b"")
    monkeypatch.setattr(local, "_MANY", 7)
    beyond = store.names_in(b"")
    assert isinstance(within, list) and isinstance(beyond, ManyNames)
    assert list(beyond) == list(beyond) == within and len(beyond) == 54
    assert {kind for _, kind, _ in beyond} == set(Kind)
