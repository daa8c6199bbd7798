"""Judging by a provider's checksums: nothing is read, and nothing more is said than the provider says."""

from hashlib import sha256

import pytest

from checks import claims, inventory
from checks.claims import ClaimedStore, ClaimReader
from checks.evidence import Evidence, Outcome
from checks.findings import Code
from checks.inventory import Entry, Record, cut
from checks.listing import Listing, compare, names_of
from checks.ports import Claim, NotFoundError, StoreError
from checks.shards import Judgement, ShardChecker
from tests.support.memory_store import REPLICA, MemoryStore, flipped

FILES = {b"bagit.txt": b"BagIt", b"data/a": b"alpha", b"data/b": b"beta", b"manifest-sha256.txt": b"sums"}


class Provider:
    """Says of each file what it had when it was written, whatever lies there now."""

    def __init__(self, files: dict[bytes, bytes] = FILES) -> None:
        self.said = {b"pkg/" + path: Claim(len(c), sha256(c).digest()) for path, c in files.items()}

    def claim(self, path: bytes) -> Claim:
        if path not in self.said:
            raise NotFoundError(repr(path))
        return self.said[path]


def record_of(files: dict[bytes, bytes] = FILES) -> Record:
    (record,) = cut(Entry(p, len(c), sha256(c).digest()) for p, c in sorted(files.items()))
    return record


def check(provider: Provider, store: MemoryStore | None = None, record: Record | None = None) -> Judgement:
    store = store or MemoryStore({b"pkg/" + path: content for path, content in FILES.items()})
    record = record or record_of()
    claimed = ClaimedStore(store, provider)
    listing = Listing.gather(claimed.listing(b"pkg"))
    differences = compare(listing, [(record.start, record.stop, record.first_paths())])
    names = names_of(listing, differences, {}, record.start, record.stop)
    return ShardChecker(claimed, REPLICA, ClaimReader(), required=Evidence.CLAIMED).check(
        b"pkg", record, record.root(), names
    )


def test_what_is_claimed_as_it_was_taken_in_is_pass_and_nothing_was_read() -> None:
    judged = check(Provider())
    assert (judged.outcome, judged.evidence, judged.bytes_read) == (Outcome.PASS, Evidence.CLAIMED, 0)
    assert judged.good == len(FILES)


def test_a_provider_that_lies_is_believed_and_that_is_why_it_is_only_a_claim() -> None:
    store = MemoryStore({b"pkg/" + path: content for path, content in FILES.items()})
    store.files[b"pkg/data/a"] = flipped(b"alpha")
    assert check(Provider(), store).evidence is Evidence.CLAIMED


def test_it_is_not_enough_where_bytes_have_to_be_read() -> None:
    claimed = ClaimedStore(MemoryStore({b"pkg/" + path: content for path, content in FILES.items()}), Provider())
    judged = ShardChecker(claimed, REPLICA, ClaimReader()).check(
        b"pkg",
        record_of(),
        record_of().root(),
        names_of(Listing.gather([]), compare(Listing.gather([]), []), {}, b"", b""),
    )
    assert judged.outcome is Outcome.INCONCLUSIVE
    assert [finding.code for finding in judged.findings] == [Code.WEAK_EVIDENCE]


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (Claim(5, sha256(b"other").digest()), Code.DIGEST_MISMATCH),
        (Claim(6, None), Code.SIZE_MISMATCH),
        (Claim(5, None, why_not="written in parts"), Code.NO_CLAIM),
    ],
)
def test_each_claim_is_judged_for_what_it_says(claim: Claim, code: Code) -> None:
    provider = Provider()
    provider.said[b"pkg/data/a"] = claim
    judged = check(provider)
    assert [(found.code, found.path) for found in judged.findings] == [(code, b"data/a")]
    assert judged.outcome is (Outcome.INCONCLUSIVE if code is Code.NO_CLAIM else Outcome.FAIL)


def test_what_the_provider_does_not_have_is_missing() -> None:
    provider = Provider()
    del provider.said[b"pkg/data/b"]
    assert [(found.code, found.path) for found in check(provider).findings] == [(Code.MISSING, b"data/b")]


def test_a_large_file_is_judged_segment_by_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (inventory, claims):
        monkeypatch.setattr(module, "SEGMENT_BYTES", 4)
    monkeypatch.setattr("checks.shards.SEGMENT_BYTES", 4)
    content = b"segments"
    halves = tuple(sha256(content[n : n + 4]).digest() for n in (0, 4))
    (record,) = cut([Entry(b"data/a", 8, sha256(content).digest(), halves)])
    provider, store = Provider({b"data/a": content}), MemoryStore({b"pkg/data/a": content})
    assert (
        check(provider, store, record).outcome is Outcome.INCONCLUSIVE
    )  # one checksum for the whole says nothing of them
    provider.said[b"pkg/data/a"] = Claim(8, None, halves)
    assert check(provider, store, record).outcome is Outcome.PASS
    provider.said[b"pkg/data/a"] = Claim(8, None, (halves[0], halves[0]))
    assert [found.code for found in check(provider, store, record).findings] == [Code.DIGEST_MISMATCH]


def test_nobody_can_read_what_is_only_claimed() -> None:
    source = ClaimedStore(MemoryStore({}), Provider()).open(b"pkg/data/a", past_cache=True)
    with pytest.raises(StoreError):
        source.readinto(memoryview(bytearray(8)))
