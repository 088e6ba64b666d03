"""The app over a scripted hub in a process of its own, for tests that need a real terminal: FILE is told how
often the link was closed. SIGUSR1 stalls it for a moment."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from tests.ui.scripted import ScriptedLink
from tui.ui.app import MailtopApp
from tui.ui.driver import TerminalDriver

STALL_SECONDS = 0.1

if __name__ == "__main__":
    if "nohup" in sys.argv:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(STALL_SECONDS))
    link = ScriptedLink()
    app = MailtopApp(link, driver_class=TerminalDriver)
    app.run(mouse="mouse" in sys.argv)
    Path(sys.argv[1]).write_text(f"closed {link.closed} times")
    sys.exit(app.return_code)
