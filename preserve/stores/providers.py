"""Which stores' providers can do more than keep files, however the stores are wrapped."""

from checks.ports import Store
from preserve.stores.capabilities import Refusing, Thawing, Versioned


def thawing_of(store: Store | None) -> Thawing | None:
    """Whoever brings back files out of cold classes; None if there are no such classes there."""
    while store is not None:
        if isinstance(store, Thawing):
            return store
        thawing: Thawing | None = getattr(store, "thawing", None)  # a replica's rooms name what lies beneath
        if thawing is not None:
            return thawing
        store = getattr(store, "inner", None)
    return None


def versioned_of(store: Store | None) -> Versioned | None:
    """Whoever says what keeps deleted and changed files there; None where there is no such thing."""
    while store is not None:
        if isinstance(store, Versioned):
            return store
        versioned: Versioned | None = getattr(store, "versioned", None)
        if versioned is not None:
            return versioned
        store = getattr(store, "inner", None)
    return None


def refusing_of(store: Store | None) -> Refusing | None:
    """Whoever can try whether files are written over there; None where there is nothing to be tried."""
    while store is not None:
        if isinstance(store, Refusing):
            return store
        refusing: Refusing | None = getattr(store, "refusing", None)
        if refusing is not None:
            return refusing
        store = getattr(store, "inner", None)
    return None
