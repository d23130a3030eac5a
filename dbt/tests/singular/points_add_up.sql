-- Journals sum to zero, and balances, liability, lots and the events behind them tie to the ledger, to the point.
with ledger as (

    select * from {{ ref('int_points_ledger') }}

),

by_customer as (

    select
        customer_id,
        {%- for account in points_accounts() %}
        sum({{ account }}) as {{ account }}{{ ',' if not loop.last }}
        {%- endfor %}
    from ledger
    group by customer_id

),

events_by_customer as (

    select
        customer_id,
        {%- for account in points_accounts() %}
        sum({{ account }}) as {{ account }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_points_journals') }}
    group by customer_id

),

lots_by_customer as (

    select
        customer_id,
        coalesce(sum(remaining_points) filter (where is_available), 0) as available_points,
        coalesce(sum(remaining_points) filter (where not is_available), 0) as pending_points
    from {{ ref('int_points_lot_balances') }}
    group by customer_id

),

last_month as (

    select max(month) as month from {{ ref('rpt_points_liability') }}

)

select 'a journal does not sum to zero' as rule, concat_ws(' | ', journal_id, journal_version) as row_key
from ledger
where {{ points_accounts() | join(' + ') }} <> 0

union all

select 'the ledger is not what the events give' as rule, coalesce(by_customer.customer_id, events_by_customer.customer_id) as row_key
from by_customer
full outer join events_by_customer on by_customer.customer_id = events_by_customer.customer_id
where
    {%- for account in points_accounts() %}
    coalesce(by_customer.{{ account }}, 0) <> coalesce(events_by_customer.{{ account }}, 0){{ ' or' if not loop.last }}
    {%- endfor %}

union all

select 'lots do not sum to the balance' as rule, by_customer.customer_id as row_key
from by_customer
left join lots_by_customer on by_customer.customer_id = lots_by_customer.customer_id
where
    by_customer.member_pending <> coalesce(lots_by_customer.pending_points, 0)
    -- where more is used than there was, no lot has anything left
    or greatest(by_customer.member_available, 0) <> coalesce(lots_by_customer.available_points, 0)

union all

select 'who holds points is no customer, or has no tier' as rule, by_customer.customer_id as row_key
from by_customer
left join {{ ref('dim_customers') }} as customers on by_customer.customer_id = customers.customer_id
left join {{ ref('fct_customer_tiers') }} as tiers on by_customer.customer_id = tiers.customer_id and tiers.is_current
where
    by_customer.member_pending + by_customer.member_available <> 0
    and (
        customers.customer_id is null
        or tiers.customer_id is null and exists (select 1 from {{ ref('int_tier_members') }})
    )

union all

select 'balances do not sum to the last closing' as rule, {{ as_text('last_month.month') }} as row_key
from last_month
inner join {{ ref('rpt_points_liability') }} as liability on last_month.month = liability.month
cross join (select coalesce(sum(points_balance), 0) as points_balance from {{ ref('rpt_points_balances') }}) as balances
where liability.closing_points <> balances.points_balance

union all

select 'a month does not open with what the month before closed with' as rule, {{ as_text('month') }} as row_key
from (
    select month, opening_points, lag(closing_points, 1, 0) over (order by month) as closed_before
    from {{ ref('rpt_points_liability') }}
) as liability
where opening_points <> closed_before

union all

select 'cohorts do not sum to the points issued' as rule, 'all' as row_key
from (select coalesce(sum(issued_points), 0) as points from {{ ref('rpt_points_breakage') }}) as cohorts
cross join (
    select coalesce(sum(-issued) + sum(case when adjustment < 0 then -adjustment else 0 end), 0) as points
    from {{ ref('int_points_journals') }}
) as journals
where cohorts.points <> journals.points
