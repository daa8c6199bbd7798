"""Who is told what is not as it should be: the concerns, what was told before, and the channels, put together.

A try is written down before a letter goes out, and that it was sent only after a channel took it: whoever is killed
between the two sends again, but never for ever. What cannot be written down is not sent.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from checks.alarms import Alarm, Letter, Times, due_letters, follow, revived, taken, tried
from checks.concerns import Concern
from config import Settings, SettingsError, secret_lines
from preserve.alerts import channels, pinging
from preserve.alerts.channels import Delivery, Message
from preserve.app.alarm_rows import alarm_of, changed, row_of
from preserve.app.letters import compose, compose_test
from preserve.app.workspace import Workspace, operator
from preserve.errors import PreserveError, UndeterminedError, UsageError
from preserve.stores.locking import locked

URLS, PING_URL = "PRESERVE_ALERT_URLS", "PRESERVE_PING_URL"
LIST_OF_ADDRESSES, PING = "urls_file", "ping_url_file"  # channels that stand for files that cannot be read
MOST_ADDRESSES = 50
_PING_TEST = "a ping that only shows that it arrives"
_NONE_SET = "there is nobody to tell: no channel is set"
_HOW_TO_SET = (
    "Write one address a line (docs/alerts.md) into a file of mode 600, and its name into preserve.toml: "
    f'[alerts] urls_file = "alert-urls". Or set {URLS}.'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where letters go, by the names that are shown. `problem`: why the file of addresses could not be used."""

    by_name: dict[str, str]
    problem: SettingsError | None = None


def addresses(settings: Settings) -> Addresses:
    """Those of the file and of the environment, 50 at most. What is wrong with some keeps nobody else waiting."""
    found, problem = os.environ.get(URLS, "").split(), None
    if settings.alerts.urls_file is not None:
        try:
            found = [*secret_lines(settings.alerts.urls_file), *found]
        except SettingsError as error:
            problem = error
    by_name = channels.named(found)
    if len(by_name) > MOST_ADDRESSES:
        problem = SettingsError(
            f"there are {len(by_name)} addresses, and letters go to {MOST_ADDRESSES} at most",
            settings.alerts.urls_file,
            remedy="write fewer: a mailing list or a channel for the group can be one address",
        )
    return Addresses(by_name=dict(islice(by_name.items(), MOST_ADDRESSES)), problem=problem)


def _names(settings: Settings, to: Addresses) -> set[str]:
    """What may stand among the catalog's channels, as things are set now."""
    names = {LIST_OF_ADDRESSES, *to.by_name}
    names |= {PING} if settings.alerts.ping_url_file is not None else set()
    with suppress(SettingsError):
        url = _ping_url(settings)
        names |= {pinging.name_of(url)} if url else set()
    return names


def tell(workspace: Workspace, concerns: Iterable[Concern], *, now: datetime) -> list[Delivery]:
    """Sends what is to be sent now, by every channel that is set; what became of each letter.

    Without a channel nothing is sent, and nothing counts as sent.

    Raises:
        UsageError: apprise is not installed.
        UndeterminedError: another process is at it.
        CatalogError: what was told could not be read or written down; then nothing is sent.
    """
    with _alone(workspace):
        to = addresses(workspace.settings)
        _note_list(workspace, to, now)
        alarms = _followed(workspace, concerns, now)
        letters = [letter for name in to.by_name for letter in due_letters(alarms, name, _times(workspace), now)]
        if not letters:
            return []
        _require(workspace, to.by_name, now)
        known = {alarm.key: alarm for alarm in alarms}
        _mark_tried(workspace, letters, known, now)
        deliveries = channels.send_each(to.by_name, _messages(workspace, letters, now))
        _mark_taken(workspace, letters, deliveries, known, now)
        return deliveries


def test(workspace: Workspace) -> list[Delivery]:
    """Sends a letter that says nothing but that it was sent. A channel that takes it gets what it did not take before.

    The watcher elsewhere gets a ping that counts as none of a run: else it would take the test for one. What became of
    channels that are not set any more is forgotten.

    Raises:
        UsageError: neither a channel nor a ping is set, or apprise is not installed.
        SettingsError: the file of addresses cannot be used.
    """
    to, now = addresses(workspace.settings), workspace.clock()
    if to.problem is not None:
        raise to.problem
    workspace.catalog.forget_channels(_names(workspace.settings, to))
    letter = compose_test(workspace, now)
    pinged = ping(workspace, "log", letter.title)
    if not to.by_name and pinged is None:
        raise UsageError(_NONE_SET, remedy=_HOW_TO_SET)
    _note_list(workspace, to, now)
    deliveries = list[Delivery]()
    if to.by_name:
        _require(workspace, to.by_name, now)
        deliveries = channels.send_each(to.by_name, {name: [letter] for name in to.by_name})
        _note(workspace, deliveries, now)
    with _alone(workspace):
        rows = workspace.catalog.alerts()
        alarms = [alarm_of(row) for row in rows]
        for name in (delivery.channel for delivery in deliveries if delivery.ok):
            alarms = [revived(alarm, name) for alarm in alarms]
        workspace.catalog.save_alerts(changed(alarms, rows))
    return deliveries if pinged is None else [*deliveries, replace(pinged, title=_PING_TEST)]


def refuse_without_channels(workspace: Workspace) -> None:
    """UsageError where nobody could be told, or SettingsError where nobody can know whom."""
    to = addresses(workspace.settings)
    if to.problem is not None:
        raise to.problem
    if not to.by_name:
        raise UsageError(_NONE_SET, remedy=_HOW_TO_SET)


def acknowledge(
    workspace: Workspace,
    keys: Collection[str],
    concerns: Iterable[Concern],
    *,
    note: str,
    all_of_them: bool = False,
) -> list[str]:
    """Writes down that somebody knows of these causes; they are told again only if they get worse, or come back.

    Args:
        keys: as `preserve watch` shows them.
        concerns: what stands now.

    Raises:
        UsageError: nothing of that name stands; then nothing is acknowledged.
    """
    now = workspace.clock()
    with _alone(workspace):
        standing = [alarm.key for alarm in _followed(workspace, concerns, now) if alarm.concerns]
        wanted = standing if all_of_them else list(dict.fromkeys(keys))
        for key in wanted:
            if key not in standing:
                known = ", ".join(standing)
                raise UsageError(
                    f"nothing stands that is called {key}; nothing was acknowledged",
                    remedy=f"What stands now: {known}." if known else "Nothing stands now.",
                )
        return workspace.catalog.acknowledge(wanted, operator(), note, workspace.clock())


def ping(workspace: Workspace, kind: pinging.Kind, body: str = "") -> Delivery | None:
    """Tells the watcher elsewhere that a run began, how it ended, or some text; None if there is no such watcher.

    Never raises: that nobody can be told must not keep the archive from being read.
    """
    try:
        url = _ping_url(workspace.settings)
        if url is None:
            return None
        delivery = pinging.ping(url, kind, body)
    except SettingsError as error:
        delivery = Delivery(channel=PING, ok=False, why=str(error))
    with suppress(PreserveError):
        now = workspace.clock()
        if delivery.channel != PING and any(one.name == PING and one.failed_at for one in workspace.catalog.channels()):
            workspace.catalog.channel_told(PING, True, "", now)
        workspace.catalog.channel_told(delivery.channel, delivery.ok, delivery.why, now)
    return delivery


def _ping_url(settings: Settings) -> str | None:
    if settings.alerts.ping_url_file is not None:
        lines = secret_lines(settings.alerts.ping_url_file)
        if len(lines) != 1:
            raise SettingsError(
                f"must hold one address, and has {len(lines)}", settings.alerts.ping_url_file, remedy="write one line"
            )
        return lines[0]
    return os.environ.get(PING_URL, "").strip() or None


def _times(workspace: Workspace) -> Times:
    settings = workspace.settings
    return Times(digest_minute=settings.alerts.digest_minute, zone=settings.time_zone, repeat=settings.alerts.repeat)


def _followed(workspace: Workspace, concerns: Iterable[Concern], now: datetime) -> list[Alarm]:
    """What stands and what went, brought up to now and saved."""
    rows = workspace.catalog.alerts()
    alarms = follow(concerns, [alarm_of(row) for row in rows], now)
    workspace.catalog.save_alerts(changed(alarms, rows))
    return alarms


def _messages(workspace: Workspace, letters: Sequence[Letter], now: datetime) -> dict[str, list[Message]]:
    """By channel. What several channels are told in the same words is written once."""
    written: dict[tuple[bool, frozenset[str]], Message] = {}
    messages: dict[str, list[Message]] = {}
    for letter in letters:
        which = (letter.daily, letter.keys)
        if which not in written:
            written[which] = compose(workspace, letter, now)
        messages.setdefault(letter.channel, []).append(written[which])
    return messages


def _mark_tried(workspace: Workspace, letters: Sequence[Letter], known: dict[str, Alarm], now: datetime) -> None:
    for letter in letters:
        for key in letter.keys:
            known[key] = tried(known[key], letter.channel, now)
    workspace.catalog.save_alerts([row_of(known[key]) for key in _keys(letters)])


def _mark_taken(
    workspace: Workspace,
    letters: Sequence[Letter],
    deliveries: Sequence[Delivery],
    known: dict[str, Alarm],
    now: datetime,
) -> None:
    """Deliveries come by channel, in the order of its letters, as the letters themselves do."""
    took = [letter for letter, delivery in zip(letters, deliveries, strict=True) if delivery.ok]
    for letter in took:
        for key in letter.keys:
            known[key] = taken(known[key], letter.channel, now)
    workspace.catalog.save_alerts([row_of(known[key]) for key in _keys(took)])
    _note(workspace, deliveries, now)


def _keys(letters: Iterable[Letter]) -> list[str]:
    return sorted({key for letter in letters for key in letter.keys})


def _note(workspace: Workspace, deliveries: Sequence[Delivery], now: datetime) -> None:
    """How each channel fared: it works if it took all."""
    for name in dict.fromkeys(delivery.channel for delivery in deliveries):
        failed = [one.why for one in deliveries if one.channel == name and not one.ok]
        workspace.catalog.channel_told(name, not failed, failed[0] if failed else "", now)


def _note_list(workspace: Workspace, to: Addresses, now: datetime) -> None:
    """That the addresses cannot be read is a channel that failed: nobody else would say it."""
    if to.problem is not None:
        workspace.catalog.channel_told(LIST_OF_ADDRESSES, False, str(to.problem), now)
    elif any(one.name == LIST_OF_ADDRESSES and one.failed_at for one in workspace.catalog.channels()):
        workspace.catalog.channel_told(LIST_OF_ADDRESSES, True, "", now)


def _require(workspace: Workspace, names: Iterable[str], now: datetime) -> None:
    """A missing package is no try of a letter: once it is there, all goes out at once."""
    try:
        channels.require()
    except UsageError as error:
        for name in names:
            workspace.catalog.channel_told(name, False, error.message, now)
        raise


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Two processes at a time would tell everything twice."""
    path = os.fsencode(workspace.settings.catalog.path) + b".alerts.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, busy="busy", remedy=""))
        except UsageError as error:
            raise UndeterminedError(
                "another preserve is at the alerts just now", remedy="Try again in a minute."
            ) from error
        yield
