"""Pings for a watcher elsewhere."""

import socket
import time
from base64 import b64encode

import pytest

from preserve.alerts.pinging import ping
from tests.support.receivers import web_server


def _unslept(_: float) -> None:
    """No test waits."""


def test_each_kind_has_its_path_and_its_text() -> None:
    with web_server() as web:
        base = f"http://127.0.0.1:{web.port}/s3cret"
        for kind in ("start", "ok", "fail", "log"):
            assert ping(base, kind, f"audit {kind}").ok
    assert web.requests == [
        ("/s3cret/start", b"audit start"),
        ("/s3cret", b"audit ok"),
        ("/s3cret/fail", b"audit fail"),
        ("/s3cret/log", b"audit log"),
    ]


def test_a_watcher_that_answers_500_is_asked_three_times_and_no_more() -> None:
    with web_server() as web:
        web.status = 500
        done = ping(f"http://127.0.0.1:{web.port}/s3cret", "ok", sleep=_unslept)
    assert (done.ok, done.why, len(web.requests)) == (False, "it answered 500", 3)
    assert done.channel == "ping http://127.0.0.1" and "s3cret" not in repr(done)


def test_a_watcher_that_recovers_is_told_once() -> None:
    with web_server() as web:
        web.statuses = [503, 200]
        assert ping(f"http://127.0.0.1:{web.port}/x", "ok", sleep=_unslept).ok
    assert len(web.requests) == 2


def test_a_wrong_address_is_not_tried_again_nor_followed_elsewhere() -> None:
    with web_server() as web:
        web.statuses = [404, 302]
        assert ping(f"http://127.0.0.1:{web.port}/x", "ok", sleep=_unslept).why == "it answered 404"
        assert ping(f"http://127.0.0.1:{web.port}/x", "ok", sleep=_unslept).why == "it answered 302"
    assert [path for path, _ in web.requests] == ["/x", "/x"]


def test_a_watcher_that_hangs_is_given_up() -> None:
    with web_server() as web:
        web.hangs = True
        began = time.monotonic()
        done = ping(f"http://127.0.0.1:{web.port}/x", "ok", timeout_seconds=0.3, sleep=_unslept)
    assert not done.ok and "no answer" in done.why and time.monotonic() - began < 10


def test_only_http_is_spoken() -> None:
    for url in ("file:///etc/passwd", "ftp://a.org/x", "s3cret", "http://[", "http:///x"):
        done = ping(url, "ok", sleep=_unslept)
        assert not done.ok and "s3cret" not in repr(done)


def test_user_and_password_go_by_their_header_and_are_never_looked_up_as_a_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_up, ask = list[object](), socket.getaddrinfo

    def listen(host: str, *more: object, **named: object) -> object:
        looked_up.append(host)
        return ask(host, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", listen)
    with web_server() as web:
        assert ping(f"http://us%40er:p%2Fs3cret@localhost:{web.port}/x", "ok", sleep=_unslept).ok
    assert set(looked_up) == {"localhost"}
    assert web.headers[0]["Authorization"] == f"Basic {b64encode(b'us@er:p/s3cret').decode()}"


@pytest.mark.parametrize("url", ["http://user:12/s3cret@127.0.0.1/x", "http://user:12#s3cret@127.0.0.1/x"])
def test_a_password_that_is_not_coded_is_refused_before_its_begin_is_taken_for_a_host(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("it was looked up"))
    done = ping(url, "ok", sleep=_unslept)
    assert not done.ok and "%40" in done.why and "s3cret" not in repr(done)
