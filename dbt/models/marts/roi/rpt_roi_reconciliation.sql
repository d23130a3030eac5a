-- Each input of the return on investment beside the facts it comes from, summed another way.
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

order_days as (

    select * from {{ ref('int_order_days') }}

),

uncounted_returns as (

    select * from {{ ref('int_returned_lines') }}
    where order_status <> 'completed'

),

order_lines as {{ computed_anew() }} (

    select * from {{ ref('fct_order_lines') }}

),

campaign_lines as (

    select * from {{ ref('int_campaign_lines') }}

),

campaigns as (

    select * from {{ ref('int_campaigns') }}

),

programme_costs as (

    select * from {{ ref('int_programme_costs') }}

),

points_entries as (

    select * from {{ ref('fct_points_entries') }}

),

programme_roi as (

    select * from {{ ref('rpt_programme_roi_monthly') }}

),

points_liability as (

    select * from {{ ref('rpt_points_liability') }}

),

facts as (

    select {{ month_of('order_date') }} as month, 'revenue' as input, sum(net_amount + return_amount) as amount
    from order_days
    where order_status = 'completed' and order_date <= (select as_of_date from run_dates)
    group by 1

    union all

    select {{ month_of('return_date') }}, 'revenue', -sum(net_amount)
    from uncounted_returns
    group by 1

    union all

    select {{ month_of('order_date') }}, 'discounts', sum(discount_amount)
    from order_lines
    where is_valid
    group by 1

    union all

    select {{ month_of('order_date') }}, 'attributed_sales', sum(net_amount)
    from order_lines
    where order_line_id in (select order_line_id from campaign_lines)
    group by 1

    union all

    select {{ month_of('cost_date') }}, 'platform_costs', sum(amount)
    from programme_costs
    where
        (campaign_id is null or campaign_id not in (select campaign_id from campaigns))
        and cost_date >= (select {{ month_of('data_from') }} from run_dates)
    group by 1

    union all

    select
        {{ month_of('entry_date') }},
        case when account = 'redeemed' then 'redeemed_points' else 'outstanding_points' end as input,
        sum(points)
    from points_entries
    where account in ('member_pending', 'member_available', 'redeemed')
    group by 1, 2

),

summed_facts as (

    select month, input, sum(amount) as amount
    from facts
    group by month, input

),

inputs as (

    {%- set columns = {'revenue': 'revenue_amount', 'discounts': 'discount_amount', 'attributed_sales': 'attributed_amount',
        'platform_costs': 'platform_cost_amount'} %}
    {%- for input, column in columns.items() %}
    select month, '{{ input }}' as input, {{ column }} as amount from programme_roi
    union all
    {%- endfor %}
    select month, 'outstanding_points', closing_points - opening_points from points_liability
    union all
    select month, 'redeemed_points', redeemed_points from points_liability

)

select
    coalesce(inputs.month, summed_facts.month) as month,
    coalesce(inputs.input, summed_facts.input) as input,
    {{ money('coalesce(inputs.amount, 0)') }} as input_amount,
    {{ money('coalesce(summed_facts.amount, 0)') }} as fact_amount,
    {{ money('coalesce(inputs.amount, 0) - coalesce(summed_facts.amount, 0)') }} as difference_amount
from inputs
full outer join summed_facts on inputs.month = summed_facts.month and inputs.input = summed_facts.input
