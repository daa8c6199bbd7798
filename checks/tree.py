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


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that, with the leaf's own, give the root (RFC 6962 §2.1.1), lowest first."""
    if not 0 <= index < len(hashes):
        raise IndexError(f"no leaf {index} in a tree of {len(hashes)}")
    proof: list[bytes] = []
    level = list(hashes)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        odd = [level[-1]] if len(level) % 2 else []
        pairs = iter(level)
        level = [sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)] + odd
        index //= 2
    return proof


def root_from_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that a proof leads to; ValueError if the proof has the wrong length for the place."""
    node = leaf_hash(leaf)
    rest = list(proof)
    last = size - 1
    while last > 0:
        if index % 2 or index < last:
            if not rest:
                raise ValueError("the proof is too short")
            sibling = rest.pop(0)
            node = sha256(b"\1" + sibling + node if index % 2 else b"\1" + node + sibling).digest()
        index //= 2
        last //= 2
    if rest:
        raise ValueError("the proof is too long")
    return node
