"""Who is told of what, and when: months of ticks without a clock that runs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from checks.alarms import Alarm, Letter, Times, due_letters, follow, revived, taken, tried
from checks.concerns import Concern, ConcernCode

ZONE = ZoneInfo("Asia/Phnom_Penh")
START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # 10:00 there
TIMES = Times(digest_minute=8 * 60, zone=ZONE, repeat=timedelta(days=1))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def damaged(files: int = 5000, replica: str = "nas") -> Concern:
    return Concern(code=ConcernCode.DAMAGED, replica=replica, magnitude=files, parameters={"files": files})


def lost(files: int = 1, replica: str = "nas") -> Concern:
    return Concern(code=ConcernCode.LOST, replica=replica, magnitude=files, parameters={"files": files})


class World:
    """An auditor that ticks, and channels that take letters or do not."""

    def __init__(self, channels: Sequence[str] = ("mail",), times: Times = TIMES) -> None:
        self.alarms: list[Alarm] = []
        self.now = START
        self.channels, self.times = channels, times
        self.failing: set[str] = set()
        self.tries: list[tuple[datetime, Letter]] = []
        self.sent: list[tuple[datetime, Letter]] = []

    def tick(self, *concerns: Concern) -> list[Letter]:
        """One tick, now; the letters that were taken."""
        self.alarms = follow(concerns, self.alarms, self.now)
        known = {alarm.key: alarm for alarm in self.alarms}
        letters = [letter for name in self.channels for letter in due_letters(self.alarms, name, self.times, self.now)]
        took = []
        for letter in letters:
            self.tries.append((self.now, letter))
            for key in letter.keys:
                known[key] = tried(known[key], letter.channel, self.now)
                if letter.channel not in self.failing:
                    known[key] = taken(known[key], letter.channel, self.now)
            if letter.channel not in self.failing:
                took.append(letter)
        self.alarms = list(known.values())
        self.sent += [(self.now, letter) for letter in took]
        return took

    def until(self, end: datetime, *concerns: Concern, step: timedelta = MINUTE) -> list[tuple[datetime, Letter]]:
        """Ticks until then; what was taken meanwhile, and when."""
        before = len(self.sent)
        while self.now < end:
            self.now += step
            self.tick(*concerns)
        return self.sent[before:]

    def acknowledge(self, key: str) -> None:
        self.alarms = [
            replace(alarm, acknowledged_at=self.now, acknowledged_by="Sok") if alarm.key == key else alarm
            for alarm in self.alarms
        ]


def local(at: datetime) -> str:
    return at.astimezone(ZONE).strftime("%d %H:%M")


def keys(letters: Iterable[tuple[datetime, Letter]]) -> list[tuple[str, list[str]]]:
    return [(local(at), sorted(letter.keys)) for at, letter in letters]


def test_what_is_urgent_is_told_at_once_and_then_once_a_day() -> None:
    world = World()
    assert [letter.daily for letter in world.tick(lost())] == [False]
    assert keys(world.until(START + 3 * DAY, lost())) == [
        ("03 10:00", ["lost:nas"]),
        ("04 10:00", ["lost:nas"]),
        ("05 10:00", ["lost:nas"]),
    ]


def test_what_is_not_urgent_waits_for_the_daily_letter_at_the_hour_of_the_place() -> None:
    world = World()
    assert world.tick(damaged()) == []
    assert keys(world.until(START + 3 * DAY, damaged())) == [
        ("03 08:00", ["damaged:nas"]),
        ("04 08:00", ["damaged:nas"]),
        ("05 08:00", ["damaged:nas"]),
    ]


def test_a_daily_letter_that_was_missed_goes_out_when_the_machine_is_up_again() -> None:
    world = World()
    world.tick(damaged())
    world.now = START + DAY  # it slept through 08:00
    assert len(world.tick(damaged())) == 1
    assert keys(world.until(START + DAY + 23 * HOUR, damaged())) == [("04 08:00", ["damaged:nas"])]


def test_a_letter_grows_with_its_causes_and_not_with_its_findings() -> None:
    world = World()
    for files in range(1, 200):
        world.now += MINUTE
        world.tick(lost(files), damaged(files))
    assert [len(letter.keys) for _, letter in world.sent] == [2]  # a run finds more and more: one letter about it


def test_all_that_is_urgent_is_one_letter_with_what_else_is_new_of_those_replicas() -> None:
    world = World()
    wrong = Concern(code=ConcernCode.MASS_CHANGE, replica="nas", magnitude=9)
    standing = [lost(replica="usb"), wrong, damaged(), damaged(replica="abroad")]
    [letter] = world.tick(*standing)
    assert letter.keys == {"lost:usb", "mass-change:nas", "damaged:nas"}
    assert keys(world.until(START + DAY - HOUR, *standing)) == [("03 08:00", ["damaged:abroad", "damaged:nas"])]


def test_acknowledged_is_silent_until_it_gets_worse() -> None:
    world = World()
    world.tick(lost(5))
    world.acknowledge("lost:nas")
    assert world.until(START + 10 * DAY, lost(5), step=HOUR) == []
    assert world.until(START + 11 * DAY, lost(4), step=HOUR) == []
    assert len(world.until(START + 11 * DAY + HOUR, lost(5), step=HOUR)) == 1  # worse than what it had become
    assert len(world.until(START + 13 * DAY + HOUR, lost(5), step=HOUR)) == 2  # and so every day
    world.acknowledge("lost:nas")
    assert world.until(START + 20 * DAY, lost(5), step=HOUR) == []


def test_worse_on_the_same_day_speaks_at_once_if_urgent_else_in_the_next_daily_letter() -> None:
    world = World()
    world.until(START + DAY, lost(5), damaged(5))
    for key in ("lost:nas", "damaged:nas"):
        world.acknowledge(key)
    assert keys(world.until(START + 2 * DAY - HOUR, lost(6), damaged(6))) == [
        ("03 10:01", ["lost:nas"]),
        ("04 08:00", ["damaged:nas"]),
    ]


def test_what_went_away_is_told_once_in_the_daily_letter() -> None:
    world = World()
    world.tick(lost())
    told = world.until(START + 5 * DAY)
    assert keys(told) == [("03 08:00", ["lost:nas"])]
    assert [alarm.key for alarm in told[0][1].gone] == ["lost:nas"]


def test_what_went_away_before_anybody_was_told_of_it_is_not_told() -> None:
    world = World()
    world.tick(damaged())
    assert world.until(START + 3 * DAY) == []


def test_acknowledged_and_gone_and_back_again_is_new() -> None:
    world = World()
    world.tick(lost(9))
    world.acknowledge("lost:nas")
    world.until(START + 2 * DAY)
    assert len(world.tick(lost(1))) == 1


def test_a_disk_that_comes_and_goes_each_minute_makes_no_storm() -> None:
    world = World()
    away = Concern(code=ConcernCode.WRONG_REPLICA, replica="usb")
    for number in range(7 * 24 * 60):
        world.now += MINUTE
        world.tick(*([away] if number % 2 else []))
    assert len(world.tries) <= 7 * 3


def test_a_failing_channel_is_tried_three_times_and_then_once_a_day_and_keeps_no_other_waiting() -> None:
    world = World(("mail", "hook"))
    world.failing = {"hook"}
    assert [letter.channel for letter in world.tick(lost())] == ["mail"]
    world.until(START + 10 * DAY, lost())
    hook = [local(at) for at, letter in world.tries if letter.channel == "hook"]
    assert hook[:4] == ["02 10:00", "02 10:01", "02 10:11", "03 10:11"]
    assert len(hook) == 3 + 9
    assert len([1 for _, letter in world.tries if letter.channel == "mail"]) == 11


def test_a_channel_that_works_again_after_a_test_gets_at_once_what_it_missed() -> None:
    world = World()
    world.failing = {"mail"}
    world.until(START + HOUR, lost())
    world.failing = set()
    assert world.tick(lost()) == []
    world.alarms = [revived(alarm, "mail") for alarm in world.alarms]
    assert len(world.tick(lost())) == 1


def test_a_failure_of_a_channel_is_told_by_the_others_only() -> None:
    world = World(("mail", "hook"))
    failed = Concern(code=ConcernCode.CHANNEL_FAILED, parameters={"channel": "hook"})
    world.until(START + DAY, failed)
    assert [letter.channel for _, letter in world.sent] == ["mail"]


def test_a_clock_that_was_far_ahead_does_not_keep_it_silent() -> None:
    world = World()
    world.now = START + 3650 * DAY
    world.tick(lost(), damaged())
    world.until(world.now + DAY, lost(), damaged(), step=HOUR)
    world.now = START
    before = len(world.sent)
    world.until(START + 2 * DAY, lost(), damaged())
    assert 4 <= len(world.sent) - before <= 6


def test_a_night_of_23_hours_is_a_day() -> None:
    times = Times(digest_minute=8 * 60, zone=ZoneInfo("Europe/Paris"), repeat=timedelta(days=1))
    world = World(times=times)
    world.now = datetime(2026, 3, 27, 12, tzinfo=UTC)  # the clock goes forward in the night to the 29th
    told = world.until(datetime(2026, 3, 30, 12, tzinfo=UTC), damaged())
    assert [at.astimezone(times.zone).strftime("%d %H:%M") for at, _ in told] == ["28 08:00", "29 08:00", "30 08:00"]


def test_the_worst_comes_first() -> None:
    world = World()
    world.tick(Concern(code=ConcernCode.BACKUP_LATE), damaged(3), damaged(9, "usb"), Concern(code=ConcernCode.RUN_LATE))
    [(_, letter)] = world.until(START + DAY - HOUR, *[c for a in world.alarms for c in a.concerns])
    assert [alarm.key for alarm in letter.standing] == ["damaged:usb", "damaged:nas", "run-late", "backup-late"]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans(), st.integers(-30, 400)),
        max_size=60,
    )
)
def test_however_it_goes_no_cause_is_tried_more_often_than_allowed(
    course: list[tuple[int, int, bool, bool, int]],
) -> None:
    """Causes, channels and clocks may do what they like; acknowledging apart, which is a person's doing."""
    world, elapsed = World(), timedelta()
    for urgent, daily, fails, _, minutes in course:
        world.failing = {"mail"} if fails else set()
        world.now += timedelta(minutes=max(minutes, 0))
        elapsed += timedelta(minutes=max(minutes, 0))
        concerns = ([lost(urgent)] if urgent else []) + ([damaged(daily)] if daily else [])
        world.tick(*concerns)
    days = elapsed / DAY + 1
    for key in ("lost:nas", "damaged:nas"):
        took = sum(key in letter.keys for _, letter in world.sent)
        assert took <= 3 * days + 1
        assert sum(key in letter.keys for _, letter in world.tries) <= 4 * (3 * days + 1)


def test_what_is_no_longer_so_goes_out_with_the_next_letter_whichever_it_is() -> None:
    world = World()
    world.until(START + 23 * HOUR, damaged(), damaged(replica="usb"), lost(replica="abroad"))
    world.now += MINUTE
    [letter] = world.tick(damaged(), lost(replica="abroad"), lost(replica="disk"))
    assert not letter.daily and {alarm.key for alarm in letter.standing} == {"lost:disk"}
    assert [alarm.key for alarm in letter.gone] == ["damaged:usb"]
    after = world.until(START + 4 * DAY, damaged(), lost(replica="abroad"), lost(replica="disk"), step=HOUR)
    assert all(letter.gone == () for _, letter in after), "told once"


def test_two_causes_that_went_away_are_told_once_as_gone_while_a_third_is_told_again() -> None:
    world = World()
    world.until(START + DAY, damaged(), damaged(replica="usb"), damaged(replica="abroad"))
    after = world.until(START + 4 * DAY, damaged(), step=HOUR)
    assert [sorted(alarm.key for alarm in letter.gone) for _, letter in after] == [
        ["damaged:abroad", "damaged:usb"],
        [],
        [],
    ]
    assert all("damaged:nas" in letter.keys for _, letter in after)
