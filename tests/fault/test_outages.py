"""Lines cut, servers killed, keys taken away, disks pulled at work: nothing false is told, all goes on."""

from pathlib import Path

from tests.campaigns.outages import campaign
from tests.support.s3_servers import binary
from tests.support.sftp_server import sshd


def test_outages_make_nothing_worse_and_the_same_command_goes_on(tmp_path: Path) -> None:
    binary("weed")  # it is skipped, or fails in CI, where the servers' programs are not
    sshd()
    report = campaign(tmp_path, count=2, seed=5, film_bytes=9 << 20, only=("audit", "replicate"))
    assert report.faults == []
    assert len(report.trials) == 2 and any(trial.happened for trial in report.trials)
