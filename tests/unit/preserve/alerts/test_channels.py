"""Letters over real servers: what arrives, what is said of a channel that fails, and that no secret is ever said."""

import json
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from preserve.alerts import channels, sending
from preserve.alerts.channels import Message, label, named, send, send_each
from preserve.errors import UsageError
from tests.support.receivers import mail_server, web_server
from tests.support.serving import until


def test_one_message_goes_to_every_channel() -> None:
    with mail_server() as box, web_server() as web:
        done = send([box.url, web.url], "[preserve] ទំព័រ", "line one\nline two\n")
    assert [(each.channel, each.ok, each.why) for each in done] == [
        ("mailto://127.0.0.1", True, ""),
        ("json://127.0.0.1", True, ""),
    ]
    assert [mail["Subject"] for mail in box.mails] == ["[preserve] ទំព័រ"]
    assert box.mails[0].get_content_type() == "text/plain"
    assert box.mails[0].get_content().splitlines()[:2] == ["line one", "line two"]
    [(_, body)] = web.requests
    assert json.loads(body)["title"] == "[preserve] ទំព័រ"
    assert json.loads(body)["message"].splitlines() == ["line one", "line two"]


def test_a_channel_that_answers_500_is_told_and_keeps_no_other_from_it() -> None:
    with mail_server() as box, web_server() as web:
        web.status = 500
        failed, took = send([web.url, box.url], "title", "body")
    assert (failed.ok, failed.why) == (False, "it answered 500")
    assert took.ok and len(box.mails) == 1
    assert len(web.requests) == 1  # one try


def test_retries_asked_for_in_an_address_are_not_made() -> None:
    with web_server() as web:
        web.status = 500
        send([web.url + "?retry=5"], "title", "body")
    assert len(web.requests) == 1


def test_a_channel_that_hangs_is_given_up_in_time() -> None:
    with mail_server() as box, web_server() as web:
        web.hangs = True
        began = time.monotonic()
        hung, took = send([web.url, box.url], "title", "body", deadline_seconds=4)
        spent = time.monotonic() - began
    assert (hung.ok, hung.why) == (False, "no answer in time; it may have arrived all the same")
    assert took.ok and spent < 15


def test_a_long_batch_tells_of_each_message() -> None:
    with web_server() as web:
        web.statuses = [200, 500, 200]
        messages = [Message(title=f"letter {number}", body="x") for number in range(3)]
        done = send_each({"hook": web.url + "?rto=5"}, {"hook": messages}, deadline_seconds=60)
    assert [(each.title, each.ok) for each in done] == [("letter 0", True), ("letter 1", False), ("letter 2", True)]


def test_a_server_that_is_not_there_is_said_so() -> None:
    with web_server() as web:
        gone = web.url
    [done] = send([gone], "title", "body")
    assert done.why == "the connection was refused"


@pytest.mark.parametrize(
    "url",
    [
        "json://user-s3cret:pass-s3cret@127.0.0.1:1/path-s3cret?+token=s3cret",
        "discord://s3cretid/s3crettoken",
        "tgram://123:s3cret/-100s3cret",
        "nonsense-s3cret",
        "mailto://user:p@s3cret#word@mail.example.invalid",
        "s3cret\x1b[31m://x",
    ],
)
def test_no_part_of_an_address_that_may_be_secret_is_said(
    url: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "s3cret" not in label(url) and label(url).isprintable()
    if url.startswith(("json", "nonsense")):  # the others would look for a host outside
        with caplog.at_level(logging.DEBUG):
            [done] = send([url], "title", "body")
        assert not done.ok and done.why and "s3cret" not in repr(done)
        assert "s3cret" not in "".join(capfd.readouterr()) + caplog.text


def test_what_apprise_logs_becomes_words_of_ours() -> None:
    said = [
        "A Connection error occurred sending JSON notification to h.",
        "Socket Exception: HTTPConnectionPool(host='h', port=1): Max retries exceeded with url: /s3cret (Caused by "
        "NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))",
    ]
    assert sending.reason(said) == "the connection was refused"
    assert sending.reason(["Socket Exception: (535, b'5.7.8 bad s3cret')"]).startswith(
        "it did not accept the user name"
    )
    assert sending.reason(["s3cret"]) == "it was not taken; the reason is not known"


def test_two_channels_of_one_host_are_told_apart_and_the_same_address_is_used_once() -> None:
    urls = ["json://a.org/1", "json://a.org/2", "json://a.org/1", "slack://T1/T2/T3"]
    assert named(urls) == {
        "json://a.org": "json://a.org/1",
        "json://a.org (2)": "json://a.org/2",
        "slack://…": "slack://T1/T2/T3",
    }


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="apprise, which is not installed") as caught:
        send(["json://127.0.0.1/"], "title", "body")
    assert "preserve-toolkit[alerts]" in caught.value.remedy


@pytest.mark.parametrize("asked", ["", "?redirect=yes"])
def test_a_letter_is_shown_to_no_other_host_than_the_one_that_is_named(asked: str) -> None:
    with web_server() as web:
        web.status = 307
        [done] = send([web.url + asked], "title", "body")
    assert (done.ok, done.why) == (False, "it answered 307")
    assert len(web.requests) == 1


def test_of_many_channels_four_are_talked_to_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    start, alive, most = channels._start, list[subprocess.Popen[bytes]](), 0

    def counted(*asked: object) -> object:
        nonlocal most
        process = start(*asked)  # type: ignore[arg-type]
        assert isinstance(process, subprocess.Popen)
        alive[:] = [one for one in alive if one.returncode is None] + [process]
        most = max(most, len(alive))
        return process

    monkeypatch.setattr(channels, "_start", counted)
    done = send([f"nonsense{number}://x" for number in range(10)], "title", "body")
    assert [one.channel for one in done] == [f"nonsense{number}://…" for number in range(10)]
    assert most == 4 and all(one.returncode is not None for one in alive)


def test_what_sends_ends_with_whoever_asked_for_it() -> None:
    """A service that is killed while a channel hangs must send nothing after its end."""
    with web_server() as web:
        web.hangs = True
        script = f"from preserve.alerts.channels import send; send([{web.url!r}], 'title', 'body')"
        asking = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[4])
        until("the letter is being sent", lambda: web.requests)
        [sending_one] = _children(asking.pid)
        asking.send_signal(signal.SIGKILL)
        asking.wait()
        until("it has ended, too", lambda: not _lives(sending_one), within=10)


def test_what_sends_sends_nothing_if_whoever_asked_has_ended_before() -> None:
    with web_server() as web:
        asked = {"url": web.url, "seconds": 30, "parent": 0, "messages": [{"title": "title", "body": "body"}]}
        done = subprocess.run(
            [sys.executable, "-m", "preserve.alerts.sending"], input=json.dumps(asked).encode(), capture_output=True
        )
    assert (done.returncode, done.stdout, web.requests) == (1, b"", [])


def _children(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # nobody may be there to take its status
