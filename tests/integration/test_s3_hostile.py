"""S3Store before servers that lie, err or stand between it and the bucket."""

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks.ports import Kind, NotFoundError, StoreError, UnavailableError
from preserve.stores.port import ExistsError
from preserve.stores.s3 import S3Store, sending, timely
from tests.support.s3_liar import IDENTITY, Answered, Asked, Liar, error, listing, lying

HELLO = b"hello"


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying() as standing:
        standing.objects = {"pre/copy/file": HELLO, "pre/.preserve/identity.json": IDENTITY}
        yield standing


@pytest.fixture
def store(liar: Liar) -> Iterator[S3Store]:
    made = S3Store(
        "bucket", b"pre", endpoint=liar.endpoint, region="us-east-1", credentials=("id", "key"), read_seconds=20
    )
    yield made
    made.close()


def create(store: S3Store, content: bytes = b"mine", path: bytes = b"new") -> None:
    with store.create(path, size_bytes=len(content), sha256=hashlib.sha256(content).digest()) as sink:
        sink(memoryview(content))


def replace(store: S3Store, content: bytes) -> None:
    with store.replacing(b"copy/file", store.stat(b"copy/file").token) as sink:
        sink(memoryview(content))


def raised_by(question: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as raised:
        question()
    assert not isinstance(raised.value, NotFoundError)
    return raised.value


def instead_of_listing(liar: Liar, answer: Answered) -> None:
    liar.lie = lambda asked: answer if asked.is_listing else None


# ---- what another one wrote ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "exists"),
    [
        (409, "ConditionalRequestConflict", True),
        (412, "PreconditionFailed", True),
        (409, "OperationAborted", False),
        (503, "SlowDown", False),
        (500, "InternalError", False),
    ],
)
def test_what_another_wrote_at_the_same_time_is_never_taken_away(
    liar: Liar, store: S3Store, status: int, code: str, exists: bool
) -> None:
    def race(asked: Asked) -> Answered | None:
        if asked.method == "PUT":
            liar.objects[asked.key] = b"theirs"
            return error(status, code)
        return None

    liar.lie = race
    assert isinstance(raised_by(lambda: create(store)), ExistsError) is exists
    assert liar.objects["pre/new"] == b"theirs"
    assert "DELETE" not in {asked.method for asked in liar.asked}


@pytest.mark.parametrize("write", [create, replace])
def test_a_write_without_an_answer_is_done_if_what_stands_there_is_what_was_sent(
    liar: Liar, store: S3Store, write: Callable[[S3Store, bytes], None]
) -> None:
    def done_and_lost(asked: Asked) -> Answered | None:
        if asked.method == "PUT":
            liar.objects[asked.key] = b"mine"
            return error(500, "InternalError")
        return None

    liar.lie = done_and_lost
    write(store, b"mine")


# ---- listings --------------------------------------------------------------------------------------------------

ENTRY = "<Contents><Key>{}</Key><Size>{}</Size></Contents>"
MORE = "<IsTruncated>true</IsTruncated>"


@pytest.mark.parametrize(
    "answer",
    [
        Answered(body=b""),
        Answered(body=b"<html><body>Log in<br></body></html>"),
        Answered(body=b"<html><body>Log in</body></html>"),
        listing(name=""),
        listing(more=MORE),
        listing(more=MORE + "<NextContinuationToken>same</NextContinuationToken>"),
        listing("<Contents><Key>pre/x</Key></Contents>"),
        listing("<Contents><Size>1</Size></Contents>"),
        listing(ENTRY.format("pre/x", "many")),
        listing(ENTRY.format("pre/x", "-1")),
        listing(ENTRY.format("pre/x", 2**63)),
        listing(ENTRY.format("pre/x", "9" * 5000)),
        listing("<Contents><Key>pre/x</Key><Size>1</Size><LastModified>once</LastModified></Contents>"),
        listing(ENTRY.format("another/x", 1)),
        listing("<CommonPrefixes><Prefix>another/</Prefix></CommonPrefixes>"),
    ],
)
def test_an_answer_that_is_no_whole_listing_of_what_was_asked_for_is_an_error(
    liar: Liar, store: S3Store, answer: Answered
) -> None:
    instead_of_listing(liar, answer)
    raised_by(lambda: list(store.listing(b"")))
    raised_by(lambda: store.names_in(b""))
    raised_by(lambda: store.stat(b"gone"))


def test_a_listing_that_goes_on_with_nothing_in_it_is_ended(liar: Liar, store: S3Store) -> None:
    tokens = itertools.count()

    def endless(asked: Asked) -> Answered | None:
        token = f"<NextContinuationToken>{next(tokens)}</NextContinuationToken>"
        return listing(more=MORE + token) if asked.is_listing else None

    liar.lie = endless
    assert raised_by(lambda: list(store.listing(b""))).cause == "the listing is not whole"
    assert len(liar.asked) <= 100


@pytest.mark.parametrize("always_new", [True, False])
def test_a_listing_that_goes_on_for_ever_is_ended(
    liar: Liar, store: S3Store, always_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same key again under another token; and with new ones, which at some number nobody has."""
    numbers = itertools.count()
    monkeypatch.setattr("preserve.stores.s3.listing._MOST_NAMES", 30)

    def endless(asked: Asked) -> Answered | None:
        number = next(numbers)
        entry = ENTRY.format(f"pre/{number:09}" if always_new else "pre/x", 1)
        token = f"<NextContinuationToken>{number}</NextContinuationToken>"
        return listing(entry, more=MORE + token) if asked.is_listing else None

    liar.lie = endless
    assert raised_by(lambda: list(store.listing(b""))).cause == "the listing is not whole"
    assert len(liar.asked) == (31 if always_new else 2)


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_an_answer_that_is_nested_without_reason_is_no_answer_and_no_error_of_ours(
    liar: Liar, store: S3Store, status: int
) -> None:
    body = f"<Error>{'<a>' * 3000}x{'</a>' * 3000}</Error>".encode()
    instead_of_listing(liar, Answered(status, body))
    assert "Recursion" not in str(raised_by(lambda: list(store.listing(b""))))


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), ("no certificate", "it holds no certificate")])
def test_authorities_that_cannot_be_read_make_it_away_and_name_the_file(
    content: str | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(file))
    store = S3Store("bucket", b"", endpoint="https://127.0.0.1:9", region="us-east-1", credentials=("id", "key"))
    with pytest.raises(UnavailableError) as raised:
        store.identity()
    assert str(file) in raised.value.cause and why in raised.value.cause
    store.close()


def test_a_name_that_is_not_utf8_makes_the_listing_incomplete_and_is_no_other_name(liar: Liar, store: S3Store) -> None:
    instead_of_listing(liar, listing("<EncodingType>url</EncodingType>", ENTRY.format("pre/copy/a%FFb", 1)))
    (found,) = store.listing(b"copy")
    assert found.kind is Kind.DIRECTORY
    assert found.problem is not None
    raised_by(lambda: store.names_in(b"copy"))


def test_what_a_listing_names_and_no_request_finds_is_not_known(liar: Liar, store: S3Store) -> None:
    liar.lie = lambda asked: error(404, "NoSuchKey") if asked.key == "pre/copy/file" else None
    contradiction = "its answers contradict each other"
    assert raised_by(lambda: store.stat(b"copy/file")).cause == contradiction
    assert raised_by(lambda: store.open(b"copy/file", past_cache=True)).cause == contradiction
    assert raised_by(lambda: store.claim(b"copy/file")).cause == contradiction


def test_a_copy_whose_bag_declaration_is_there_is_not_missing_for_an_empty_listing(liar: Liar, store: S3Store) -> None:
    liar.objects["pre/copy/bagit.txt"] = b"BagIt-Version: 1.0\n"
    instead_of_listing(liar, listing())
    raised_by(lambda: store.stat(b"copy"))
    raised_by(lambda: list(store.listing(b"copy")))
    with pytest.raises(NotFoundError):
        store.stat(b"other")


# ---- fields ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", ["1e999999", "sNaN", "-1", "1" * 13, "1.0123456789", "\u0661".encode().decode("latin-1"), "1700000000."]
)
def test_a_time_that_is_none_is_no_time(liar: Liar, store: S3Store, said: str) -> None:
    liar.lie = lambda asked: liar.of(HELLO, x_amz_meta_mtime=said) if asked.method == "HEAD" else None
    assert store.stat(b"copy/file").modified_ns is None


@pytest.mark.parametrize("said", ["9" * 5000, "1" + "0" * 30, str(2**63), "-5", "0x5"])
def test_a_size_that_is_none_is_an_error(liar: Liar, store: S3Store, said: str) -> None:
    liar.lie = lambda asked: liar.of(HELLO, Content_Range=f"bytes 0-4/{said}") if asked.key else None
    assert raised_by(lambda: store.stat(b"copy/file")).cause == "no size"
    assert raised_by(lambda: store.open(b"copy/file", past_cache=True)).cause == "no size"


SUM = base64.b64encode(hashlib.sha256(HELLO).digest()).decode()
WHOLE = base64.b64encode(hashlib.sha256(hashlib.sha256(HELLO).digest()).digest()).decode()


@pytest.mark.parametrize(
    "part", ["<ChecksumSHA256>abc</ChecksumSHA256>", f"<ChecksumSHA256>{SUM}</ChecksumSHA256>", "<Size>5</Size>", ""]
)
def test_parts_that_are_not_told_in_full_claim_nothing(liar: Liar, store: S3Store, part: str) -> None:
    told = f"<GetObjectAttributesResponse><ObjectParts><Part>{part}</Part></ObjectParts></GetObjectAttributesResponse>"

    def lie(asked: Asked) -> Answered | None:
        if "attributes" in asked.query:
            return Answered(body=told.encode())
        return liar.of(HELLO, x_amz_checksum_sha256=f"{WHOLE}-1") if asked.key else None

    liar.lie = lie
    claim = store.claim(b"copy/file")
    assert (claim.sha256, claim.segments) == (None, ())
    assert claim.why_not


def test_parts_without_end_are_asked_for_no_further_than_an_object_can_have(liar: Liar, store: S3Store) -> None:
    part = f"<Part><Size>5</Size><ChecksumSHA256>{SUM}</ChecksumSHA256></Part>"
    told = f"<A><ObjectParts><IsTruncated>true</IsTruncated>{part * 1000}</ObjectParts></A>".encode()

    def lie(asked: Asked) -> Answered | None:
        if "attributes" in asked.query:
            return Answered(body=told)
        return liar.of(HELLO, x_amz_checksum_sha256=f"{WHOLE}-9") if asked.key else None

    liar.lie = lie
    assert store.claim(b"copy/file").why_not
    assert len(liar.asked) < 15


def test_what_a_server_says_moves_no_cursor_and_is_short(liar: Liar, store: S3Store) -> None:
    liar.lie = lambda asked: error(418, "A\nFAKE LINE\x1b31m".replace("\x1b", "&#155;") + "Z" * 3000)
    said = str(raised_by(lambda: list(store.listing(b""))))
    assert said.isprintable()
    assert len(said) < 400


# ---- without an end --------------------------------------------------------------------------------------------


def test_answers_before_the_answer_end(liar: Liar, store: S3Store) -> None:
    liar.lie = lambda asked: Answered(before=itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000))
    assert raised_by(lambda: store.stat(b"copy/file")).cause == "ECONNRESET"
    assert raised_by(lambda: list(store.listing(b""))).cause == "ECONNRESET"


def test_an_answer_to_a_listing_that_is_too_long_is_an_error(
    liar: Liar, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_MOST_BYTES", 1 << 20)
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult>"
    liar.lie = lambda asked: Answered(before=itertools.chain((head,), itertools.repeat(b" " * 65536)))
    assert raised_by(lambda: list(store.listing(b""))).cause == "the answer is too long"


def test_headers_and_small_bodies_that_come_drop_by_drop_run_out_of_time(
    liar: Liar, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timely, "HEAD_SECONDS", 0.0)
    assert raised_by(lambda: store.stat(b"copy/file")).cause == "ETIMEDOUT"


def test_a_body_that_is_read_in_one_go_must_come_in_time(
    liar: Liar, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preserve.stores.s3.source.SMALL_SECONDS", 0.0)
    content = bytes(1 << 20)
    liar.objects["pre/copy/large"] = content
    source = store.open(b"copy/large", past_cache=True)
    assert raised_by(lambda: source.whole(memoryview(bytearray(len(content))), len(content))).cause == "ETIMEDOUT"
    source.close()


# ---- the way there ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["http://me:SECRET@host:99999999", "http://me:SECRET@host:port", "http://[SECRET"])
def test_a_proxy_address_that_is_none_is_told_without_it(
    liar: Liar, store: S3Store, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("http_proxy", address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    raised = raised_by(lambda: store.stat(b"copy/file"))
    assert isinstance(raised, UnavailableError)
    assert "SECRET" not in str(raised)
    assert "proxy" in str(raised)


def test_no_request_of_boto3s_is_sent_to_another_host(liar: Liar, store: S3Store) -> None:
    with lying() as other:
        moved = {"Location": other.endpoint, "x-amz-bucket-region": "eu-west-1"}
        liar.lie = lambda asked: Answered(301, b"<Error><Code>PermanentRedirect</Code></Error>", moved)
        assert isinstance(raised_by(lambda: list(store.listing(b""))), UnavailableError)
        assert other.asked == []
