"""Runs a command as a shell with job control does: in front of the terminal, in a process group of its own, by a parent
that could have it go on. Ends as the command does. Only `terminal_case` enters."""

from __future__ import annotations

import os
import signal
import sys

if __name__ == "__main__":
    # Who is not in front, as this process then is no more, may not give the terminal away otherwise.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    pid = os.fork()
    if not pid:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(sys.argv[1], sys.argv[1:])
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
