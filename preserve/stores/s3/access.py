"""Who we are for S3 and where it is: all of it as boto3 finds it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import boto3
import botocore.session
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from checks.ports import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

CONNECT_SECONDS, READ_SECONDS = 10, 60
_PROBE = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket and how to reach it.

    `credentials`: id, secret and maybe a token, or what gives them as they are needed; None: the SDK's own chain.
    """

    bucket: str
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    path_style: bool | None = None  # None: where an endpoint is set
    credentials: Sequence[str] | Callable[[], Sequence[str]] | None = field(default=None, repr=False)
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    connections: int = 16


class Signed(S3SigV4Auth):  # type: ignore[misc, unused-ignore]
    """Signature version 4 over a body whose SHA-256 is known beforehand."""

    def __init__(self, credentials: ReadOnlyCredentials, region: str, sha256_hex: str) -> None:
        super().__init__(credentials, "s3", region)  # type: ignore[arg-type, unused-ignore]
        self._sha256_hex = sha256_hex

    def payload(self, request: AWSRequest) -> str:
        return self._sha256_hex


class Access:
    """A client of boto3 and what our own requests need. Making one reads configuration; nothing is sent."""

    def __init__(self, place: Place) -> None:
        core = botocore.session.Session(profile=place.profile)
        if place.credentials is not None:
            given = place.credentials() if callable(place.credentials) else place.credentials
            core.set_credentials(*given)
        session = boto3.session.Session(botocore_session=core, region_name=place.region)
        path_style = place.endpoint is not None if place.path_style is None else place.path_style
        self.client: S3Client = session.client(
            "s3",
            endpoint_url=place.endpoint,
            region_name=place.region or session.region_name or "us-east-1",
            config=Config(
                signature_version="s3v4",
                connect_timeout=place.connect_seconds,
                read_timeout=place.read_seconds,
                max_pool_connections=place.connections,
                retries={"mode": "standard", "total_max_attempts": 2},
                s3={"addressing_style": "path" if path_style else "auto"},
                # We digest what is read ourselves; and what we write has the SHA-256 that we say, or none is added.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        self.region: str = self.client.meta.region_name
        found = core.get_credentials()
        if found is None:
            raise NoCredentialsError
        self._credentials = found
        # The address that the SDK gives to an object is that of every other one, but for the key.
        probe = self.client.generate_presigned_url("get_object", Params={"Bucket": place.bucket, "Key": _PROBE})
        self.url: SplitResult = urlsplit(probe)._replace(query="", fragment="")
        self.before: str = self.url.path.removesuffix(_PROBE)
        proxy = get_environ_proxies(probe).get(self.url.scheme)
        self.proxy: SplitResult | None = _proxy(proxy) if proxy else None
        self.certificates: str | None = get_cert_path(core.get_config_variable("ca_bundle") or True)

    def sign(self, method: str, target: str, headers: dict[str, str], sha256_hex: str) -> dict[str, str]:
        """The headers with a signature. Credentials that run out are renewed by the SDK as they are asked for."""
        request = AWSRequest(method, f"{self.url.scheme}://{self.url.netloc}{target}", headers=headers)
        Signed(self._credentials.get_frozen_credentials(), self.region, sha256_hex).add_auth(request)
        return {"Host": self.url.netloc, "Accept-Encoding": "identity", **dict(request.headers.items())}


def _proxy(address: str) -> SplitResult:
    """UnavailableError if it cannot be one; its words may hold a password, and are not told."""
    try:
        found = urlsplit(address if "//" in address else f"//{address}")
        if found.hostname and found.port != 0:
            return found
    except ValueError:
        pass
    why = "the proxy's address in the environment is not understood"
    raise UnavailableError(why, cause=why)
