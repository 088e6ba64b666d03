"""Notes the commit in what is built, for `mailtop --version`. Only hatchling enters."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Commit(BuildHookInterface[Any]):
    """Adds the file `tui/COMMIT` where the tree is a checkout; a source distribution has it already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Note the commit of the checkout, unless it is to be installed as it stands (``version`` "editable")."""
        if version == "editable" or not (Path(self.root) / ".git").exists():
            return
        told = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=self.root, capture_output=True, text=True, check=False
        )
        if told.returncode == 0:
            self._folder = tempfile.TemporaryDirectory()
            noted = Path(self._folder.name) / "COMMIT"
            noted.write_text(told.stdout)
            build_data["force_include"][str(noted)] = "tui/COMMIT"
