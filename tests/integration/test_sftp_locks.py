"""Locks on an SFTP server: whose time is over is told by the server's clock, not by that of who wants to follow."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from preserve.errors import UsageError
from preserve.stores.rooms.locking import Terms, locked
from tests.support.sftp_server import sftp_server

LOCK = b".preserve/staging/box.lock"


def terms(holder: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Terms:
    return Terms(clock=clock, holder=lambda: holder, dead=lambda holder: False)


def test_a_clock_that_is_ahead_takes_no_lock_that_is_held() -> None:
    ahead = terms("there:1:1", lambda: datetime.now(UTC) + timedelta(minutes=20))
    with sftp_server() as server:
        store = server.store()
        with locked(store, LOCK, busy="busy", remedy="wait", terms=terms("here:1:1")):
            with (
                pytest.raises(UsageError, match="busy"),
                locked(store, LOCK, busy="busy", remedy="wait", terms=ahead),
            ):
                raise AssertionError("two hold it")
            assert os.listdir(server.root / ".preserve" / "staging") == ["box.lock"]
            long_ago = (datetime.now(UTC) - timedelta(minutes=16)).timestamp()
            os.utime(server.root / os.fsdecode(LOCK), (long_ago, long_ago))
            with locked(store, LOCK, busy="busy", remedy="wait", terms=ahead) as held:
                held.ensure()
        assert os.listdir(server.root / ".preserve" / "staging") == []
        store.close()
