"""What a provider says of its files, judged where otherwise bytes are: nothing is read, and so nothing is proven.

A store that keeps checksums of its own is asked for them, and each answer becomes a reading with the evidence CLAIMED.
Shards are judged by these as by any others; what comes of it is known no better than the provider's word.
"""

from collections.abc import Callable

from checks.digesting import Digester, Pool, Reading, Wanted, opened
from checks.evidence import Evidence
from checks.inventory import SEGMENT_BYTES
from checks.ports import Claim, Claiming, Kind, Source, Stat, Store, StoreError

NO_CLAIM = "no-claim"  # cause of a reading's problem: the provider has no SHA-256 of the file


class ClaimedStore:
    """A store whose files open as what is claimed of them."""

    def __init__(self, store: Store, claiming: Claiming) -> None:
        self._store = store
        self._claiming = claiming
        self.identity = store.identity
        self.stat = store.stat
        self.listing = store.listing
        self.in_flight: int = getattr(store, "in_flight", 1)

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> Source:
        """See `checks.ports.Store`. Only the claim can be had of it."""
        return ClaimedSource(path, self._claiming.claim(path))


class ClaimedSource:
    """What is claimed of one file."""

    def __init__(self, path: bytes, claim: Claim) -> None:
        self.path = path
        self.claim = claim

    @property
    def evidence(self) -> Evidence:
        return Evidence.CLAIMED

    def stat(self) -> Stat:
        return Stat(Kind.FILE, self.claim.size_bytes, self.claim.token)

    def readinto(self, buffer: memoryview) -> int:
        raise StoreError("nothing is read of what is only claimed", cause=NO_CLAIM)

    def close(self) -> None:
        """There is nothing to close."""


class ClaimReader(Digester):
    """Stands where a digester stands, over a `ClaimedStore`; every reading's evidence is CLAIMED at most.

    Args:
        pool: asks for many claims at once, since each is an answer of a server.
        told: is told of each claim that came in, as 0 bytes.
    """

    def __init__(self, pool: Pool | None = None, told: Callable[[int], None] | None = None) -> None:
        super().__init__(("sha256",), pool, told=told, parallel_from_bytes=0)

    def read(self, wanted: Wanted) -> Reading:
        """What is claimed of one file, or of one segment of it."""
        source = opened(wanted)
        if isinstance(source, Reading):
            return source
        if not isinstance(source, ClaimedSource):
            source.close()
            raise TypeError("claims are read of a ClaimedStore")
        if self._told is not None:
            self._told(0)
        claim = source.claim
        digest = _claimed(claim, wanted)
        if digest is None and claim.size_bytes == wanted.expected_bytes:
            return Reading(path=wanted.path, digests={}, problem=NO_CLAIM)
        # Of a file of another size no digest is needed: it is another.
        return Reading(
            wanted.path, {"sha256": digest or b""}, claim.size_bytes, 0, (), Evidence.CLAIMED, stat=source.stat()
        )


def _claimed(claim: Claim, wanted: Wanted) -> bytes | None:
    if wanted.length is None:
        return claim.sha256
    segment = wanted.offset // SEGMENT_BYTES
    return claim.segments[segment] if segment < len(claim.segments) else None
