"""S3Store against SeaweedFS, and against `rclone serve s3` over a folder."""

import hashlib
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence
from checks.ports import Claiming, Kind, Listed, NotFoundError, StoreError, UnavailableError
from preserve.executors.threads import Pool
from preserve.stores.capabilities import GivingUp, Refusing, Replacing, Resuming, Thaw, Thawing, Versioned, Versioning
from preserve.stores.identity import OURS
from preserve.stores.port import ExistsError, NotReadableNowError
from preserve.stores.retrying import Retrying
from preserve.stores.rooms.replica import RemoteReplica
from preserve.stores.s3 import S3Store
from preserve.stores.trial_names import trial_name
from tests.support.s3_proxy import Proxy, proxy
from tests.support.s3_servers import CREDENTIALS, Server, flip_in_volume, rclone_s3, weed

__all__ = ["proxy", "rclone_s3", "weed"]

SEGMENT = 5 << 20  # S3 takes no smaller part
IDENTITY = b'{"replica": "7ad5b5f4-9d69-4a3c-bc1e-3b5d6f2d2b10", "name": "abroad"}'
# SeaweedFS itself makes a `/` of a backslash; rclone shows control characters as others.
ODD = [
    b"a b", b"a%20b", b"a+b", b"a?b=c", b"a#b", b"tab\tx", b"line\nx", b"return\rx", b"control\x01x",
    b"trailing ", b" leading", b"dot.", b"...", b"-x", b"%", b"%zz", b"&<>'\"", b";,=:@!$*()~[]{}|^`",
    b"folder/b c/d#e",     unicodedata.normalize("NFC", "é").encode(), unicodedata.normalize("NFD", "é").encode(),
    "\U0001f600\u2028".encode(),
    b"L" * 255,
]  # fmt: skip


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def opened(server: Server | Proxy, bucket: str, prefix: bytes = b"", **options: object) -> S3Store:
    credentials = options.pop("credentials", CREDENTIALS)
    return S3Store(
        bucket,
        prefix,
        endpoint=server.endpoint,
        region="us-east-1",
        credentials=credentials,  # type: ignore[arg-type]
        segment_bytes=SEGMENT,
        **{"read_seconds": 20.0, **options},  # type: ignore[arg-type]
    )


@pytest.fixture
def bucket(weed: Server) -> str:
    """A bucket of the test's own; most do with a prefix of their own, since SeaweedFS takes a second for a new one."""
    return weed.bucket(f"b-{secrets.token_hex(6)}")


@pytest.fixture(scope="session")
def shared(weed: Server) -> str:
    return weed.bucket("shared")


@pytest.fixture
def prefix() -> str:
    return f"replica-{secrets.token_hex(6)}"


@pytest.fixture
def store(weed: Server, shared: str, prefix: str) -> Iterator[S3Store]:
    made = opened(weed, shared, prefix.encode())
    yield made
    made.close()


def write(store: S3Store, path: bytes, content: bytes, *, known: bool = False, chunk: int = 1 << 20) -> None:
    known_sum = sha256(content) if known else None
    with store.create(path, size_bytes=len(content) if known else None, sha256=known_sum) as sink:
        for at in range(0, len(content), chunk):
            sink(memoryview(content)[at : at + chunk])


def read(store: S3Store | Retrying, path: bytes, offset: int = 0) -> Reading:
    opening = partial(store.open, path, past_cache=True, offset=offset)
    return Digester(("sha256",)).read(Wanted(path, opening, None, offset=offset))


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("size", [0, 1, 4096, (9 << 20) // 2, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 7])
def test_what_is_written_is_read(store: S3Store, size: int, known: bool) -> None:
    content = os.urandom(size)
    write(store, b"copy/file", content, known=known)
    reading = read(store, b"copy/file")
    assert reading.sound
    assert (reading.digests["sha256"], reading.size_bytes) == (sha256(content), size)
    assert reading.evidence is Evidence.READ


def test_a_file_of_known_sum_goes_straight_onto_the_connection(weed: Server, shared: str, prefix: str) -> None:
    store = S3Store(shared, prefix.encode(), endpoint=weed.endpoint, credentials=CREDENTIALS)
    content = os.urandom(20 << 20)
    write(store, b"large", content, known=True)
    assert store.claim(b"large").sha256 == sha256(content)
    wrong = sha256(b"something else")
    with pytest.raises(StoreError, match="other bytes"), store.create(b"x", size_bytes=20 << 20, sha256=wrong) as sink:
        sink(memoryview(content))
    with pytest.raises(StoreError), store.create(b"x", size_bytes=20 << 20, sha256=sha256(content)) as sink:
        sink(memoryview(content)[:-1])
    with pytest.raises(NotFoundError):
        store.stat(b"x")


def test_every_odd_name_goes_there_and_back(store: S3Store) -> None:
    for name in ODD:
        assert store.refused(b"copy/" + name) is None
        write(store, b"copy/" + name, b"content of " + name)
    assert {listed.path for listed in store.listing(b"copy")} == set(ODD)
    assert {path for path, _ in store.sizes(b"copy")} == set(ODD)
    for name in ODD:
        assert read(store, b"copy/" + name).digests["sha256"] == sha256(b"content of " + name)
        assert store.stat(b"copy/" + name).size_bytes == len(b"content of " + name)
    at_top = {name for name, _, _ in store.names_in(b"copy")}
    assert at_top == {name for name in ODD if b"/" not in name} | {b"folder/"}
    for name in ODD:
        store.remove(b"copy/" + name)
    with pytest.raises(NotFoundError):
        list(store.listing(b"copy"))


@pytest.mark.parametrize("path", [b"\xff", b"x" * 1020, b"a//b", b"../x", b"./x", b"/x", b"x/", b"a\0b"])
def test_a_name_that_no_key_can_be_is_refused(store: S3Store, path: bytes) -> None:
    assert store.refused(path)
    with pytest.raises(StoreError, match="its name"), store.create(path):
        pass


def test_nothing_is_written_over(store: S3Store) -> None:
    write(store, b"file", b"one")
    with pytest.raises(ExistsError), store.create(b"file") as sink:
        sink(memoryview(b"two"))
    assert read(store, b"file").digests["sha256"] == sha256(b"one")


def test_what_appears_while_it_is_written_is_not_written_over(store: S3Store) -> None:
    with pytest.raises(ExistsError), store.create(b"file") as sink:
        sink(memoryview(b"ours"))
        write(store, b"file", b"theirs")
    assert read(store, b"file").digests["sha256"] == sha256(b"theirs")


@pytest.mark.parametrize("size", [10, SEGMENT + 1])
def test_a_write_that_fails_leaves_nothing(store: S3Store, size: int) -> None:
    with pytest.raises(RuntimeError), store.create(b"file") as sink:
        sink(memoryview(os.urandom(size)))
        raise RuntimeError
    with pytest.raises(NotFoundError):
        store.stat(b"file")
    with pytest.raises(StoreError, match="other bytes"), store.create(b"file", sha256=sha256(b"other")) as sink:
        sink(memoryview(os.urandom(size)))
    with pytest.raises(NotFoundError):
        store.stat(b"file")


def test_a_large_file_that_was_cut_off_is_gone_on_with(store: S3Store) -> None:
    assert isinstance(store, Resuming)
    content = os.urandom(3 * SEGMENT + 5)
    with pytest.raises(RuntimeError), store.create(b"file") as sink:
        sink(memoryview(content)[: 2 * SEGMENT + 9])
        raise RuntimeError
    assert store.written(b"file") == 2 * SEGMENT
    assert store.written(b"fil") == 0
    with store.resume(b"file", 2 * SEGMENT, size_bytes=len(content)) as sink:
        sink(memoryview(content)[2 * SEGMENT :])
    assert read(store, b"file").digests["sha256"] == sha256(content)
    assert store.written(b"file") == 0


def test_what_was_begun_can_be_given_up(store: S3Store) -> None:
    with pytest.raises(RuntimeError), store.create(b"copy/file") as sink:
        sink(memoryview(os.urandom(SEGMENT + 9)))
        raise RuntimeError
    assert store.give_up(b"other") == 0
    assert store.give_up(b"copy") == 1
    assert store.written(b"copy/file") == 0


def test_what_an_unfinished_copy_left_in_parts_goes_with_it(store: S3Store) -> None:
    assert isinstance(store, GivingUp)
    staging = RemoteReplica(store).staging(b"box-v1", b"box")
    with staging.held():
        with pytest.raises(RuntimeError), staging.file(b"data/film") as sink:
            sink(memoryview(os.urandom(SEGMENT + 9)))
            raise RuntimeError
        assert store.written(b"box/data/film") == SEGMENT
        assert list(staging.empty()) == []
    assert store.give_up(b"") == 0, "nothing is left to be paid for"


def test_whether_a_server_keeps_to_its_conditions_is_tried_past_our_own_look(
    store: S3Store, rclone_s3: Callable[[Path], Server], tmp_path: Path
) -> None:
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    other = opened(rclone_s3(tmp_path / "served"), "bucket")
    trial = OURS + b"/" + trial_name()
    for each, refuses in ((store, True), (other, False)):
        assert isinstance(each, Refusing)
        write(each, trial, b"tried", known=True)
        assert each.refuses_overwriting(trial, b"tried") is refuses
        with pytest.raises(ValueError, match="made to be tried with"):
            each.refuses_overwriting(b"box/page", b"tried")
        each.remove(trial)
        assert not list(each.listing(b""))
    other.close()


def test_a_file_is_replaced_only_if_it_is_the_one_that_was_seen(store: S3Store) -> None:
    assert isinstance(store, Replacing)
    write(store, b"file", b"one")
    token = store.stat(b"file").token
    with store.replacing(b"file", token) as sink:
        sink(memoryview(b"two"))
    for stale in (token, None):
        with pytest.raises(StoreError) as raised, store.replacing(b"file", stale) as sink:
            sink(memoryview(b"three"))
        assert raised.value.cause == "changed"
    with pytest.raises(StoreError) as raised, store.replacing(b"file", store.stat(b"file").token) as sink:
        store.append(b"file", b"!")
        sink(memoryview(b"three"))
    assert raised.value.cause == "changed"
    assert read(store, b"file").digests["sha256"] == sha256(b"two!")


def test_two_stores_that_append_at_once_both_add_theirs(weed: Server, shared: str, prefix: str) -> None:
    stores = [opened(weed, shared, prefix.encode()), opened(weed, shared, prefix.encode())]
    pool = Pool(2, "append")
    promises = [pool.submit(stores[n % 2].append, b"log", b"%02d\n" % n) for n in range(12)]
    for promise in promises:
        promise.result()
    pool.shutdown()
    source, buffer = stores[0].open(b"log", past_cache=False), bytearray(99)
    lines = bytes(buffer[: source.readinto(memoryview(buffer))]).splitlines()
    source.close()
    assert sorted(lines) == [b"%02d" % n for n in range(12)]


def test_times_of_files_come_back(store: S3Store) -> None:
    with store.create(b"file", modified_ns=1_600_000_000_123_456_789) as sink:
        sink(memoryview(b"x"))
    assert store.stat(b"file").modified_ns == 1_600_000_000_123_456_789


def test_what_is_not_there_is_not_found_and_a_bucket_that_is_gone_is_not_there(weed: Server, store: S3Store) -> None:
    write(store, b"folder/file", b"x")
    assert store.stat(b"folder") == (Kind.DIRECTORY, 0, None, None)
    gone = opened(weed, "no-such-bucket")
    asked: list[Callable[[S3Store], object]] = [
        lambda s: s.stat(b"none"),
        lambda s: s.open(b"none", past_cache=False),
        lambda s: s.remove(b"none"),
        lambda s: s.claim(b"none"),
        lambda s: s.names_in(b"none"),
        lambda s: list(s.listing(b"none")),
        lambda s: s.remove(b"folder"),
    ]
    for ask in asked:
        with pytest.raises(NotFoundError):
            ask(store)
        with pytest.raises(UnavailableError, match="no such bucket"):
            ask(gone)
    with pytest.raises(UnavailableError, match="no such bucket"):
        write(gone, b"x", b"y")
    with pytest.raises(UnavailableError, match="no identity file"):
        store.identity()


def test_wrong_credentials_and_an_absent_server_say_nothing_about_files(weed: Server, shared: str, prefix: str) -> None:
    wrong = opened(weed, shared, credentials=(CREDENTIALS[0], "wrong"))
    unknown = opened(weed, shared, credentials=("UNKNOWNKEYID", "wrong"))
    nobody = S3Store(shared, prefix.encode(), endpoint="http://127.0.0.1:9", credentials=CREDENTIALS)
    for store in (wrong, unknown, nobody):
        asked: list[Callable[[S3Store], object]] = [
            lambda s: s.stat(b"x"),
            lambda s: s.open(b"x", past_cache=False),
            lambda s: list(s.listing(b"")),
            lambda s: s.identity(),
        ]
        for ask in asked:
            with pytest.raises(UnavailableError) as raised:
                ask(store)
            said = f"{raised.value} {raised.value.cause}"
            assert CREDENTIALS[0] not in said
            assert "UNKNOWNKEYID" not in said
            assert "Signature=" not in said


def test_without_credentials_it_is_not_available(
    weed: Server, shared: str, prefix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UnavailableError, match="no credentials"):
        opened(weed, shared, credentials=None).stat(b"x")
    with pytest.raises(UnavailableError, match="profile"):
        opened(weed, shared, credentials=None, profile="nobody").stat(b"x")


def test_the_identity_is_read_anew(store: S3Store, weed: Server, shared: str, prefix: str) -> None:
    write(store, b".preserve/identity.json", IDENTITY)
    assert store.identity() == "7ad5b5f4-9d69-4a3c-bc1e-3b5d6f2d2b10"
    weed.client().put_object(Bucket=shared, Key=prefix + "/.preserve/identity.json", Body=b"{}")
    with pytest.raises(UnavailableError, match="identity"):
        store.identity()


def test_a_change_while_it_is_read_is_seen(store: S3Store, weed: Server, shared: str, prefix: str) -> None:
    content = os.urandom(300 << 10)
    write(store, b"file", content)

    def change(buffer: memoryview) -> None:
        weed.client().put_object(Bucket=shared, Key=prefix + "/file", Body=content[::-1])

    opening = partial(store.open, b"file", past_cache=True)
    reading = Digester(("sha256",)).read(Wanted(b"file", opening, None, sink=change))
    assert reading.changed
    assert not reading.sound


def test_reading_from_the_middle(store: S3Store) -> None:
    content = os.urandom(100_000)
    write(store, b"file", content)
    for offset in (1, 99_999):
        assert read(store, b"file", offset).digests["sha256"] == sha256(content[offset:])
    for offset in (100_000, 200_000):
        assert read(store, b"file", offset).bytes_read == 0


def test_keys_of_other_programs_break_no_listing(tmp_path: Path, weed: Server, shared: str, prefix: str) -> None:
    client = weed.client()
    store = opened(weed, shared, prefix.encode())
    client.put_object(Bucket=shared, Key=prefix + "/copy/data/", Body=b"")  # a folder, as consoles mark it
    client.put_object(Bucket=shared, Key=prefix + "/copy/data/file", Body=b"x")
    assert list(store.listing(b"copy")) == [Listed(b"data/file", Kind.FILE)]
    assert list(store.names_in(b"copy/data")) == [(b"file", Kind.FILE, None)]
    assert [name for name, _, _ in store.names_in(b"copy")] == [b"data/"]


def test_the_providers_checksums(store: S3Store, weed: Server, shared: str, prefix: str) -> None:
    assert isinstance(store, Claiming)
    write(store, b"small", b"content")
    claim = store.claim(b"small")
    assert (claim.sha256, claim.size_bytes, claim.segments) == (sha256(b"content"), 7, ())
    assert claim.token == store.stat(b"small").token
    write(store, b"large", os.urandom(SEGMENT + 1))
    claim = store.claim(b"large")
    assert claim.sha256 is None
    assert "does not tell" in claim.why_not
    weed.client().put_object(Bucket=shared, Key=prefix + "/plain", Body=b"x")
    assert "no SHA-256" in store.claim(b"plain").why_not


def test_what_protects_the_bucket(weed: Server, bucket: str) -> None:
    store = opened(weed, bucket)
    assert isinstance(store, Versioned)
    assert isinstance(store, Thawing)
    assert store.protection().versioning is Versioning.OFF
    weed.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert store.protection().versioning is Versioning.ON
    write(store, b"file", b"x")
    assert store.thaw(b"file", 3) is Thaw.READABLE
    assert read(store, b"file").sound  # the version of the GET is that of the HEAD


# ---- faults ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def faulty(proxy: Proxy, shared: str, prefix: str) -> Iterator[S3Store]:
    made = opened(proxy, shared, prefix.encode())
    yield made
    made.close()


@pytest.mark.parametrize("size", [4096, 3 << 20])
def test_a_body_that_is_cut_off_is_not_the_end(store: S3Store, faulty: S3Store, proxy: Proxy, size: int) -> None:
    content = os.urandom(size)
    write(store, b"file", content)
    proxy.add("GET", cut_after=size // 2, times=1)
    reading = read(faulty, b"file")
    assert (reading.problem, reading.digests) == ("ECONNRESET", {})
    proxy.add("GET", cut_after=size // 2, times=1)
    reading = read(Retrying(faulty, sleep=lambda _: None), b"file")
    assert reading.sound
    assert reading.digests["sha256"] == sha256(content)


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [(500, "InternalError", "EAGAIN"), (503, "SlowDown", "EAGAIN"), (429, "", "EAGAIN"), (404, "", "404")],
)
def test_a_busy_server_says_nothing_about_the_file(
    store: S3Store, faulty: S3Store, proxy: Proxy, status: int, code: str, cause: str
) -> None:
    write(store, b"file", b"x")
    proxy.add("GET /", times=1, status=status, code=code)
    reading = read(faulty, b"file")
    assert (reading.problem, reading.missing) == (cause, False)


def test_a_head_of_404_is_not_believed_alone(store: S3Store, faulty: S3Store, proxy: Proxy) -> None:
    proxy.add("HEAD", times=None, status=404)
    proxy.add("list-type", times=None, status=403, code="AccessDenied")
    with pytest.raises(UnavailableError, match="access is denied"):
        faulty.stat(b"file")


def test_a_server_that_stalls_is_left(proxy: Proxy, shared: str) -> None:
    impatient = opened(proxy, shared, read_seconds=0.5)
    proxy.add("GET", stall=True)
    assert read(impatient, b"file").problem == "ETIMEDOUT"


def test_what_lies_in_a_cold_class_is_not_readable_now(store: S3Store, faulty: S3Store, proxy: Proxy) -> None:
    proxy.add("GET", status=403, code="InvalidObjectState")
    with pytest.raises(NotReadableNowError) as raised:
        faulty.open(b"file", past_cache=False)
    assert raised.value.cause == "not-readable-now"


def test_a_bit_that_turned_on_the_way_is_seen(store: S3Store, faulty: S3Store, proxy: Proxy) -> None:
    content = os.urandom(1000)
    write(store, b"file", content)
    proxy.add("GET", flip=77)
    changed = bytearray(content)
    changed[9] ^= 1 << 5
    assert read(faulty, b"file").digests["sha256"] == sha256(bytes(changed))


@pytest.mark.parametrize("size", [4096, SEGMENT + 1])
def test_an_answer_to_a_write_that_is_lost_is_looked_after(faulty: S3Store, proxy: Proxy, size: int) -> None:
    content = os.urandom(size)
    proxy.add("POST" if size > SEGMENT else "PUT", lose_answer=True)
    if size > SEGMENT:
        proxy._faults[0].match = "POST /"  # the upload that is begun, which the SDK asks for again
    write(faulty, b"file", content)
    assert read(faulty, b"file").digests["sha256"] == sha256(content)


def test_the_server_refuses_what_was_spoilt_on_the_way(faulty: S3Store, proxy: Proxy) -> None:
    proxy.add("PUT", status=400, code="BadDigest")
    with pytest.raises(StoreError) as raised:
        write(faulty, b"file", b"content")
    assert raised.value.cause == "BadDigest"
    with pytest.raises(NotFoundError):
        faulty.stat(b"file")


def test_no_answer_is_followed_to_another_address(faulty: S3Store, proxy: Proxy) -> None:
    proxy.add("GET", status=301, code="PermanentRedirect")
    with pytest.raises(UnavailableError, match="another region"):
        faulty.open(b"file", past_cache=False)


def test_bits_that_turn_in_the_servers_files_are_never_handed_out_as_good(weed: Server, store: S3Store) -> None:
    content = os.urandom(40_000)
    write(store, b"file", content)
    flip_in_volume(weed, content, 123_456)
    # It keeps a CRC, tries for seconds to find a copy that fits it, and gives up: what it has was not read.
    assert read(store, b"file").problem == "EAGAIN"


# ---- a server that lies ----------------------------------------------------------------------------------------------


def test_a_provider_may_say_the_old_checksum_of_changed_bytes_and_reading_tells(
    rclone_s3: Callable[[Path], Server], tmp_path: Path
) -> None:
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    server = rclone_s3(tmp_path / "served")
    store = opened(server, "bucket")
    content = os.urandom(5000)
    write(store, b"copy/file", content)
    before = store.stat(b"copy/file")
    path = tmp_path / "served/bucket/copy/file"
    times = path.stat()
    changed = bytearray(content)
    changed[100] ^= 1
    path.write_bytes(changed)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert store.claim(b"copy/file").sha256 == sha256(content)
    assert store.stat(b"copy/file").token == before.token
    reading = read(store, b"copy/file")
    assert reading.sound
    assert reading.digests["sha256"] == sha256(bytes(changed))


def test_a_server_that_knows_no_conditions_is_looked_at_first(
    rclone_s3: Callable[[Path], Server], tmp_path: Path
) -> None:
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    store = opened(rclone_s3(tmp_path / "served"), "bucket")
    write(store, b"file", b"one")
    with pytest.raises(ExistsError):
        write(store, b"file", b"two")
    content = os.urandom(SEGMENT + 5)
    write(store, b"large", content)
    assert read(store, b"large").digests["sha256"] == sha256(content)
    store.append(b"file", b"!")
    store.remove(b"large")
    assert {listed.path for listed in store.listing(b"")} == {b"file"}
    assert (tmp_path / "served/bucket/file").read_bytes() == b"one!"
