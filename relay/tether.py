"""Runs a command that gets SIGTERM when its starter ends: `python -I -S tether.py STARTER COMMAND...`.

A script of its own, run by its path: it costs a start some 20 ms, and importing the package ten times that.
Where the system has no such signal (macOS) the command simply runs.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import NoReturn

PR_SET_PDEATHSIG = 1  # linux/prctl.h; kept across exec, sent when the *thread* that forked ends
SIGTERM = 15


def run(starter: int, command: list[str]) -> NoReturn:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0)
        if os.getppid() != starter:
            sys.exit("the starter ended first")
    os.execv(command[0], command)  # noqa: S606  (the command is ours, and no shell is wanted)


if __name__ == "__main__":
    run(int(sys.argv[1]), sys.argv[2:])
