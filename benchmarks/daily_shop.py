"""A generated shop that delivers day by day, with late and corrected lines, and a home that runs on it."""

import datetime as dt
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import duckdb

from generator.generate import generate
from warehouse.settings import COMPANIES_DIR, PROJECT_ROOT
from warehouse.sql import quote_literal

FIRST_DAY = dt.date(2024, 1, 1)
SETTINGS = COMPANIES_DIR / "generated" / "settings.yml"
# Each line in the versions that arrive, with the day on which they do; what is drawn depends on the line's id alone.
DELIVERIES = """
create table if not exists deliveries as
with lines as (
    select
        *, cast(ordered_at as date) as order_day,
        hash(order_line_id) % 1000 as draw, cast(hash(order_line_id, 1) % 20 as integer) as wait
    from read_parquet($lines)
)

select * exclude (order_day, draw, wait), order_day + case when draw < 20 then 1 + wait else 0 end as day
from lines
where draw not between 20 and 29
union all
select * exclude (order_day, draw, wait) replace (quantity + 1 as quantity), order_day as day
from lines
where draw between 20 and 29
union all
select * exclude (order_day, draw, wait), order_day + 3 as day
from lines
where draw between 20 and 29
"""


A_DAY_EARLIER = """
update runs set
    create_timestamp = datetime(create_timestamp, '-1 day'), update_timestamp = datetime(update_timestamp, '-1 day'),
    start_time = start_time - 86400, end_time = end_time - 86400
"""


class DailyShop:
    """A generated shop in `folder`, made unless it is there: its deliveries by day, and a home that runs on them."""

    def __init__(self, folder: Path, size: int, days: int) -> None:
        self.home, self.landing = folder / "home", folder / "landing"
        if not self.landing.exists():
            self._generate(folder, size, days)
        self.connection = duckdb.connect(folder / "deliveries.duckdb")
        self.connection.execute(DELIVERIES, {"lines": str(folder / "whole" / "shop" / "order_lines" / "*.parquet")})

    def _generate(self, folder: Path, size: int, days: int) -> None:
        generate(folder / "whole", size=size, seed=7, days=days, sources=("shop",))
        shop = folder / "whole" / "shop"
        for entity in shop.iterdir():
            if entity.name != "order_lines":
                shutil.copytree(entity, self.landing / entity.name)

    def deliver(self, first: dt.date, last: dt.date) -> int:
        """Write the lines that arrive from `first` to `last` as one file. Returns the number of lines."""
        folder = self.landing / "order_lines"
        folder.mkdir(parents=True, exist_ok=True)
        rows = f"from deliveries where day between date '{first}' and date '{last}'"
        count = self.connection.execute(f"select count(*) {rows}").fetchone()
        if count and count[0]:
            file = quote_literal(str(folder / f"{last}.parquet"))
            self.connection.execute(
                f"copy (select * exclude (day) {rows} order by order_line_id, day desc) to {file} (format parquet)"
            )
        return int(count[0]) if count else 0

    def customer(self, number: int) -> str:
        """A customer to erase: the `number`-th by how often they bought."""
        row = self.connection.execute(
            "select customer_id from deliveries where customer_id is not null "
            "group by customer_id order by count(*) desc, customer_id limit 1 offset $1",
            [number],
        ).fetchone()
        return str(row[0]) if row else ""

    def loyalty(self, *arguments: str) -> tuple[float, float, float]:
        """One command; its seconds, processor seconds and peak memory in MB."""
        command = [str(Path(sys.executable).with_name("loyalty")), "--company", str(SETTINGS), *arguments]
        start = time.monotonic()
        with tempfile.TemporaryFile() as out:
            process = subprocess.Popen(
                command, cwd=PROJECT_ROOT, env=self.environment(), stdout=out, stderr=subprocess.STDOUT
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                out.seek(0)
                sys.exit(f"loyalty {' '.join(arguments)} failed:\n{out.read().decode()[-3000:]}")
        return time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024

    def let_a_day_pass(self) -> None:
        """Make Dagster's runs a day older, because they are kept by the clock, and a year of mornings takes hours."""
        file = self.home / "dagster" / "history" / "runs.db"
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(A_DAY_EARLIER)

    def environment(self) -> dict[str, str]:
        """The environment for a process on this shop's input and home."""
        return {**os.environ, "LOYALTY_HOME": str(self.home), "LOYALTY_INPUT_PATH_SHOP": str(self.landing)}

    def megabytes(self) -> dict[str, float]:
        """The size of the home."""
        sizes = {"warehouse_mb": 0.0, "published_mb": 0.0, "dagster_mb": 0.0, "rest_mb": 0.0}
        for file in self.home.rglob("*"):
            if file.is_file() and not file.is_symlink():
                part = f"{file.relative_to(self.home).parts[0].split('.')[0]}_mb"
                sizes[part if part in sizes else "rest_mb"] += file.stat().st_size / 1e6
        return sizes
