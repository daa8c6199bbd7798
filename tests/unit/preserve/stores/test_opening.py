"""A replica's store is opened without anybody being asked: no server, no file with a secret."""

import socket
from pathlib import Path

import pytest

import config
from checks.ports import UnavailableError
from config import Replica
from preserve.stores import opening
from preserve.stores.claiming import claiming_of
from preserve.stores.local import LocalStore
from preserve.stores.opening import open_replica
from preserve.stores.providers import thawing_of, versioned_of


def replica(*lines: str) -> Replica:
    return config.parse("\n".join(("[replica.a]", *lines)), Path("/archive/preserve.toml")).replicas["a"]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("opening asks nobody")

    monkeypatch.setattr(socket.socket, "connect", refused)


BUCKET = ('url = "s3://bucket/copies"', 'region = "eu-central-1"', 'secret = "file:no-such-file"')
SERVER = ('url = "sftp://archive@host/srv"', 'key = "no-such-key"', 'secret = "env:NO_SUCH_VARIABLE"')


def test_a_folder_is_a_local_store_that_nobody_thaws() -> None:
    store = open_replica(replica('url = "/mnt/nas"'))
    assert isinstance(store, LocalStore) and store.root == b"/mnt/nas"
    assert thawing_of(store) is None and versioned_of(store) is None


def test_a_bucket_keeps_versions_and_can_thaw() -> None:
    store = open_replica(replica(*BUCKET))
    assert store.where == "s3://bucket/copies" and store.in_flight > 1
    assert thawing_of(store) is not None and versioned_of(store) is not None
    store.close()


def test_a_server_does_neither() -> None:
    store = open_replica(replica(*SERVER))
    assert store.where == "sftp://archive@host/srv" and store.in_flight > 1
    assert thawing_of(store) is None and versioned_of(store) is None
    store.close()


@pytest.mark.parametrize(("lines", "why"), [(BUCKET, "no-such-file"), (SERVER, "")])
def test_what_is_missing_is_told_as_the_store_is_asked(lines: tuple[str, ...], why: str) -> None:
    store = open_replica(replica(*lines))
    with pytest.raises(UnavailableError) as caught:
        store.identity()
    assert why in caught.value.cause and caught.value.cause
    store.close()


@pytest.mark.parametrize(("lines", "extra"), [(BUCKET, "s3"), (SERVER, "sftp")])
def test_a_place_to_which_nothing_here_speaks_is_away_and_says_what_to_install(
    lines: tuple[str, ...], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda _: None)
    store = open_replica(replica(*lines))
    for ask in (store.identity, store.read_identity, lambda: store.names_in(b"box")):
        with pytest.raises(UnavailableError) as caught:
            ask()
        assert f"pip install 'preserve-toolkit[{extra}]'" in caught.value.cause
    assert (claiming_of(store) is None) == (thawing_of(store) is None) == (versioned_of(store) is None)
    assert (claiming_of(store) is None) == (extra == "sftp"), "a bucket that is away is no folder"
    store.close()
