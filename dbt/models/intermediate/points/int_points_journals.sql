{{ config(materialized='view') }}
{# The ledger as the events up to as_of_date give it: one row per journal, its points by account. A source event has one
  journal, named after it. Each journal sums to zero: what a customer's accounts gain, the programme's accounts lose. #}
{%- set accounts = points_accounts() -%}
with points_reversals as (

    select * from {{ ref('int_points_reversals') }}

),

points_spent as (

    select * from {{ ref('int_points_spent') }}

),

lots as (

    select * from {{ ref('int_points_lot_balances') }}

),

given_back as (

    select * from {{ ref('int_points_given_back') }}

),

journals as (

    select
        case source when 'order' then 'earn:' else 'adjust:' end || source_id as journal_id,
        case source when 'order' then 'earn' else 'adjust' end as kind,
        source_id,
        customer_id,
        issued_on as event_date,
        case when source = 'order' then earned_points else 0 end as member_pending,
        case when source = 'order' then 0 else earned_points end as member_available,
        case when source = 'order' then -earned_points else 0 end as issued,
        0 as redeemed,
        0 as expired,
        0 as reversed,
        case when source = 'order' then 0 else -earned_points end as adjustment
    from lots

    union all

    select 'release:' || source_id, 'release', source_id, customer_id, available_on, -released_points, released_points, 0, 0, 0, 0, 0
    from lots
    where source = 'order' and is_available and released_points > 0

    union all

    select
        journal_id,
        'return',
        source_id,
        customer_id,
        reversed_on,
        -coalesce(sum(points) filter (where is_pending), 0),
        -coalesce(sum(points) filter (where not is_pending), 0),
        0, 0, 0, sum(points), 0
    from points_reversals
    group by journal_id, source_id, customer_id, reversed_on

    union all

    select 'redeem:' || source_id, 'redeem', source_id, customer_id, spent_on, 0, -points, 0, points, 0, 0, 0
    from points_spent
    where source = 'redemption'

    union all

    select journal_id, 'redeem', source_id, customer_id, given_on, 0, points, 0, -points, 0, 0, 0
    from given_back

    union all

    select 'adjust:' || source_id, 'adjust', source_id, customer_id, spent_on, 0, -points, 0, 0, 0, 0, points
    from points_spent
    where source = 'adjustment'

    union all

    select 'expire:' || source || ':' || source_id, 'expire', source_id, customer_id, expired_on, 0, -expired_points, 0, 0, expired_points, 0, 0
    from lots
    where expired_points > 0

)

select
    journal_id,
    kind,
    source_id,
    customer_id,
    event_date,
    {%- for account in accounts %}
    cast({{ account }} as bigint) as {{ account }}{{ ',' if not loop.last }}
    {%- endfor %}
from journals
