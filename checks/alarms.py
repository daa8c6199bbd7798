"""Who is told of what, and when: from concerns and from what was told before to the letters that are due now. Pure.

Each channel has a memory of its own, so that one that fails keeps nobody else waiting, and nothing makes more letters
than a person can read: however many findings, one letter at once and one a day; each cause once in `repeat`; of a
letter that a channel does not take, three tries and then one in `repeat`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo

from checks.concerns import Concern, ConcernCode

TRIES = 3
_WAITS = (timedelta(minutes=1), timedelta(minutes=10))  # before the second try and the third
_SKEW = timedelta(minutes=5)  # by which clocks of hosts that share a catalog may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one channel knows of one cause. `tries` are those since it last took a letter."""

    sent_at: datetime | None = None
    tries: int = 0
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What a person has acknowledged: no more than `magnitude`. Below zero: it is void, for the cause went and came."""

    at: datetime
    magnitude: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A cause and who was told of it. `concerns` is empty where it does not stand now."""

    key: str
    message: str
    replica: str
    magnitude: int
    first_at: datetime
    last_at: datetime
    concerns: tuple[Concern, ...] = ()
    sent_at: datetime | None = None  # when any channel last took a letter about it
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    closed_at: datetime | None = None
    accepted: Accepted | None = None
    worse_at: datetime | None = None  # since when it is worse than what was acknowledged
    told: Mapping[str, Told] = field(default_factory=dict)  # by channel

    @property
    def silenced(self) -> bool:
        """Somebody has acknowledged it, and it is no worse since."""
        return self.accepted is not None and self.magnitude <= self.accepted.magnitude

    @property
    def urgent(self) -> bool:
        return any(concern.meaning.urgent for concern in self.concerns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When letters go out. `zone` None is the machine's."""

    digest_minute: int  # of the day, 0 to 1439
    zone: tzinfo | None
    repeat: timedelta

    def last_digest(self, now: datetime) -> datetime:
        """The newest moment for the daily letter that is not after `now`, as the clock on the wall has it."""
        today = now.astimezone(self.zone).replace(tzinfo=None)
        moment = today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=self.digest_minute)
        if self._aware(moment) > now:
            moment -= timedelta(days=1)
        return self._aware(moment)

    def _aware(self, wall: datetime) -> datetime:
        return wall.astimezone() if self.zone is None else wall.replace(tzinfo=self.zone)

    def wall(self, at: datetime) -> datetime:
        """Without a zone: a day is a day, also where a night has 23 hours."""
        return at.astimezone(self.zone).replace(tzinfo=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message for one channel."""

    channel: str
    daily: bool
    standing: tuple[Alarm, ...]
    gone: tuple[Alarm, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(alarm.key for alarm in (*self.standing, *self.gone))


def follow(concerns: Iterable[Concern], known: Iterable[Alarm], now: datetime) -> list[Alarm]:
    """What is known of each cause, brought up to what stands now: opened, closed, worse than acknowledged."""
    standing: dict[str, list[Concern]] = {}
    for concern in concerns:
        standing.setdefault(concern.key, []).append(concern)
    before = {alarm.key: alarm for alarm in known}
    followed = []
    for key in sorted(standing.keys() | before.keys()):
        old = before.get(key)
        if key in standing:
            followed.append(_standing(key, standing[key], old, now))
        elif old is not None:
            closed = now if old.closed_at is None else min(old.closed_at, now)
            followed.append(replace(old, concerns=(), closed_at=closed, worse_at=None))
    return followed


def _standing(key: str, concerns: Sequence[Concern], old: Alarm | None, now: datetime) -> Alarm:
    magnitude = max(concern.magnitude for concern in concerns)
    alarm = Alarm(
        key=key,
        message="; ".join(dict.fromkeys(concern.message for concern in concerns)),
        replica=concerns[0].replica,
        magnitude=magnitude,
        first_at=now,
        last_at=now,
        concerns=tuple(concerns),
    )
    if old is None:
        return alarm
    alarm = replace(
        alarm,
        told=old.told,
        sent_at=old.sent_at,
        acknowledged_at=old.acknowledged_at,
        acknowledged_by=old.acknowledged_by,
    )
    if old.closed_at is not None:  # back again: what was acknowledged then was another time
        void = None if old.acknowledged_at is None else Accepted(at=old.acknowledged_at, magnitude=-1)
        return replace(alarm, accepted=void)
    alarm = replace(alarm, first_at=min(old.first_at, now), accepted=_accepted(old, magnitude))
    worse = alarm.accepted is not None and 0 <= alarm.accepted.magnitude < magnitude
    return replace(alarm, worse_at=min(old.worse_at or now, now) if worse else None)


def _accepted(old: Alarm, magnitude: int) -> Accepted | None:
    """What was acknowledged; where it became less since, only that little: 100, repaired to 10, then 50 is worse."""
    if old.acknowledged_at is None:
        return None
    if old.accepted is None or old.accepted.at != old.acknowledged_at:
        return Accepted(at=old.acknowledged_at, magnitude=min(old.magnitude, magnitude))
    return replace(old.accepted, magnitude=min(old.accepted.magnitude, magnitude))


def due_letters(alarms: Sequence[Alarm], channel: str, times: Times, now: datetime) -> list[Letter]:
    """What this channel is to be told now: one letter with all that is urgent, and the daily one.

    The urgent one also has what else is new of the same replicas: damage that one run found there is one letter; and
    what is no longer so, which else waits for the daily one.
    """
    due = [alarm for alarm in alarms if _is_due(alarm, channel, times, now)]
    urgent = [alarm for alarm in due if alarm.urgent]
    there = {alarm.replica for alarm in urgent if alarm.replica}
    along = [alarm for alarm in alarms if alarm.replica in there and _is_new(alarm, channel)]
    told = {alarm.key for alarm in (*urgent, *along)}
    rest = [alarm for alarm in due if alarm.concerns and alarm.key not in told]
    gone = tuple(alarm for alarm in (alarms if urgent else due) if _is_gone(alarm, channel, times, now))
    letters = []
    if urgent:
        letters.append(Letter(channel=channel, daily=False, standing=_worst_first([*urgent, *along]), gone=gone))
        gone = ()
    if rest or gone:
        letters.append(Letter(channel=channel, daily=True, standing=_worst_first(rest), gone=gone))
    return letters


def _is_new(alarm: Alarm, channel: str) -> bool:
    """Not urgent, and never told or tried there."""
    return bool(alarm.concerns) and not alarm.urgent and not alarm.silenced and channel not in alarm.told


def _worst_first(alarms: Iterable[Alarm]) -> tuple[Alarm, ...]:
    return tuple(sorted(alarms, key=lambda alarm: (_rank(alarm), -alarm.magnitude, alarm.key)))


def _rank(alarm: Alarm) -> tuple[bool, int]:
    order = ("fail", "inconclusive", "pass")
    return not alarm.urgent, min(order.index(concern.meaning.outcome.value) for concern in alarm.concerns)


def _is_gone(alarm: Alarm, channel: str, times: Times, now: datetime) -> bool:
    """It was told there, and does not stand any more."""
    told = alarm.told.get(channel, Told())
    if alarm.concerns or alarm.closed_at is None or told.sent_at is None:
        return False
    return not told.tries or _may_try_again(told, times.repeat, now)


def _is_due(alarm: Alarm, channel: str, times: Times, now: datetime) -> bool:
    told = alarm.told.get(channel, Told())
    if told.tries and not _may_try_again(told, times.repeat, now):
        return False
    if not alarm.concerns:
        gone = _is_gone(alarm, channel, times, now)
        return gone and alarm.closed_at is not None and times.last_digest(now) >= alarm.closed_at
    if alarm.silenced or _is_about(alarm, channel):
        return False
    # A letter of the future was sent before the clock was set back: it must not keep us silent until then.
    sent_at = None if told.sent_at is None or told.sent_at - now > _SKEW else told.sent_at
    fresh = sent_at is None or (alarm.worse_at is not None and sent_at < alarm.worse_at)
    if alarm.urgent:
        return fresh or (sent_at is not None and now - sent_at >= times.repeat)
    moment = times.last_digest(now)
    if fresh or sent_at is None:
        return moment >= (alarm.worse_at or alarm.first_at)
    return moment > sent_at and times.wall(moment) - times.wall(times.last_digest(sent_at)) >= times.repeat


def _may_try_again(told: Told, repeat: timedelta, now: datetime) -> bool:
    if told.tried_at is None or told.tried_at - now > _SKEW:
        return True
    wait = _WAITS[told.tries - 1] if told.tries < TRIES else repeat
    return now - told.tried_at >= wait


def _is_about(alarm: Alarm, channel: str) -> bool:
    """A channel is not told of its own failure: that letter would fail, too."""
    return all(
        concern.code is ConcernCode.CHANNEL_FAILED and channel in str(concern.parameters.get("channel", "")).split(", ")
        for concern in alarm.concerns
    )


def tried(alarm: Alarm, channel: str, now: datetime) -> Alarm:
    """To be kept before the letter goes out: whoever is killed while sending must not send for ever."""
    told = alarm.told.get(channel, Told())
    return _with(alarm, channel, replace(told, tries=told.tries + 1, tried_at=now))


def taken(alarm: Alarm, channel: str, now: datetime) -> Alarm:
    """The channel took the letter. Of what is gone it then knows nothing more: should it come back, it is new."""
    if alarm.concerns:
        return replace(_with(alarm, channel, Told(sent_at=now)), sent_at=now)
    return replace(alarm, sent_at=now, told={name: told for name, told in alarm.told.items() if name != channel})


def revived(alarm: Alarm, channel: str) -> Alarm:
    """The channel works again: what it did not take may go out at once."""
    told = alarm.told.get(channel, Told())
    return _with(alarm, channel, Told(sent_at=told.sent_at)) if told.tries else alarm


def _with(alarm: Alarm, channel: str, told: Told) -> Alarm:
    return replace(alarm, told={**alarm.told, channel: told})
