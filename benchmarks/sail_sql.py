"""What Sail 0.7 cannot run of Spark's SQL, taken apart: QUALIFY, and recursive CTEs.

QUALIFY becomes a subquery. A query with a recursive CTE is run a CTE at a time, each kept as Parquet, and the recursive
one a step at a time, until a step adds no row: what Spark 4.1 does with it by itself.
"""

import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

# A statement that makes a relation, and the query that it is made of.
MADE = re.compile(r"(?is)^(\s*(?:/\*.*?\*/)?\s*create (?:or replace )?(?:temporary )?(?:table|view)\b.*?\bas\b\s)(.*)$")
NAME = re.compile(r"(?is)create (?:or replace )?(?:temporary )?(?:table|view)\s+(?:\S+\.)?`?(\w+)`?")
# Models that Sail plans wrongly as one query, and rightly a CTE at a time: it says that a number of days above zero may
# be zero, and does not find the column that a lambda reads.
PLANNED_WRONGLY = {"int_campaign_months", "int_points_given_back"}
_numbers = count()


def sail_sql(spark: Any, sql: str, folder: Path) -> str:
    """A statement that Sail runs, with the same result. Parts of it may have been run by the session on the way, with
    their rows in the folder."""
    made = MADE.match(sql)
    head, query = made.groups() if made else ("", sql)
    name = NAME.search(head)
    if re.search(r"\bwith recursive\b", query, re.IGNORECASE) or (name and name[1] in PLANNED_WRONGLY):
        return str(head) + _Stages(spark, folder).staged(sqlglot.parse_one(query, read="databricks"), {}).sql("spark")
    if re.search(r"\bqualify\b", query, re.IGNORECASE):
        return str(head) + sqlglot.parse_one(query, read="databricks").sql("spark")
    return sql


class _Stages:
    """CTEs run one after the other, as views of Parquet files in a folder."""

    def __init__(self, spark: Any, folder: Path) -> None:
        self.spark = spark
        self.folder = folder

    def staged(self, query: exp.Expression, known: Mapping[str, str]) -> exp.Expression:
        """The query without its CTEs, which are run; `known` are the views of those outside."""
        known = dict(known)
        ctes = query.args.get("with_")
        query.set("with_", None)
        for cte in ctes.expressions if ctes else ():
            if ctes.recursive and _reads(cte.this, cte.alias):
                known[cte.alias] = self._repeated(cte, known)
            else:
                known[cte.alias] = self._kept(self.staged(cte.this, known))
        return _reading(query, known)

    def _repeated(self, cte: exp.CTE, known: Mapping[str, str]) -> str:
        """The view of a recursive CTE: of its first part, and of its second on the rows of the step before."""
        step = cte.this.expression
        while isinstance(step, exp.Subquery | exp.Paren):
            step = step.this
        view = self._kept(self.staged(cte.this.this, known))
        rows = whole = self.spark.table(view)
        while rows.count():
            view = self._kept(self.staged(step.copy(), {**known, cte.alias: view}), rows.columns)
            rows = self.spark.table(view)
            whole = whole.unionAll(rows)
        return self._view(whole)

    def _kept(self, query: exp.Expression, columns: list[str] | None = None) -> str:
        rows = self.spark.sql(query.sql("spark"))
        return self._view(rows.toDF(*columns) if columns else rows)

    def _view(self, rows: Any) -> str:
        name = f"stage_{next(_numbers)}"
        path = self.folder / name
        rows.write.parquet(str(path))
        has_rows = any(path.glob("*.parquet"))
        kept = self.spark.read.parquet(str(path)) if has_rows else self.spark.createDataFrame([], rows.schema)
        kept.createOrReplaceTempView(name)
        return name


def _reads(query: exp.Expression, name: str) -> bool:
    return any(table.name == name and not table.db for table in query.find_all(exp.Table))


def _reading(query: exp.Expression, known: Mapping[str, str]) -> exp.Expression:
    """The query with each CTE's view in its place, under the CTE's name."""
    query = query.copy()
    for table in query.find_all(exp.Table):
        if not table.db and table.name in known:
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            table.set("this", exp.to_identifier(known[table.name]))
    return query
