"""RFC 6962 §2.1 Merkle tree hash over SHA-256."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf (RFC 6962 §2.1)."""
    return sha256(b"\0" + leaf).digest()


def root_of_hashes(hashes: Sequence[bytes]) -> bytes:
    """The tree hash of leaves that are already hashed.

    Pairing level by level, the odd last one going up unchanged, is the RFC's split at the largest power of two.
    """
    level = list(hashes)
    if not level:
        return EMPTY
    while len(level) > 1:
        odd = [level[-1]] if len(level) % 2 else []
        pairs = iter(level)
        level = [sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
        level += odd
    return level[0]


def root(leaves: Iterable[bytes]) -> bytes:
    """The tree hash of leaves, 32 bytes."""
    return root_of_hashes([sha256(b"\0" + leaf).digest() for leaf in leaves])
