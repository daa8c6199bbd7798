"""Promises and limits: what is set where, which of them wins, and what is said of what cannot be kept."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from config import Settings, SettingsError, Window

FILE = Path("/archive/preserve.toml")
WEEK = frozenset(range(7))


def settings(*lines: str) -> Settings:
    return config.parse("\n".join(lines), FILE)


def refused(*lines: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        settings(*lines)
    assert caught.value.path == FILE and caught.value.remedy
    return caught.value


def days(promise: config.Promise) -> tuple[float, float, str]:
    day = timedelta(days=1)
    return promise.max_age / day, promise.target_age / day, promise.evidence


NAS, VAULT = ('[replica.nas]', 'url = "/nas"'), ('[replica.vault]', 'url = "/vault"', "offline = true")  # fmt: skip


class TestPromises:
    def test_without_any_line_everything_is_read_in_90_days(self) -> None:
        assert days(settings().promise("any", "nowhere")) == (90, 60, "read")

    def test_the_table_for_all_holds_for_what_has_nothing_of_its_own(self) -> None:
        found = settings("[audit]", 'max_age = "30d"', 'evidence = "read-medium"', *NAS, '[collection."a"]')
        for names in (("a", "nas"), ("", "nas"), ("unknown", "unknown")):
            assert days(found.promise(*names)) == (30, 20, "read-medium")

    def test_a_collections_own_may_be_stricter_or_milder_than_the_one_for_all(self) -> None:
        found = settings('[collection."Maps of 1975"]', 'max_age = "30d"', '[collection."ភូមិ"]',
                         'max_age = "180d"', 'target_age = "90d"', '[collection.""]', 'max_age = "9d"')  # fmt: skip
        assert list(found.collections) == ["Maps of 1975", "ភូមិ", ""]
        assert days(found.promise("Maps of 1975", "nas")) == (30, 20, "read")
        assert days(found.promise("ភូមិ", "nas")) == (180, 90, "read")
        assert days(found.promise("", "nas")) == (9, 6, "read"), "packages in no collection have a name too: none"

    def test_of_a_collection_and_a_replica_the_stricter_holds(self) -> None:
        found = settings(*NAS, 'max_age = "180d"', 'target_age = "30d"', 'evidence = "read-medium"',
                         '[collection."a"]', 'max_age = "60d"', 'evidence = "read"')  # fmt: skip
        assert days(found.promise("a", "nas")) == (60, 30, "read-medium")
        assert days(found.promise("", "nas")) == (180, 30, "read-medium")
        assert days(found.promise("a", "other")) == (60, 40, "read")

    def test_on_a_replica_that_is_offline_its_own_holds(self) -> None:
        found = settings(*VAULT, 'max_age = "365d"', '[collection."a"]', 'max_age = "60d"', 'evidence = "read-medium"')
        max_age, _, evidence = days(found.promise("a", "vault"))
        assert max_age == 365
        assert evidence == "read-medium", "of evidence the replica says nothing"

    def test_on_a_replica_that_is_offline_and_promises_nothing_the_collections_holds(self) -> None:
        assert days(settings(*VAULT, '[collection."a"]', 'max_age = "60d"').promise("a", "vault")) == (60, 40, "read")

    def test_an_age_that_is_aimed_at_can_be_set_alone(self) -> None:
        found = settings(*NAS, 'target_age = "10d"')
        assert days(found.promise("", "nas")) == (90, 10, "read")

    def test_copies_are_asked_for_by_the_collection_before_the_table_for_all(self) -> None:
        found = settings("[audit]", "minimum_copies = 2", "[collection.a]", "minimum_copies = 3", "[collection.b]")
        assert [found.minimum_copies(name) for name in ("a", "b", "c")] == [3, 2, 2]
        assert settings().minimum_copies("a") is None

    AGES = st.tuples(st.none() | st.integers(7, 400), st.none() | st.integers(1, 7))

    @given(AGES, AGES, AGES, st.booleans())
    def test_what_is_aimed_at_is_never_later_than_what_is_promised(
        self,
        every: tuple[int | None, int | None],
        replica: tuple[int | None, int | None],
        collection: tuple[int | None, int | None],
        offline: bool,
    ) -> None:
        def ages(both: tuple[int | None, int | None]) -> list[str]:
            named = zip(("max_age", "target_age"), both, strict=True)
            return [f'{name} = "{age}d"' for name, age in named if age is not None]

        found = settings(
            "[audit]", *ages(every), *NAS, f"offline = {str(offline).lower()}", *ages(replica),
            "[collection.a]", *ages(collection),
        )  # fmt: skip
        for names in (("a", "nas"), ("", "nas"), ("a", ""), ("", "")):
            promise = found.promise(*names)
            assert timedelta() < promise.target_age <= promise.max_age
        if not offline and replica[0] is not None and collection[0] is not None:
            assert found.promise("a", "nas").max_age.days == min(replica[0], collection[0])


class TestLimits:
    def test_a_replicas_own_lines_go_before_the_table_for_all_key_by_key(self) -> None:
        found = settings(
            "[audit]", 'hours = ["22:00-06:00"]', 'budget = ["200GB", "4h"]', 'rate = "50MB/s"', "concurrency = 4",
            'grace = "2h"', 'every = "12h"', 'time_zone = "Asia/Phnom_Penh"', "threads = 8",
            *NAS, 'hours = ["00:00-24:00"]', 'budget = "1TiB"', "concurrency = 1", *VAULT,
        )  # fmt: skip
        assert found.limits("vault") == found.limits("unknown") == found.audit.limits
        own, all_ = found.limits("nas"), found.audit.limits
        assert own.hours == (Window(days=WEEK, start_minute=0, stop_minute=1440),)
        assert (own.budget_bytes, own.budget_time) == (2**40, None), "a budget is taken as a whole"
        assert (all_.budget_bytes, all_.budget_time) == (200 * 10**9, timedelta(hours=4))
        assert own.rate_bytes_per_second == 50_000_000
        assert (own.concurrency, all_.concurrency) == (1, 4)
        assert own.grace == timedelta(hours=2) and own.every.interval == timedelta(hours=12)
        assert found.time_zone == ZoneInfo("Asia/Phnom_Penh") and found.audit.threads == 8

    def test_without_lines_there_is_no_limit(self) -> None:
        limits = settings().limits("")
        assert (limits.hours, limits.budget_bytes, limits.budget_time) == ((), None, None)
        assert (limits.rate_bytes_per_second, limits.concurrency, limits.grace) == (None, None, timedelta(hours=6))
        assert settings().time_zone is None

    def test_the_table_for_all_has_what_its_callers_ask_it_for(self) -> None:
        audit = settings("[audit]", 'max_age = "9d"', 'every = "2h"').audit
        assert (audit.every, audit.max_age, audit.target_age, audit.evidence) == (
            audit.limits.every, audit.promise.max_age, audit.promise.target_age, audit.promise.evidence
        )  # fmt: skip

    def test_patience_that_nobody_wrote_is_no_contradiction(self) -> None:
        found = settings("[audit]", 'max_age = "2h"', 'every = "1h"', *NAS, 'max_age = "1h"')
        assert found.audit.limits.grace == timedelta(hours=2)
        assert found.limits("nas").grace == timedelta(hours=1)

    @pytest.mark.parametrize("name", ["Europe", "../etc/passwd", "/etc/passwd", "Mars/Olympus", "", "a\\u0000b"])
    def test_a_time_zone_that_is_none_is_refused(self, name: str) -> None:
        assert "no time zone" in refused("[audit]", f'time_zone = "{name}"').message

    def test_a_time_zone_written_as_people_do_is_told_as_it_is_called(self) -> None:
        assert '"Asia/Phnom_Penh"' in refused("[audit]", 'time_zone = "phnom penh"').remedy


class TestContradictions:
    @pytest.mark.parametrize(
        ("lines", "line", "says", "works"),
        [
            (("[audit]", 'max_age = "9d"', 'target_age = "10d"'), 3, "longer than max_age", 'target_age = "6d"'),
            ((*NAS, 'target_age = "91d"'), 3, 'longer than max_age "90d"', 'target_age = "60d"'),
            (("[collection.a]", 'target_age = "91d"'), 2, 'longer than max_age "90d"', 'target_age = "60d"'),
            (("[audit]", 'every = "91d"'), 2, 'every "91d" is longer', 'every = "1d"'),
            (("[audit]", 'max_age = "2h"'), 2, "which holds where nothing else is set", 'every = "2h"'),
            ((*NAS, 'max_age = "2h"'), 3, "of replica nas", 'every = "2h"'),
            (("[collection.a]", 'max_age = "2h"', *NAS), 2, 'replica nas and collection "a"', 'every = "2h"'),
            (("[audit]", 'every = "0 0 1 * *"', 'max_age = "30d"'), 2, "up to 31d apart", 'every = "1d"'),
            (("[audit]", 'every = "0 0 29 feb *"'), 2, "up to 2921d apart", 'every = "1d"'),
            (("[audit]", 'grace = "91d"'), 2, "nobody would be told in time", 'grace = "6h"'),
            (("[audit]", 'grace = "5d"', *NAS, 'max_age = "4d"'), 2, "of replica nas", 'grace = "6h"'),
            (("[audit]", 'hours = ["22:00-06:00"]', 'every = "0 12 * * *"'), 3, "never falls", 'every = "0 22 * * *"'),
            (("[audit]", 'every = "0 2 * * sun"', *NAS, 'hours = ["mon 00:30-08:00"]'), 2, "of replica nas",
             'every = "30 0 * * mon"'),
            (("[audit]", 'hours = ["sat,sun 00:00-24:00"]', 'max_age = "4d"'), 2, "closed for up to 5d",
             'max_age = "5d"'),
            (("[audit]", "hours = []"), 2, "never open", "00:00-24:00"),
            (("[audit]", 'rate = "0MB/s"'), 2, "nothing would ever be read", "50MB/s"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_kept_is_refused_with_what_would_work(
        self, lines: tuple[str, ...], line: int, says: str, works: str
    ) -> None:
        error = refused(*lines)
        assert error.line == line
        assert says in error.message
        assert works in error.remedy

    @pytest.mark.parametrize(
        "lines",
        [
            ("[audit]", 'hours = ["22:00-06:00"]', 'budget = "20h"'),
            ("[audit]", 'hours = ["22:00-06:00"]', 'every = "30 5 * * *"'),
            ("[audit]", 'hours = ["sun 22:00-06:00"]', 'every = "0 1 * * mon"'),
            ("[audit]", 'every = "91d"', *NAS, 'every = "1d"'),
            ("[audit]", 'every = "0 0 1 * *"', 'max_age = "31d"'),
            (*VAULT, 'max_age = "365d"', 'every = "100d"', "[collection.a]", 'max_age = "30d"'),
        ],
    )
    def test_what_can_be_kept_is_taken(self, lines: tuple[str, ...]) -> None:
        settings(*lines)
