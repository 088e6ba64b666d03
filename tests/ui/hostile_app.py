"""The app over a scripted hub full of hostile text, in a process of its own, for tests that need a real terminal."""

from __future__ import annotations

import sys

from tests.ui.hostile import HostileWorld
from tests.ui.scripted import ScriptedLink
from tui.ui.app import MailtopApp

if __name__ == "__main__":
    MailtopApp(ScriptedLink(HostileWorld(cleaned="cleaned" in sys.argv))).run(mouse=False)
