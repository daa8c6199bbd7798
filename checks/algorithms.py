"""Digest algorithms by the names that BagIt gives them: what can be computed here, and how long a digest is.

Nothing is looked up before it is asked for: a start does not wait for algorithms that nobody uses.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache, partial
from typing import NamedTuple, Protocol, cast

# What every implementation of BagIt is expected to know (RFC 8493 §2.4).
STANDARD = frozenset({"md5", "sha1", "sha256", "sha512"})

# Two contents of one digest have been made, or it is so short (160 bits or fewer) that they can be searched for.
WEAK = frozenset(
    {"md2", "md4", "md5", "md5sha1", "mdc2", "sha1", "ripemd160", "blake2b160", "blake2s128", "blake2s160"}
)

Content = bytes | memoryview


class Hash(Protocol):
    """What hashlib's objects have in common, as far as it is used here."""

    def update(self, data: Content, /) -> None: ...
    def digest(self) -> bytes: ...


Constructor = Callable[..., Hash]  # called with the first bytes, or with nothing


class _Algorithm(NamedTuple):
    constructor: Constructor
    digest_bytes: int


def normalised(algorithm: str) -> str:
    """An algorithm's name as BagIt writes it in file names: lower case, letters and digits only (RFC 8493 §2.4)."""
    return "".join(c for c in algorithm.lower() if c.isascii() and c.isalnum())


def new_hash(algorithm: str) -> Hash:
    """A fresh hash of a normalised name; KeyError if it is not one of DIGEST_BYTES."""
    return constructor(algorithm)()


def constructor(algorithm: str) -> Constructor:
    """What makes hashes of a normalised name; KeyError if it is not one of DIGEST_BYTES."""
    found = _found(algorithm)
    if found is None:
        raise KeyError(algorithm)
    return found.constructor


class _DigestBytes(Mapping[str, int]):
    """Lengths of digests by normalised name, of what can be computed here; going through it tries every algorithm."""

    def __getitem__(self, algorithm: str) -> int:
        found = _found(algorithm)
        if found is None:
            raise KeyError(algorithm)
        return found.digest_bytes

    def __iter__(self) -> Iterator[str]:
        return (name for name in sorted({*_spellings(), *_SIZED, "blake3"}) if _found(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


DIGEST_BYTES: Mapping[str, int] = _DigestBytes()

# BLAKE2 with its length in the name (RFC 7693 §4): a parameter of the function, not a digest cut short.
_SIZED: Mapping[str, tuple[str, int]] = {
    **{f"blake2b{bits}": ("blake2b", bits // 8) for bits in (160, 256, 384, 512)},
    **{f"blake2s{bits}": ("blake2s", bits // 8) for bits in (128, 160, 224, 256)},
}


@lru_cache(maxsize=256)  # names come from file names, and there is no end of those
def _found(algorithm: str) -> _Algorithm | None:
    """None if nothing of that name can be computed here, or its digests have no fixed length (SHAKE)."""
    for make in _candidates(algorithm):
        try:
            size = getattr(make(), "digest_size", 0)
        except (ValueError, TypeError, OSError):
            continue  # OpenSSL lists what its settings then refuse
        if size > 0:
            return _Algorithm(make, size)
    return None


def _candidates(algorithm: str) -> Iterator[Constructor]:
    """What may make such hashes, the fastest first. None is meant to keep a secret: MD5 may be had for that (FIPS)."""
    if algorithm == "blake3":
        yield from _blake3()
    elif algorithm in _SIZED:
        name, digest_bytes = _SIZED[algorithm]
        yield partial(getattr(hashlib, name), digest_size=digest_bytes, usedforsecurity=False)
    elif (spelled := _spellings().get(algorithm)) is not None:
        own = getattr(hashlib, spelled, None)
        if own is not None:
            yield partial(own, usedforsecurity=False)
        yield cast(Constructor, partial(hashlib.new, spelled, usedforsecurity=False))


def _blake3() -> Iterator[Constructor]:
    try:
        import blake3
    except ImportError:
        return
    yield cast(Constructor, blake3.blake3)  # its stub asks for keyword types that nobody here gives


@cache
def _spellings() -> Mapping[str, str]:
    """hashlib's own names by their normalised ones."""
    return {normalised(name): name for name in sorted(hashlib.algorithms_available)}
