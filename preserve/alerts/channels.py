"""Sending messages to addresses that hold secrets, each in a process of its own.

A process can be ended when its channel hangs, whatever it hangs in; and what a library writes about addresses and
passwords into its log stays in it. Out of it comes only what `preserve.alerts.sending` has words for.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from preserve.errors import UsageError

DEADLINE_SECONDS = 30.0  # for one message; each further one of a channel has ten more
_FURTHER_SECONDS = 10.0
_AT_A_TIME = 4
_SECRETS = ("PRESERVE_ALERT_URLS", "PRESERVE_PING_URL")

# What stands where a host does is one only here; elsewhere (discord, tgram, slack, ...) it is often the secret itself.
_WITH_HOST = frozenset(
    (
        *("json", "jsons", "xml", "xmls", "form", "forms", "http", "https"),
        *("mailto", "mailtos", "gotify", "gotifys", "mmost", "mmosts", "rocket", "rockets"),
        *("nctalk", "nctalks", "ncloud", "nclouds"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Plain text. `title` is one line."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Whether a channel took a message; `why` it did not, in words of ours, without secrets."""

    channel: str
    ok: bool
    why: str = ""
    title: str = ""


def label(url: str) -> str:
    """Scheme and, where it is no secret, host: `mailtos://mail.example.org`, `discord://…`."""
    scheme, found, _ = url.partition("://")
    scheme = scheme.strip().lower()
    if not found or not scheme.isascii() or not scheme.replace("-", "").isalnum() or len(scheme) > 20:
        return "unknown://…"
    if scheme not in _WITH_HOST:
        return f"{scheme}://…"
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return f"{scheme}://…"
    # An address may be typed wrongly, a part of its password where the host should be (`#` and `/` belong coded).
    good = host.isascii() and all(character.isalnum() or character in "-.:" for character in host) and "#" not in url
    good = good and (host == "localhost" or "." in host or ":" in host)
    return f"{scheme}://{host}" if host and good else f"{scheme}://…"


def named(urls: Sequence[str]) -> dict[str, str]:
    """Each address by its label; of several with one label the second is `… (2)`. The same address twice is one."""
    seen: Counter[str] = Counter()
    by_name: dict[str, str] = {}
    for url in dict.fromkeys(urls):
        shown = label(url)
        seen[shown] += 1
        by_name[shown if seen[shown] == 1 else f"{shown} ({seen[shown]})"] = url
    return by_name


def require() -> None:
    """UsageError where the package that sends is not installed."""
    if find_spec("apprise") is None:
        raise UsageError(
            "alerts need the package apprise, which is not installed",
            remedy="Install it: pip install 'preserve-toolkit[alerts]'.",
        )


def send(urls: Sequence[str], title: str, body: str, *, deadline_seconds: float = DEADLINE_SECONDS) -> list[Delivery]:
    """One message to all addresses; what became of each. See `send_each`."""
    channels = named(urls)
    messages = {name: [Message(title=title, body=body)] for name in channels}
    return send_each(channels, messages, deadline_seconds=deadline_seconds)


def send_each(
    channels: dict[str, str],
    messages: dict[str, list[Message]],
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> list[Delivery]:
    """Sends to each channel its own messages, to four channels at a time; a try each, in the order given.

    Args:
        channels: address by name, as `named` gives them.
        messages: by the same names.
        deadline_seconds: for a channel's first message; each further one has ten more. Then it is given up.

    Raises:
        UsageError: the package that sends is not installed.
    """
    require()
    wanted = {name: some for name, some in messages.items() if some}
    running: deque[tuple[str, float, subprocess.Popen[bytes] | OSError]] = deque()
    deliveries = list[Delivery]()

    def finish_first() -> None:
        name, until, process = running[0]
        deliveries.extend(_outcome(name, wanted[name], process, until))
        running.popleft()

    try:
        for name, some in wanted.items():
            if len(running) == _AT_A_TIME:
                finish_first()
            seconds = deadline_seconds + _FURTHER_SECONDS * (len(some) - 1)
            running.append((name, time.monotonic() + seconds, _start(channels[name], some, seconds)))
        while running:
            finish_first()
        return deliveries
    finally:
        for _, _, process in running:
            if isinstance(process, subprocess.Popen):
                _end(process)


def _start(url: str, messages: Sequence[Message], seconds: float) -> subprocess.Popen[bytes] | OSError:
    asked = {
        "url": url,
        "seconds": seconds,
        "parent": os.getpid(),
        "messages": [{"title": message.title, "body": message.body} for message in messages],
    }
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "preserve.alerts.sending"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name not in _SECRETS},
            start_new_session=True,
        )
    except OSError as error:
        return error
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(asked).encode())  # its first act is to read all of it
        process.stdin.close()
    except OSError:
        pass  # it has died: it will have answered nothing
    return process


def _outcome(
    name: str, messages: Sequence[Message], process: subprocess.Popen[bytes] | OSError, until: float
) -> list[Delivery]:
    if isinstance(process, OSError):
        answers: list[str] = []
        why = f"no process could be started for it: {process.strerror}"
    else:
        answers, why = _answers(process, until)
    return [
        Delivery(channel=name, title=message.title, ok=answers[at] == "", why=answers[at])
        if at < len(answers)
        else Delivery(channel=name, title=message.title, ok=False, why=why)
        for at, message in enumerate(messages)
    ]


def _answers(process: subprocess.Popen[bytes], until: float) -> tuple[list[str], str]:
    """One answer a message, empty where it was taken; and what is said of those without an answer."""
    process.stdin = None  # it is closed; `communicate` would flush it
    why = "the process that sends ended without an answer"
    try:
        output, _ = process.communicate(timeout=max(until - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        _end(process)
        output, _ = process.communicate()
        why = "no answer in time; it may have arrived all the same"
    answers = []
    for line in output.decode("ascii", "replace").splitlines():
        try:
            answers.append(str(json.loads(line)))
        except ValueError:
            break
    return answers, why


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
