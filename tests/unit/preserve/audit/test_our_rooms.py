"""What lies in `.preserve`: ours, left by killed runs, or strange."""

import os
import time
from pathlib import Path
from uuid import UUID

from preserve.audit.our_rooms import Expected, look_at_rooms, unfinished
from preserve.audit.standing import What
from preserve.stores.local import LocalStore
from preserve.stores.trial_names import trial_name

CATALOG, OTHER, PACKAGE = (UUID(int=number) for number in (1, 2, 3))
EXPECTED = Expected(catalog=CATALOG, packages={str(PACKAGE): "box"}, entries={"20260101T000000-00000000"})


def room(root: Path, *names: str) -> dict[str, What]:
    for name in names:
        path = root / ".preserve" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.touch()
    found = look_at_rooms(LocalStore(os.fsencode(root)), EXPECTED)
    return {os.fsdecode(one.path).removeprefix(".preserve/"): one.what for one in found}


def test_what_we_lay_there_ourselves_is_not_told(tmp_path: Path) -> None:
    ours = (
        *("identity.json", "repair.lock", f"heads/{CATALOG}.txt", f"catalog/{CATALOG}/x.sqlite"),
        *("quarantine/20260101T000000-00000000/", "staging/x.lock"),
    )
    assert room(tmp_path, *ours) == {}


def test_what_killed_runs_left_and_what_is_strange_are_told_apart(tmp_path: Path) -> None:
    told = {
        f"staging/{PACKAGE}-v2/": What.UNFINISHED,
        f"staging/{OTHER}-v1/": What.UNFINISHED,
        f"removed/{PACKAGE}-v1/": What.LEFTOVER,
        "quarantine/20260202T000000-11111111/": What.QUARANTINE,
        f"heads/{OTHER}.txt": What.NOT_OURS,
        f"catalog/{OTHER}/": What.NOT_OURS,
        ".00112233445566aa.partial": What.LEFTOVER,
        "canaries/mine": What.NOT_OURS,
        "passwords.txt": What.NOT_OURS,
    }
    assert room(tmp_path, *told) == {name.rstrip("/"): what for name, what in told.items()}


def test_what_a_run_of_today_needs_is_not_told_and_what_it_left_long_ago_is(tmp_path: Path) -> None:
    locks = ["repair.lock.00112233445566aa", f"staging/{PACKAGE}-v2.lock.none.over"]
    assert room(tmp_path, *locks, trial_name().decode() + "/") == {}
    old = f"trial-{int(time.time()) - 90_000:08x}00112233/"
    for name in locks:
        os.utime(tmp_path / ".preserve" / name, (1, 1))
    assert room(tmp_path, old) == dict.fromkeys([*locks, old.rstrip("/")], What.LEFTOVER)


def test_an_unfinished_copy_is_known_by_its_package(tmp_path: Path) -> None:
    room(tmp_path, f"staging/{PACKAGE}-v2/")
    (one,) = unfinished(LocalStore(os.fsencode(tmp_path)), EXPECTED)
    assert (one.package, one.version) == ("box", 2)


def test_a_replica_without_rooms_has_nothing_in_them(tmp_path: Path) -> None:
    assert room(tmp_path) == {}
