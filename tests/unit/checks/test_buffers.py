"""Buffers belong to one process."""

import subprocess
import sys

_FORKING = """
import os
from checks.buffers import new_buffer, taken_buffer
for buffer in (new_buffer(), taken_buffer()):
    buffer[:4] = b"ours"
    child = os.fork()
    if child == 0:
        buffer[:4] = b"gone"
        os._exit(0)
    os.waitpid(child, 0)
    print(bytes(buffer[:4]).decode())
"""


def test_a_forked_process_reads_into_memory_of_its_own() -> None:
    """Else two processes would digest each other's files: damage where there is none, and none where there is."""
    # In a process of its own: one with threads, as that of the tests may be, should not fork.
    ran = subprocess.run([sys.executable, "-c", _FORKING], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["ours", "ours"]
