"""A small cut of `tests.campaigns.names_anywhere`: random names to real servers and back."""

from preserve.stores.rooms.replica import RemoteReplica
from preserve.stores.s3 import S3Store
from tests.campaigns.names_anywhere import run
from tests.support.s3_servers import CREDENTIALS, Server
from tests.support.sftp_server import SftpServer


def test_every_name_goes_there_and_back_or_is_refused_first(
    weed_bucket: tuple[Server, str], sftp_running: SftpServer
) -> None:
    server, bucket = weed_bucket
    root = sftp_running.root / "random-names"
    (root / ".preserve").mkdir(parents=True)
    s3 = S3Store(bucket, b"random", endpoint=server.endpoint, region="us-east-1", credentials=CREDENTIALS)
    stores = {"s3": RemoteReplica(s3), "sftp": RemoteReplica(sftp_running.store(path=bytes(root)))}
    try:
        told, wrong = run(stores, seed=5, count=40)
    finally:
        for each in stores.values():
            each.close()
    assert not wrong
    assert told["sftp"]["there and back"] > 250 and told["s3"]["there and back"] > 100
    assert told["s3"]["refused beforehand"] > 100  # bytes that are no text
