"""S3Store over lines that are cut: connections are kept between requests, and one that broke is used by nobody."""

import secrets
from collections.abc import Iterator

import pytest

from checks.ports import StoreError, UnavailableError
from preserve.stores.s3 import S3Store
from tests.support.bad_lines import BadLine
from tests.support.s3_servers import CREDENTIALS, Server, weed

__all__ = ["weed"]

IDENTITY = b'{"replica": "7ad5b5f4-9d69-4a3c-bc1e-3b5d6f2d2b10", "name": "abroad"}'
CONTENT = bytes(range(256)) * (8 << 10)


@pytest.fixture
def line(weed: Server) -> Iterator[BadLine]:
    with BadLine(weed.port) as standing:
        yield standing


@pytest.fixture
def store(weed: Server, line: BadLine) -> Iterator[S3Store]:
    bucket = weed.bucket(f"b-{secrets.token_hex(6)}")
    weed.client().put_object(Bucket=bucket, Key=".preserve/identity.json", Body=IDENTITY)
    weed.client().put_object(Bucket=bucket, Key="file", Body=CONTENT)
    endpoint = f"http://127.0.0.1:{line.port}"
    made = S3Store(bucket, b"", endpoint=endpoint, region="us-east-1", credentials=CREDENTIALS)
    yield made
    made.close()


def content_of(store: S3Store) -> bytes:
    source, buffer, content = store.open(b"file", past_cache=False), memoryview(bytearray(1 << 16)), b""
    try:
        while count := source.readinto(buffer):
            content += buffer[:count]
    finally:
        source.close()
    return content


def test_after_a_body_that_was_cut_off_the_next_request_is_answered(store: S3Store, line: BadLine) -> None:
    assert content_of(store) == CONTENT
    line.cut_after(down=len(CONTENT) // 2)
    with pytest.raises(StoreError) as raised:
        content_of(store)
    assert raised.value.cause == "ECONNRESET"
    assert content_of(store) == CONTENT


def test_a_bucket_whose_line_is_cut_while_its_identity_is_read_is_away(store: S3Store, line: BadLine) -> None:
    assert store.identity()
    store.close()
    line.cut_after(up=1)
    with pytest.raises(UnavailableError) as raised:
        store.identity()
    assert raised.value.cause == "ECONNRESET"
    assert store.identity()
