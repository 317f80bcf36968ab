"""What the measurements in Python share."""

import os
import subprocess
import sys


def processor_time(*command):
    """Seconds of processor time, user and system, of one process and those that it waited for."""
    words = [str(word) for word in command]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(words)}: status {process.returncode}")
    return usage.ru_utime + usage.ru_stime
