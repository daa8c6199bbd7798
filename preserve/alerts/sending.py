"""The process that talks to one channel: reads its address and messages on standard input, answers a line each.

An answer is a JSON string: empty if the message was taken, else why not, in the words below and no others. What apprise
says of it, which may have the address in it, is only searched for signs and never handed on.
"""

import ctypes
import json
import logging
import os
import re
import signal
import sys
from contextlib import suppress
from typing import Any

_STATUS = re.compile(r"error=(\d{3})\b")
# The first sign that is found decides.
_SIGNS = (
    (re.compile(r"refused", re.I), "the connection was refused"),
    (re.compile(r"certificate|ssl", re.I), "its certificate or its encryption was not accepted"),
    (re.compile(r"authenti|\b53[045]\b", re.I), "it did not accept the user name or the password"),
    (re.compile(r"resol|not known|no address|temporary failure in name", re.I), "its name was not found"),
    (re.compile(r"timed? ?out", re.I), "no answer in time"),
    (re.compile(r"unreachable|no route", re.I), "it cannot be reached over the network"),
    (re.compile(r"recipient|\b55[0-9]\b", re.I), "it did not accept the recipient or the sender"),
    (re.compile(r"connection|socket", re.I), "there was no connection, or it broke off"),
)
_PR_SET_PDEATHSIG = 1  # prctl(2)
_UNSAID = "it was not taken; the reason is not known"
_MOST_BODY = 20_000  # characters


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < 1000:
            self.lines.append(record.getMessage()[:2000])


def reason(lines: list[str]) -> str:
    """Why it was not taken, out of what was logged."""
    text = "\n".join(lines)
    status = _STATUS.search(text)
    if status is not None:
        return f"it answered {status[1]}"
    failed = "\n".join(line for line in lines if "xception" in line or "failed" in line.lower() or "rror" in line)
    return next((words for sign, words in _SIGNS if sign.search(failed)), _UNSAID)


def main() -> int:
    """Answers on what standard output was; prints of others go nowhere."""
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    asked = json.loads(sys.stdin.buffer.read())
    _end_with(asked["parent"])
    signal.alarm(int(asked["seconds"]) + 5)  # where the kernel cannot do so
    for message in asked["messages"]:
        try:
            why = _send(asked["url"], message["title"], message["body"][:_MOST_BODY])
        except Exception as error:  # noqa: BLE001 - of anybody's plugin; its text may hold the address
            why = f"apprise failed with {type(error).__name__}"
        os.write(answers, json.dumps(why).encode("ascii") + b"\n")
    return 0


def _end_with(parent: int) -> None:
    """Nothing goes out once whoever asked for it has ended, and perhaps been started again."""
    with suppress(AttributeError, OSError):  # another kernel than Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)


def _send(url: str, title: str, body: str) -> str:
    import apprise
    from requests.sessions import SessionRedirectMixin

    # What a letter says is for the host that the address names. For all plugins, whatever an address asks for.
    SessionRedirectMixin.get_redirect_target = _nowhere  # type: ignore[method-assign, assignment]
    log, kept = logging.getLogger("apprise"), _Kept()
    log.propagate = False
    log.setLevel(logging.DEBUG)
    log.handlers[:] = [kept]
    plugin: Any = apprise.Apprise.instantiate(url, asset=_asset(apprise))
    if plugin is None:
        return "apprise cannot make anything of this address; see its list of services for how it is written"
    plugin.notify_format = apprise.NotifyFormat.TEXT  # the text as it is; a mail is then no HTML
    plugin.overflow_mode = apprise.OverflowMode.TRUNCATE  # one message, whatever a service's limit
    plugin.retry = 0
    plugin.socket_connect_timeout = plugin.socket_read_timeout = 10
    sender = apprise.Apprise(asset=_asset(apprise))
    sender.add(plugin)
    taken = sender.notify(
        body=body, title=title, notify_type=apprise.NotifyType.WARNING, body_format=apprise.NotifyFormat.TEXT
    )
    return "" if taken else reason(kept.lines)


def _nowhere(*_: object) -> None:
    return None


def _asset(apprise: Any) -> Any:
    """Nothing is loaded from, or kept on, the disk; no picture of another site stands in a letter."""
    return apprise.AppriseAsset(
        app_id="preserve",
        app_desc="preserve",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        plugin_paths=[],
    )


if __name__ == "__main__":
    sys.exit(main())
