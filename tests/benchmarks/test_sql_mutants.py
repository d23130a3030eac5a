"""What is flipped in a model, and what is left alone."""

from benchmarks.sql_mutants import all_mutants, drawn, mutants
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


def test_a_word_that_begins_like_an_operator_is_left_alone():
    assert [mutant.original for mutant in mutants("m", "select a as described from b order by a desc")] == [" desc"]


def test_every_mart_is_drawn_from_and_draws_repeat():
    found = all_mutants(DBT_DIR)
    assert {file.stem for file in found} == {file.stem for file in (DBT_DIR / "models" / "marts").rglob("*.sql")}
    first, again = (drawn(found, 2, seed=1) for _ in range(2))
    assert first == again
    assert {len(of_file) for of_file in first.values()} == {0, 1, 2}


def test_explained_mutants_exist_and_are_not_judged():
    """`all_mutants` raises where an explanation is of a line that was changed."""
    judged = {mutant.key for of_file in all_mutants(DBT_DIR).values() for mutant in of_file}
    join = "inner join campaign_costs on windows.campaign_id = campaign_costs.campaign_id"
    assert ("rpt_roi_coverage", "= -> <>", join) in judged
    assert ("rpt_roi_coverage", "inner join -> left join", join) not in judged
