"""What is flipped in a model, and what is left alone."""

from benchmarks.sql_mutants import drawn, mutants
from dagster_project.dbt_runner.variables import DBT_DIR

MODEL = """-- a <= b and c
with orders as (

    select * from {{ ref('int_orders') }}
    where {{ days('a <= b') }} and name <> 'x and y'

)

select count(*) as orders_count, sum(amount) as amount from orders
{#- left join
   inner join -#}
"""


def test_operators_are_flipped_where_they_stand():
    found = list(mutants("m", MODEL))
    assert {(mutant.line, mutant.original.strip(), mutant.flipped.strip()) for mutant in found} == {
        (5, "and", "or"),
        (5, "<>", "="),
        (9, "sum(", "max("),
    }
    flipped = next(mutant for mutant in found if mutant.line == 9).sql(MODEL)
    assert flipped == MODEL.replace("sum(amount)", "max(amount)")


def test_every_mart_is_drawn_from_and_draws_repeat():
    first, again = (drawn(DBT_DIR, 2, seed=1) for _ in range(2))
    assert first == again
    assert {file.stem for file in first} == {file.stem for file in (DBT_DIR / "models" / "marts").rglob("*.sql")}
