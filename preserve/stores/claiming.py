"""Which stores' providers keep checksums of their own, however they are wrapped; and asking them, with patience."""

import time
from collections.abc import Callable
from functools import partial

from checks.claims import ClaimedStore
from checks.ports import Claim, Claiming, Store
from preserve.stores.retrying import Again

_ATTEMPTS, _FIRST_WAIT_SECONDS = 3, 0.5


def claiming_of(store: Store | None) -> Claiming | None:
    """Whoever answers for the checksums of a store's provider; None if nobody does."""
    while store is not None:
        if isinstance(store, Claiming):
            return store
        claiming: Claiming | None = getattr(store, "claiming", None)  # a replica's rooms name what lies beneath
        if claiming is not None:
            return claiming
        store = getattr(store, "inner", None)
    return None


def claimed(store: Store, sleep: Callable[[float], object] = time.sleep) -> ClaimedStore | None:
    """The store as its provider's word gives it; None if the provider gives none."""
    claiming = claiming_of(store)
    return None if claiming is None else ClaimedStore(store, _Patient(claiming, sleep))


class _Patient:
    """Asks again where no answer came."""

    def __init__(self, claiming: Claiming, sleep: Callable[[float], object]) -> None:
        self._claiming = claiming
        self._again = Again(_ATTEMPTS, _FIRST_WAIT_SECONDS, sleep)

    def claim(self, path: bytes) -> Claim:
        return self._again.ask(partial(self._claiming.claim, path))
