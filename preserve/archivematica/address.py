"""Where a Storage Service is, and who asks it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

from preserve.errors import UsageError

API = "/api/v2/file/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A Storage Service, and the user and key that it is asked with. `seconds`: how long one AIP's check may take."""

    url: str  # without a slash at its end
    user: str
    key: str = field(repr=False)
    seconds: float

    def __post_init__(self) -> None:
        for what, value in (("user", self.user), ("API key", self.key)):
            if not value or not (value.isascii() and value.isprintable()) or " " in value:
                raise UsageError(
                    f"the {what} of the Storage Service is empty, or has characters in it that none has",
                    remedy="Look at [archivematica] in the settings; the key stands in the Storage Service at "
                    "Administration, Users.",
                )

    @property
    def authorization(self) -> str:
        """The header's value: in a header the key comes into no server's log, as it does in an address."""
        return f"ApiKey {self.user}:{self.key}"

    def api(self, *parts: str) -> str:
        """The address of a resource below `/api/v2/file/`."""
        return self.url + API + "".join(f"{part}/" for part in parts)

    @property
    def warnings(self) -> Sequence[str]:
        """What is not as it should be with the address."""
        split = urlsplit(self.url)
        if split.scheme == "https" or is_loopback(split.hostname or ""):
            return ()
        return (
            f"{self.url} is not encrypted: the API key and all answers can be read and changed on the way. "
            "Use https, or a tunnel to this machine.",
        )


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address; ValueError if it has none that can be."""
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise ValueError("no address of the web")
    return split.scheme, split.hostname.lower(), split.port or (443 if split.scheme == "https" else 80)


def shown(url: str) -> str:
    """An address without what may be secret in it."""
    split = urlsplit(url)
    return urlunsplit((split.scheme, split.netloc.rpartition("@")[2], split.path, "", ""))


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
