"""Tells what pip-audit found in a lock file: LOCK and its answer as JSON. Ends with 1 for a vulnerability, with 3 where
it is not known of every package. Only `scripts/audit` runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(lock: str, answer: Path) -> int:
    """Print a line, and one for each vulnerability; returns the exit code."""
    try:
        packages: list[dict[str, Any]] = json.loads(answer.read_text())["dependencies"]
    except (ValueError, KeyError, TypeError):
        packages = []
    asked = [each for each in packages if "vulns" in each]
    found = [(each, known) for each in asked for known in each["vulns"]]
    for each, known in found:
        mended = ", ".join(known["fix_versions"]) or "no version yet"
        print(f"{lock}: {each['name']} {each['version']} has {known['id']}, mended in {mended}")
    left = len(packages) - len(asked)
    print(f"{lock}: {len(found)} known vulnerabilities in {len(asked)} packages; {left} were not looked up")
    if found:
        return 1
    if len(asked) == len(packages) > 0:
        return 0
    print(f"{lock}: the service of advisories could not be asked about all of it, so nothing is known", file=sys.stderr)
    return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
