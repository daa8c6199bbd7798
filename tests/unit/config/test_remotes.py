"""Replicas in buckets and on SFTP servers: what their settings mean, and that no secret is ever told."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from config import FolderAddress, S3Address, SecretSource, SettingsError, SftpAddress

FILE = Path("/archive/preserve.toml")


def replica(*lines: str) -> config.Replica:
    return config.parse("\n".join(("[replica.a]", *lines)), FILE).replicas["a"]


def refused(*lines: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        replica(*lines)
    assert caught.value.path == FILE and caught.value.remedy, "every mistake is told with what to do about it"
    return caught.value


class TestBuckets:
    def test_a_bucket_and_a_prefix(self) -> None:
        found = replica('url = "s3://my-bucket/copies/of%20us/"', 'region = "eu-central-1"', 'profile = "archive"')
        assert found.address == S3Address("my-bucket", b"copies/of us", region="eu-central-1", profile="archive")
        assert found.folder is None and found.secret is None

    def test_a_whole_bucket(self) -> None:
        for url in ("s3://my-bucket", "s3://my-bucket/", "S3://my-bucket"):
            assert replica(f'url = "{url}"').address == S3Address("my-bucket", b"")

    def test_an_endpoint_is_addressed_by_paths_unless_told_otherwise(self) -> None:
        lines = ('url = "s3://bucket/x"', 'endpoint = "https://S3.example.org:9000/"')
        address = replica(*lines).address
        assert address == S3Address("bucket", b"x", endpoint="https://s3.example.org:9000", path_style=True)
        assert address.where == "s3://bucket/x at s3.example.org:9000"
        hosted = replica(*lines, "path_style = false").address
        assert isinstance(hosted, S3Address) and not hosted.path_style

    @pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8333", "http://localhost:8333", "http://[::1]:8333"])
    def test_this_machine_may_be_asked_without_https(self, endpoint: str) -> None:
        address = replica('url = "s3://bucket"', f'endpoint = "{endpoint}"').address
        assert isinstance(address, S3Address) and address.endpoint == endpoint

    @pytest.mark.parametrize(
        ("bucket", "says"),
        [
            ("ab", "no bucket"),
            ("a" * 64, "no bucket"),
            ("My-bucket", "no bucket"),
            ("my_bucket", "no bucket"),
            ("-bucket", "no bucket"),
            ("bucket-", "no bucket"),
            ("my..bucket", "no bucket"),
            ("192.168.1.1", "no bucket"),
            ("", "no bucket"),
            ("bucket/a//b", "`//`"),
            ("bucket//a", "`//`"),
            ("bucket/../b", "`..`"),
            ("bucket/a/%2e%2e/b", "`..`"),
            ("bucket/./b", "`..`"),
            ("bucket/a%0Ab", "control"),
            ("bucket/%FF", "UTF-8"),
            ("bucket/%zz", "hexadecimal"),
            ("bucket/" + "a" * 401, "401 bytes"),
        ],
    )
    def test_what_no_bucket_or_prefix_can_be(self, bucket: str, says: str) -> None:
        error = refused('site = "x"', f'url = "s3://{bucket}"')
        assert error.line == 3 and says in error.message

    @pytest.mark.parametrize(
        ("line", "says", "remedy"),
        [
            ('endpoint = "http://s3.example.org"', "without https", "ssh -L"),
            ('endpoint = "http://127.0.0.1.example.org"', "without https", "ssh -L"),
            ('endpoint = "s3.example.org"', "not the address of a server", "https://s3.example.org"),
            ('endpoint = "https://s3.example.org/bucket"', "not the address of a server", "stands in the url"),
            ('endpoint = "https://s3.example.org:99999"', "not the address of a server", "its name"),
            ('storage_class = "DEEP_ARCHIVE"', "cannot be read back", "GLACIER_IR"),
            ('storage_class = "standard ia"', "storage_class", "STANDARD_IA"),
            ('region = "eu central"', "region", "eu-central-1"),
            ('profile = ""', "empty", "one line"),
            ('known_hosts = "x"', "means nothing for a replica at s3://", "sftp://"),
            ('key = "x"', "means nothing for a replica at s3://", "sftp://"),
            ('write_rate = "0MB/s"', "nothing would ever be written", "50MB/s"),
            ('write_rate = "fast"', "not a rate", "50MB/s"),
            ("path_style = 1", "true or false", "without quotes"),
        ],
    )
    def test_keys_that_cannot_be_meant_are_told_with_their_line(self, line: str, says: str, remedy: str) -> None:
        error = refused('url = "s3://bucket"', 'site = "x"', line)
        assert error.line == 4 and says in error.message and remedy in error.remedy


class TestServers:
    def test_all_of_an_address(self) -> None:
        found = replica(
            'url = "sftp://archive@Backup.example.org:2222/srv/copies/"', 'known_hosts = "kh"', 'key = "/keys/id"'
        )
        path, known, key = b"/srv/copies", Path("/archive/kh"), Path("/keys/id")
        assert found.address == SftpAddress("backup.example.org", 2222, "archive", path, known, key)
        assert found.address.where == "sftp://archive@backup.example.org:2222/srv/copies"

    def test_the_least_of_one(self) -> None:
        assert replica('url = "sftp://host/x"').address == SftpAddress("host", 22, None, b"/x")

    def test_bytes_that_are_not_utf_8_and_ipv6(self) -> None:
        address = replica('url = "sftp://me%40home@[2001:DB8::1]:22/a/%FF%E1%9E%80"').address
        assert address == SftpAddress("2001:db8::1", 22, "me@home", b"/a/\xff\xe1\x9e\x80")

    @pytest.mark.parametrize(
        ("url", "says"),
        [
            ("sftp://host", "no path"),
            ("sftp://host/", "no path"),
            ("sftp:///srv", "no server"),
            ("sftp://-oProxyCommand=x/srv", "no server"),
            ("sftp://-l@host/srv", "nobody can be called"),
            ("sftp://@host/srv", "nobody can be called"),
            ("sftp://a b@host/srv", "nobody can be called"),
            ("sftp://host:/srv", "no port"),
            ("sftp://host:70000/srv", "no port"),
            ("sftp://host:0/srv", "no port"),
            ("sftp://[::g]/srv", "no server"),
            ("sftp://[:::1]/srv", "IPv6"),
            ("sftp://host/~/copies", "not expanded"),
            ("sftp://host/a/../b", "`..`"),
            ("sftp://host//a", "`//`"),
            ("sftp://host/a%00b", "control"),
        ],
    )
    def test_what_no_server_or_path_can_be(self, url: str, says: str) -> None:
        error = refused(f'url = "{url}"')
        assert error.line == 2 and says in error.message

    @pytest.mark.parametrize("line", ['endpoint = "https://x"', 'region = "x"', "path_style = true", 'profile = "x"'])
    def test_keys_of_buckets_mean_nothing_here(self, line: str) -> None:
        error = refused('url = "sftp://host/x"', line)
        assert error.line == 3 and "means nothing for a replica at sftp://" in error.message

    def test_a_home_folder_is_not_guessed(self) -> None:
        assert "not expanded" in refused('url = "sftp://host/x"', 'key = "~/.ssh/id"').message


def test_keys_of_other_places_mean_nothing_for_a_folder() -> None:
    error = refused('url = "/mnt/nas"', 'secret = "env:X"')
    assert error.line == 3 and "means nothing for a replica at a folder" in error.message
    assert "s3:// or sftp://" in error.remedy


@pytest.mark.parametrize("url", ["s3:/bucket/x", "s3:bucket/x", "s3//bucket/x", "sftp:/host/x", "SFTP:x"])
def test_a_slip_in_a_url_is_told_as_one(url: str) -> None:
    error = refused(f'url = "{url}"', 'secret = "env:X"')
    kind = "sftp" if url.lower().startswith("sftp") else "s3"
    assert f"begins with {kind}://" in error.message


def test_every_kind_may_be_written_to_slowly() -> None:
    found = replica('url = "/mnt/nas"', 'write_rate = "20MB/s"')
    assert found.write_rate_bytes_per_second == 20_000_000
    assert found.address == FolderAddress(b"/mnt/nas") and found.root == found.folder == b"/mnt/nas"


def test_the_folder_of_a_bucket_is_not_asked_for_by_mistake() -> None:
    with pytest.raises(ValueError, match="no folder"):
        _ = replica('url = "s3://bucket"').root


class TestSecrets:
    @pytest.mark.parametrize(
        ("written", "source"),
        [
            ("env:ARCHIVE_KEY", SecretSource("env", "ARCHIVE_KEY")),
            ("file:keys/s3", SecretSource("file", "/archive/keys/s3")),
            ("file:/keys/s3", SecretSource("file", "/keys/s3")),
            ("keyring:preserve/cloud/archive", SecretSource("keyring", "preserve/cloud", "archive")),
        ],
    )
    def test_where_one_is_kept(self, written: str, source: SecretSource) -> None:
        assert replica('url = "s3://bucket"', f'secret = "{written}"').secret == source

    @pytest.mark.parametrize("written", ["hunter22", "env:hunter22-", "keyring:hunter22", "pass:hunter22", "env:"])
    def test_the_secret_itself_is_refused_and_not_repeated(self, written: str) -> None:
        error = refused('url = "s3://bucket"', f'secret = "{written}"')
        assert error.line == 3 and "hunter22" not in f"{error} {error.remedy}"

    @pytest.mark.parametrize("key", ["password", "passphrase", "secret_access_key", "access_key"])
    def test_a_key_for_it_is_answered_with_where_it_belongs(self, key: str) -> None:
        error = refused('url = "s3://bucket"', f'{key} = "hunter22"')
        assert error.line == 3 and "does not belong into the settings" in error.message
        assert "env:NAME" in error.remedy and "hunter22" not in f"{error} {error.remedy}"


# Marked, so that it is no word of the message itself.
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=0x17FF)).map("Zq9".__add__)
LEAKING = (
    ("url", "sftp://user:%s@host/path"),
    ("url", "s3://AKIDEXAMPLE:%s@bucket/prefix"),
    ("url", "sftp://user:%s@"),
    ("url", "sftp://host/path?password=%s"),
    ("url", "s3://bucket/x?X-Amz-Signature=%s"),
    ("url", "s3://bucket/x#%s"),
    ("url", "https://user:%s@host/bucket"),
    ("url", "user:%s@host:/srv"),
    ("url", "sftp:/user:%s@host/srv"),
    ("url", "s3:user:%s@bucket"),
    ("url", "file://user:%s@host/srv"),
    ("endpoint", "https://user:%s@host"),
    ("endpoint", "https://host/?key=%s"),
    ("secret", "=%s"),
    ("secret", "keyring:%s:"),
    ("storage_class", "*%s"),
    ("region", "*%s"),
)


@given(st.sampled_from(LEAKING), SECRETS)
def test_no_secret_ever_appears_in_an_error(place: tuple[str, str], secret: str) -> None:
    key, form = place
    values = {"url": "s3://bucket/prefix", key: form % secret}
    text = "[replica.a]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in values.items())
    with pytest.raises(SettingsError) as caught:
        config.parse(text, FILE)
    told = f"{caught.value} {caught.value.remedy} {caught.value!r}"
    assert secret not in told
    with pytest.raises(SettingsError) as edited:
        config.with_replica("", "a", values.pop("url"), keys=dict(values))
    assert secret not in f"{edited.value} {edited.value.remedy} {edited.value!r}"


def _toml(value: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('url = "s3://bucket"', 'url = "s3://bucket/deep/below"'),
        ('url = "s3://bucket/a"', 'url = "s3://bucket/a/"'),
        ('url = "s3://bucket/a"', 'url = "s3://bucket/a/b"'),
        ('url = "s3://bucket/a"', 'url = "s3://bucket/a"\nendpoint = "https://s3.eu-west-1.amazonaws.com"'),
        ('url = "sftp://x@host/a"', 'url = "sftp://y@HOST:22/a/b"'),
    ],
)
def test_no_two_replicas_are_in_one_place_or_within_each_other(one: str, other: str) -> None:
    for first, second in ((one, other), (other, one)):
        text = f"[replica.a]\n{first}\n[replica.b]\n{second}"
        with pytest.raises(SettingsError, match="is in the same place as, holds or lies in replica a") as caught:
            config.parse(text, FILE)
        assert caught.value.line == text.split("\n").index("[replica.b]") + 2


def test_places_beside_each_other_are_two() -> None:
    urls = (
        "s3://bucket/a",
        "s3://bucket/ab",
        "s3://other/a",
        "sftp://h/a",
        "sftp://h:23/a",
        "sftp://h/ab",
        "/a",
        "/a/b",
    )
    text = "\n".join(f'[replica.r{number}]\nurl = "{url}"' for number, url in enumerate(urls))
    assert len(config.parse(text, FILE).replicas) == len(urls)
    elsewhere = '[replica.x]\nurl = "s3://bucket/a"\nendpoint = "https://s3.example.org"'
    assert len(config.parse(f"{text}\n{elsewhere}", FILE).replicas) == len(urls) + 1


def test_a_replica_elsewhere_is_written_with_its_keys() -> None:
    keys = {
        "endpoint": "https://s3.example.org",
        "secret": "file:s3-key",
        "storage_class": "STANDARD_IA",
        "region": None,
    }
    text = config.with_replica("# mine\n", "cloud", "s3://bucket/x", site="abroad", keys=keys)
    found = config.parse(text, FILE).replicas["cloud"]
    assert text.startswith("# mine\n") and "region" not in text and found.site == "abroad"
    assert found.address == S3Address(
        "bucket", b"x", endpoint="https://s3.example.org", path_style=True, storage_class="STANDARD_IA"
    )
    assert found.secret == SecretSource("file", "/archive/s3-key")
    assert config.without_replica(text, "cloud").rstrip() == "# mine"


PIECES = st.lists(
    st.sampled_from(["s3://", "sftp://", "file:///", "a", "host", "@", ":", "/", "..", "%2", "%FF", "%00", "[", "]",
                     "::1", "22", "~", "-", "?", "#", " ", "\udcff", "ក", "\\", "\n", "\0", "\u202e"])
).map("".join)  # fmt: skip


@given(PIECES | st.text(), st.none() | PIECES, st.none() | PIECES)
def test_whatever_is_written_is_meant_or_told(url: str, endpoint: str | None, secret: str | None) -> None:
    try:
        text = config.with_replica("", "a", url, keys={"endpoint": endpoint, "secret": secret})
    except SettingsError as error:
        assert error.message.isprintable() and error.remedy
        return
    found = config.parse(text, FILE).replicas["a"]
    assert found.url == url
    if isinstance(found.address, S3Address):
        assert ".." not in found.address.prefix.decode().split("/") and "//" not in found.address.where[5:]
    elif isinstance(found.address, SftpAddress):
        assert found.address.path.startswith(b"/") and b"//" not in found.address.path
