"""A BI tool: `python -m tests.end_to_end.reader FILE` reads a published file in a loop until its input is closed.

Any error ends it. At the end it prints, as JSON, the number of reads and the states seen: [publication, ...figures].
"""

import json
import select
import sys
import time
from pathlib import Path

import duckdb

STATE = """
select
    (select publication_id from marts.publication),
    (select build_id from marts.publication),
    (select count(*) from marts.fct_orders),
    (select cast(sum(net_amount) as varchar) from marts.fct_orders),
    (select cast(sum(net_amount) as varchar) from marts.fct_order_lines),
    (select count(*) from marts.fct_ingest_reconciliation)
"""


def state(file: Path) -> tuple[object, ...]:
    """What one connection sees, first and a moment later, by queries of their own."""
    with duckdb.connect(str(file), read_only=True) as connection:
        first = connection.execute(STATE).fetchone()
        time.sleep(0.005)
        second = connection.execute(STATE).fetchone()
    if first is None or first != second:
        raise AssertionError(f"one connection saw {first} and then {second}")
    return first


def main(file: Path) -> None:
    seen: set[tuple[object, ...]] = set()
    reads = 0
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        if reads or file.exists():
            seen.add(state(file))
            reads += 1
    sys.stdout.write(json.dumps({"reads": reads, "seen": sorted(seen)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
