"""`preserve serve` as a process: it audits what is due, finds damage, and ends on SIGTERM."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from preserve.catalog.rows import AuditState
from tests.support.workspaces import make_workspace


def test_the_service_reads_what_is_due_and_ends_when_asked(tmp_path: Path) -> None:
    placed = make_workspace(tmp_path, packages=1, files=6)
    settings = tmp_path / "preserve.toml"
    text = settings.read_text(encoding="utf-8")
    quick = text.replace('every = "1d"', 'every = "1s"').replace('max_age = "90d"', 'max_age = "2s"')
    quick = "\n".join(line for line in quick.splitlines() if not line.startswith("target_age"))
    settings.write_text(quick, encoding="utf-8")
    file = next(placed.copy("nas", "box-0").glob("data/**/*.bin"))
    file.write_bytes(file.read_bytes() + b"x")
    process = subprocess.Popen(
        [sys.executable, "-m", "preserve", "serve"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        with placed.open() as workspace:
            while not [a for a in workspace.catalog.audits() if a.failed and a.state is AuditState.ENDED]:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
            assert {row.replica for row in workspace.catalog.findings()} == {"nas"}
    finally:
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=30)[1]
    assert process.returncode == 0
    assert "reading what is due" in told and "stopped" in told and "1 failed" in told
    with placed.open() as workspace:
        assert workspace.catalog.running_audits() == []
        assert workspace.catalog.verify_journal() is None
