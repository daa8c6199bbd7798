"""Pings for a watcher elsewhere (healthchecks style): it alarms when they do not come, whatever has died here.

`start` goes to `URL/start`, `ok` to `URL`, `fail` to `URL/fail`, each as a POST with a short text. `log` goes to
`URL/log`: the watcher keeps its text, and it counts as no ping of a run.
"""

import http.client
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Literal
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from preserve.alerts.channels import Delivery, label

Kind = Literal["start", "ok", "fail", "log"]
TRIES, TIMEOUT_SECONDS = 3, 10.0
_WAIT_SECONDS = 1.0
_MOST_BODY = 10_000  # bytes
_PATHS: dict[Kind, str] = {"start": "/start", "ok": "", "fail": "/fail", "log": "/log"}
_HOW_TO_CODE = "an @ behind its host is written %40; in a user name or password / # ? are %2F %23 %3F"


class _NoRedirects(HTTPRedirectHandler):
    """The address is a secret: it is shown to the host that it names and to no other."""

    def redirect_request(self, *_: object) -> None:
        return None


def name_of(url: str) -> str:
    """As it is shown: without what makes it a secret."""
    return f"ping {label(url)}"


def ping(
    url: str,
    kind: Kind,
    body: str = "",
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    sleep: Callable[[float], object] = time.sleep,
) -> Delivery:
    """Three tries at most. Never raises: a watcher that is not there must not keep an archive from being read."""
    channel = name_of(url)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname is not None
    except ValueError:
        good = False
    if not good:
        return Delivery(channel=channel, ok=False, why="the address does not begin with http:// or https://")
    if "@" in parts.path + parts.query + parts.fragment:  # perhaps the rest of a password, whose begin is no host
        return Delivery(channel=channel, ok=False, why=_HOW_TO_CODE)
    host = parts.netloc.rpartition("@")[2]
    whole = urlunsplit(parts._replace(netloc=host, path=parts.path.rstrip("/") + _PATHS[kind], fragment=""))
    headers = {"Content-Type": "text/plain; charset=utf-8", **_credentials(parts)}
    why = ""
    for left in reversed(range(TRIES)):
        why, again = _ask(whole, headers, body.encode("utf-8", "replace")[:_MOST_BODY], timeout_seconds)
        if not why or not again:
            break
        if left:
            sleep(_WAIT_SECONDS)
    return Delivery(channel=channel, ok=not why, why=why)


def _credentials(parts: SplitResult) -> dict[str, str]:
    """User name and password by the header that is for them: left in the address, they would be looked up as a host."""
    user, found, _ = parts.netloc.rpartition("@")
    if not found:
        return {}
    name, _, password = user.partition(":")
    plain = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
    return {"Authorization": f"Basic {b64encode(plain).decode('ascii')}"}


def _ask(url: str, headers: dict[str, str], body: bytes, timeout_seconds: float) -> tuple[str, bool]:
    """Why it failed (empty: it did not), and whether another try makes sense.

    On a thread that may be left behind: looking up a name, or a server that sends a byte a second, knows no time-out.
    """
    answer: list[tuple[str, bool]] = []
    thread = threading.Thread(target=lambda: answer.append(_request(url, headers, body, timeout_seconds)), daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    return answer[0] if answer else (f"no answer for {timeout_seconds:g} s", True)


def _request(url: str, headers: dict[str, str], body: bytes, timeout_seconds: float) -> tuple[str, bool]:
    opener: OpenerDirector = build_opener(_NoRedirects)
    try:
        request = Request(url, data=body, method="POST", headers=headers)
        with opener.open(request, timeout=timeout_seconds):
            return "", False
    except HTTPError as error:
        error.close()
        return f"it answered {error.code}", error.code >= 500 or error.code == 429
    except (URLError, OSError, http.client.HTTPException, ValueError) as error:
        return _words(error), not isinstance(error, ValueError)


def _words(error: Exception) -> str:
    """In words of ours: texts of such errors may have the address in them."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return f"no connection: {cause.strerror}"
    return f"no connection ({type(cause).__name__})"
