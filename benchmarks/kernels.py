"""Whether all processors publish the same: the default company under each kernel of linear algebra that this one runs.

    python -m benchmarks.kernels [--keep DIR]

OpenBLAS and numpy choose code by processor; environment variables can make both choose the code of an older one. There
is one run per kernel into an empty home, two minutes each; then every published table is compared with that of the
first kernel: columns that are not floats have to be equal, floats to 1e-9 of themselves. Exits with 1 if they are not.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype
from rich.console import Console
from rich.table import Table

from warehouse.settings import PROJECT_ROOT
from warehouse.sql import quote_identifier, quote_literal

TOLERANCE = 1e-9
# What a processor has to be able to do for a kernel, and what numpy has to leave out to be as old as the kernel.
KERNELS: Mapping[str, tuple[str, str]] = {
    "Haswell": ("avx2", "X86_V4 AVX512_ICL AVX512_SPR"),
    "Nehalem": ("sse4_2", "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"),
    "Zen": ("avx2", "X86_V4 AVX512_ICL AVX512_SPR"),
    "SkylakeX": ("avx512bw", ""),
}
# Columns that say when a run took place.
CLOCKS = {("fct_model_runs", "trained_at"), ("fct_reward_messages", "sent_at")}


@dataclass(frozen=True)
class Difference:
    """Two versions of one table: rows, rows in which a column that is no float differs, and the largest relative
    difference of a float. columns: those that differ (floats: by more than `TOLERANCE`).
    """

    table: str
    rows: int
    differing_rows: int
    largest: float
    columns: tuple[str, ...]

    @property
    def is_none(self) -> bool:
        """Whether both say the same."""
        return not self.columns


def available() -> list[str]:
    """The kernels that this processor runs; none where it is not x86-64."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return []
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else "sse4_2"
    return [kernel for kernel, (needed, _) in KERNELS.items() if needed in flags.split()]


def environment(kernel: str) -> dict[str, str]:
    """The variables that make OpenBLAS and numpy work as on such a processor."""
    left_out = KERNELS[kernel][1]
    variables = {**os.environ, "OPENBLAS_CORETYPE": kernel}
    return {**variables, "NPY_DISABLE_CPU_FEATURES": left_out} if left_out else variables


def compare(table: str, first: pd.DataFrame, second: pd.DataFrame) -> Difference:
    """The differences between two versions of a table whose rows come in the same order.

    Columns and rows that only one version has count as different.
    """
    if list(first.columns) != list(second.columns) or len(first) != len(second):
        columns = tuple(sorted(set(first.columns) ^ set(second.columns))) or ("number of rows",)
        return Difference(table, len(first), abs(len(first) - len(second)), 0.0, columns)
    rows, largest, columns = np.zeros(len(first), dtype=bool), 0.0, []
    for name in first.columns:
        if is_float_dtype(first[name]) and is_float_dtype(second[name]):
            apart = _apart(first[name], second[name])
            largest = max(largest, apart)
            differs = apart > TOLERANCE
        else:
            unequal = _unequal(first[name], second[name])
            rows |= unequal
            differs = bool(unequal.any())
        columns += [name] if differs else []
    return Difference(table, len(first), int(rows.sum()), largest, tuple(columns))


def _apart(first: pd.Series, second: pd.Series) -> float:
    """The largest difference of two columns of floats, relative to the larger value; infinite where one is unknown."""
    one, other = (column.to_numpy(dtype=float, na_value=np.nan) for column in (first, second))
    if not np.array_equal(np.isnan(one), np.isnan(other)):
        return np.inf
    unequal = ~((one == other) | np.isnan(one))
    one, other = one[unequal], other[unequal]
    return float((np.abs(one - other) / np.maximum(np.abs(one), np.abs(other))).max(initial=0.0))


def _unequal(first: pd.Series, second: pd.Series) -> np.ndarray:
    one, other = first.astype(object), second.astype(object)
    both_unknown = (one.isna() & other.isna()).to_numpy(dtype=bool)
    return ~both_unknown & (one.astype(str) != other.astype(str)).to_numpy(dtype=bool)


def differences(first: Path, second: Path) -> list[Difference]:
    """The differences of every table in either published file, except the table that names the run."""
    with duckdb.connect() as connection:
        for name, file in (("first", first), ("second", second)):
            connection.execute(f"attach {quote_literal(str(file))} as {name} (read_only)")
        tables = connection.execute(
            "select distinct schema_name, table_name from duckdb_tables() "
            "where table_name <> 'publication' order by all"
        ).fetchall()
        return [_difference(connection, schema, table) for schema, table in tables]


def _difference(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> Difference:
    """Of one table; where no row differs it is not fetched."""
    columns = {name: _columns(connection, name, schema, table) for name in ("first", "second")}
    if columns["first"] == columns["second"]:
        one, other = (f"from {name}.{_quoted(schema, table)}" for name in ("first", "second"))
        counted = f"select (select count(*) {one}), (select count(*) {other}), "
        apart = f"(select count(*) from (select {', '.join(map(quote_identifier, columns['first']))} {one} except all "
        apart += f"select {', '.join(map(quote_identifier, columns['first']))} {other}))"
        rows, others, different = connection.execute(counted + apart).fetchone() or (0, 0, 0)
        if rows == others and not different:
            return Difference(f"{schema}.{table}", rows, 0, 0.0, ())
    frames = [_frame(connection, name, schema, table, columns[name]) for name in ("first", "second")]
    return compare(f"{schema}.{table}", *frames)


def _quoted(*names: str) -> str:
    return ".".join(quote_identifier(name) for name in names)


def _columns(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> list[str]:
    """Columns that say something of the company, those that are no floats first: clocks are left out."""
    rows = connection.execute(
        "select column_name, data_type in ('DOUBLE', 'FLOAT') as is_float from duckdb_columns() "
        "where database_name = $1 and schema_name = $2 and table_name = $3 order by is_float, column_index",
        [database, schema, table],
    ).fetchall()
    return [name for name, _ in rows if (table, name) not in CLOCKS]


def _frame(
    connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str, columns: list[str]
) -> pd.DataFrame:
    if not columns:
        return pd.DataFrame()
    query = f"select {', '.join(map(quote_identifier, columns))} from {_quoted(database, schema, table)} order by all"
    return connection.execute(query).to_arrow_table().to_pandas(types_mapper=pd.ArrowDtype)


def run(kernel: str, home: Path) -> Path:
    """The company of the settings, run once into an empty home; its published file."""
    home.mkdir(parents=True)
    command = [str(Path(sys.executable).with_name("loyalty")), "run"]
    variables = {**environment(kernel), "LOYALTY_HOME": str(home)}
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"loyalty run failed under {kernel}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return home / "published" / "loyalty.duckdb"


def main() -> None:
    """Run, compare, print, and end with 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="an empty folder for the homes, kept; else they are removed")
    arguments = parser.parse_args()
    kernels = available()
    if len(kernels) < 2:
        sys.exit("this processor runs no two kernels to compare: an x86-64 one is needed")
    with tempfile.TemporaryDirectory(prefix="loyalty-kernels-") as folder:
        base = arguments.keep or Path(folder)
        files = {}
        for kernel in kernels:
            print(f"loyalty run under {kernel}", file=sys.stderr, flush=True)
            files[kernel] = run(kernel, base / kernel)
        found = {kernel: differences(files[kernels[0]], files[kernel]) for kernel in kernels[1:]}
    print_differences(kernels[0], found)
    sys.exit(any(not difference.is_none for tables in found.values() for difference in tables))


def print_differences(first: str, found: Mapping[str, list[Difference]]) -> None:
    """A row a kernel, and below them one for each table that differs."""
    table = Table("kernel", "tables", "rows", "rows that differ", "largest float difference", "differs in")
    table.title, table.title_justify = f"What is published, beside {first}", "left"
    for kernel, tables in found.items():
        apart = [difference for difference in tables if not difference.is_none]
        _add_row(table, kernel, str(len(tables)), tables, f"{len(apart)} tables")
        for difference in apart:
            _add_row(table, "", f"  {difference.table}", [difference], ", ".join(difference.columns))
    Console().print(table)


def _add_row(table: Table, kernel: str, name: str, tables: list[Difference], text: str) -> None:
    rows, differing = sum(t.rows for t in tables), sum(t.differing_rows for t in tables)
    largest = max(t.largest for t in tables)
    table.add_row(kernel, name, f"{rows:,}", f"{differing:,}", f"{largest:.1e}", text)


if __name__ == "__main__":
    main()
