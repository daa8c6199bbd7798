"""The relay passes on what checking one AIP takes, for whoever has this run's key, and nothing else."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest

from preserve.archivematica.address import Service
from preserve.archivematica.asking import Answer
from preserve.archivematica.relay import Relay
from preserve.archivematica.service import StorageService
from tests.support.storage_service import KEY, USER, Aip, StorageServiceServer

AIP = Aip(uuid=UUID("0e7e1dc9-9b0f-4c58-a4e1-3c1d6a1d8a7e"))
OTHER = "5f0d5a0e-6a0b-4a55-8f5e-1f3a9b8c7d6e"


@pytest.fixture
def server() -> Iterator[StorageServiceServer]:
    with StorageServiceServer(AIP) as running:
        yield running


@pytest.fixture
def relay(server: StorageServiceServer) -> Iterator[Relay]:
    service = Service(url=server.url, user=USER, key=KEY, seconds=30)
    with Relay(StorageService(service), AIP.uuid, locally=False) as running:
        yield running


def asked(relay: Relay, path: str, key: str | None = None) -> Answer:
    return relay.answer(f"{path}?username={relay.user}&api_key={relay.key if key is None else key}")


def test_a_check_is_passed_on_and_kept(relay: Relay, server: StorageServiceServer) -> None:
    answer = asked(relay, f"/api/v2/file/{AIP.uuid}/check_fixity/")
    assert relay.checks == [answer] and json.loads(answer.body)["success"] is True
    assert server.keys == [f"ApiKey {USER}:{KEY}"]


def test_whoever_does_not_have_the_key_of_this_run_gets_nothing(relay: Relay, server: StorageServiceServer) -> None:
    for key in ("", KEY, "ក"):
        assert asked(relay, f"/api/v2/file/{AIP.uuid}/check_fixity/", key).status == 401
    assert relay.answer(f"/api/v2/file/{AIP.uuid}/check_fixity/").status == 401
    assert server.asked == [] and relay.checks == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/file/",
        f"/api/v2/file/{OTHER}/check_fixity/",
        f"/api/v2/file/{AIP.uuid}/download/",
        f"/api/v2/file/{AIP.uuid}/delete_aip/",
        "/api/v2/location/",
        f"//elsewhere.invalid/api/v2/file/{AIP.uuid}/",
    ],
)
def test_nothing_else_is_passed_on(relay: Relay, server: StorageServiceServer, path: str) -> None:
    assert asked(relay, path).status == 404 and server.asked == []


def test_the_key_shows_in_no_representation(server: StorageServiceServer) -> None:
    assert KEY not in repr(Service(url=server.url, user=USER, key=KEY, seconds=30))
