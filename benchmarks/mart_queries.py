"""How long each mart takes to answer on the published copy: the whole table, every row and column, as Arrow.

    python -m benchmarks.mart_queries [--company NAME] [--groups rfm retention] [--repeats 5]

The file is opened once, as a BI tool does; each mart is asked once before it is timed. Exit code 1 when a median is
over the limit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.settings import Settings, load_settings
from warehouse.sql import connect, quote_identifier

LIMIT_MS = 50.0


@dataclass(frozen=True)
class Timing:
    """One mart: its rows and the median time of reading them all, in milliseconds."""

    mart: str
    rows: int
    median_ms: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line a mart. Returns 0 when all are under the limit, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--company", type=Path, help="the company's folder (default: LOYALTY_COMPANY)")
    parser.add_argument("--groups", nargs="+", default=["rfm", "retention"], help="groups of marts")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    settings = load_settings(options.company)
    with connect(settings.published_path, read_only=True) as connection:
        timings = [_timed(connection, mart, options.repeats) for mart in _marts(settings, options.groups)]
    print(f"{'mart':<32} {'rows':>9} {'median ms':>10}")
    for timing in timings:
        mark = "" if timing.median_ms < LIMIT_MS else f"  over {LIMIT_MS:.0f}"
        print(f"{timing.mart:<32} {timing.rows:>9} {timing.median_ms:>10.1f}{mark}")
    return int(any(timing.median_ms >= LIMIT_MS for timing in timings))


def _marts(settings: Settings, groups: Collection[str]) -> list[str]:
    """The published marts of these groups, by name."""
    manifest = json.loads((settings.published_dir / "manifest.json").read_bytes())
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    return sorted(node["name"] for node in nodes if node["config"].get("group") in groups)


def _timed(connection: duckdb.DuckDBPyConnection, mart: str, repeats: int) -> Timing:
    query = f"select * from marts.{quote_identifier(mart)}"
    rows = connection.execute(query).to_arrow_table().num_rows
    milliseconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        connection.execute(query).to_arrow_table()
        milliseconds.append((time.perf_counter() - began) * 1000)
    return Timing(mart, rows, statistics.median(milliseconds))


if __name__ == "__main__":
    sys.exit(main())
