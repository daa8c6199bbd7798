"""Names of what is tried on a replica and taken away again: they tell when, so that what a killed run left is known.

`.preserve/trial-<seconds since 1970, 8 hex digits><8 random ones>`. No store need tell the age of a folder for that.
"""

import re
import secrets
import time

from preserve.stores.identity import OURS

_TRIAL = re.compile(rb"trial-([0-9a-f]{8})[0-9a-f]{8}\Z")
_LEFT_SECONDS = 86_400  # no trial takes a day


def trial_name() -> bytes:
    """A new one."""
    return b"trial-%08x%b" % (int(time.time()) & 0xFFFFFFFF, secrets.token_hex(4).encode())


def is_trial(name: bytes) -> bool:
    return _TRIAL.match(name) is not None


def refuse_other_than_trial(path: bytes) -> None:
    """ValueError unless a path is one of a trial: nothing else is ever written over to see what happens."""
    folder, _, name = path.rpartition(b"/")
    if folder != OURS or not is_trial(name):
        raise ValueError("only a file made to be tried with is written over")


def is_left(name: bytes) -> bool:
    """Whether it is a trial's that was killed: made more than a day ago, or, as none can be, a day from now."""
    match = _TRIAL.match(name)
    return match is not None and abs(time.time() - int(match[1], 16)) > _LEFT_SECONDS
