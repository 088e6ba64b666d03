"""How long an answer of the sender-queue API takes to become columns, beside what ``json.loads`` (and orjson, where it
is installed) take for the same bytes.

    python -m benchmarks.decode [--rows N] [--rounds N]

Prints medians in milliseconds and their ratio to ``json.loads``. Quote the ratio: machines differ.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import statistics
import time
from collections.abc import Callable, Mapping

from tui.sources.sender_queue_wire import decode_rows

ISPS = ("Gmail", "Outlook", "Yahoo", "iCloud", "GMX")


def answers(rows: int, isps: tuple[str, ...]) -> tuple[bytes, bytes]:
    """The same answer in JSON and in XML, laid out as in the documentation."""
    chance = random.Random(1)
    data = []
    for number in range(rows):
        new, proc, retry, hold = (chance.randrange(limit) for limit in (1000, 20, 5000, 3))
        data.append(
            {
                "account_id": number // 10 + 1,
                "campaign_id": number + 1,
                "hold": hold,
                "isp": chance.choice(isps),
                "new": new,
                "proc": proc,
                "retry": retry,
                "total": new + proc + retry + hold,
            }
        )
    in_json = json.dumps({"data": data, "error": 0, "error_text": "Successful operation"}, indent=0)
    leaves = ("".join(f"<{key}>{value}</{key}>\n" for key, value in row.items()) for row in data)
    in_xml = "".join(f"<data>\n{each}</data>\n" for each in leaves)
    return in_json.encode(), f"<xml>\n{in_xml}<error>0</error>\n</xml>".encode()


def medians(decoders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds, turn and turn about so that all see the same machine."""
    taken: dict[str, list[float]] = {name: [] for name in decoders}
    for _ in range(rounds):
        for name, decode in decoders.items():
            began = time.perf_counter()
            decode()
            taken[name].append((time.perf_counter() - began) * 1000)
    return {name: statistics.median(times) for name, times in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    in_json, in_xml = answers(options.rows, ("",))
    with_isps, _ = answers(options.rows, ISPS)
    decoders: dict[str, Callable[[], object]] = {
        "json.loads": lambda: json.loads(in_json),
        "columns of JSON": lambda: decode_rows(in_json),
        "columns of JSON with ISPs": lambda: decode_rows(with_isps),
        "columns of XML": lambda: decode_rows(in_xml),
    }
    try:
        orjson = importlib.import_module("orjson")
    except ModuleNotFoundError:
        print("orjson is not installed")
    else:
        decoders["orjson.loads"] = lambda: orjson.loads(in_json)
    print(f"{options.rows:,} rows: {len(in_json) / 1e6:.1f} MB of JSON, {len(in_xml) / 1e6:.1f} MB of XML")
    found = medians(decoders, options.rounds)
    for name, milliseconds in found.items():
        print(f"{name:<28}{milliseconds:>9.1f} ms{milliseconds / found['json.loads']:>8.2f} x json.loads")


if __name__ == "__main__":
    main()
