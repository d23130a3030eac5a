"""Numpy arrays to Arrow columns and Parquet files, byte for byte the same for the same rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from generator.draws import Flags, Ints

MONEY = pa.decimal128(18, 4)
_ROW_GROUP = 122_880


def keys(prefix: str, numbers: Ints) -> pa.Array:
    """Return the numbers, counted from 1 and behind the prefix, as text; below 0 is null."""
    text = pc.cast(pa.array(numbers + 1, mask=numbers < 0), pa.string())
    return pc.binary_join_element_wise(pa.scalar(prefix), text, pa.scalar(""))


def coded(codes: Ints, names: pa.Array | Sequence[str]) -> pa.Array:
    """Return names[code] for each code, dictionary encoded; below 0 is null."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    dictionary = names if isinstance(names, pa.Array) else pa.array(names, pa.string())
    return pa.DictionaryArray.from_arrays(indices, dictionary)


def money(units: Ints, mask: Flags | None = None) -> pa.Array:
    """Return units of 1/10000 as decimal(18,4), null where masked."""
    words = np.empty((len(units), 2), np.int64)
    words[:, 0] = units
    words[:, 1] = units >> 63
    amounts = pa.Array.from_buffers(MONEY, len(units), [None, pa.py_buffer(words)])
    return amounts if mask is None else pc.if_else(pa.array(mask), pa.scalar(None, MONEY), amounts)


def instants(seconds: Ints) -> pa.Array:
    """Return seconds since 1970 as timestamps without zone (they are UTC)."""
    return pa.array(seconds * 1_000_000).cast(pa.timestamp("us"))


def dates(ordinals: Ints, mask: Flags | None = None) -> pa.Array:
    """Return days since 1970 as dates, null where masked."""
    return pa.array(ordinals.astype(np.int32), mask=mask).cast(pa.date32())


@dataclass(frozen=True)
class WrittenFile:
    """One file of the company: its path below the output folder, and its rows."""

    path: str
    rows: int


@dataclass
class Folder:
    """The output folder; writes the wanted entities and skips the others."""

    root: Path
    only: Collection[str] | None = None
    files: list[WrittenFile] = field(default_factory=list)

    def wants(self, entity: str) -> bool:
        """Say whether this entity is to be written."""
        return self.only is None or entity in self.only

    def write(self, columns: Mapping[str, pa.Array] | pa.Table, *path: str) -> None:
        """Write one Parquet file at root/path..., with parents."""
        table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
        target = self.root.joinpath(*path)
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            table,
            target,
            row_group_size=_ROW_GROUP,
            compression="zstd",
            store_decimal_as_integer=True,
            store_schema=False,
            use_dictionary=[f.name for f in table.schema if pa.types.is_dictionary(f.type)],
        )
        self.files.append(WrittenFile("/".join(path), table.num_rows))

    def write_entity(self, columns: Mapping[str, pa.Array], source: str, entity: str) -> None:
        """Write an entity as one file, if wanted."""
        if self.wants(entity):
            self.write(columns, source, entity, "part-00001.parquet")
