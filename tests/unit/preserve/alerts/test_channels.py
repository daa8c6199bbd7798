"""Letters over real servers: what arrives, what is said of a channel that fails, and that no secret is ever said."""

import json
import logging
import time

import pytest

from preserve.alerts import channels, sending
from preserve.alerts.channels import Message, label, named, send, send_each
from preserve.errors import UsageError
from tests.support.receivers import mail_server, web_server


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
