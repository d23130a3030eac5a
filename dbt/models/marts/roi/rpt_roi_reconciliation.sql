{%- set as_of = '(select as_of_date from ' ~ ref('int_run_dates') ~ ')' -%}
-- Each input of the return on investment beside the facts it comes from, summed another way.
with facts as (

    select {{ month_of('order_date') }} as month, 'revenue' as input, sum(net_amount + return_amount) as amount
    from {{ ref('int_order_days') }}
    where order_status = 'completed' and order_date <= {{ as_of }}
    group by 1

    union all

    select {{ month_of('order_date') }}, 'discounts', sum(discount_amount)
    from {{ ref('fct_order_lines') }}
    where is_valid
    group by 1

    union all

    select {{ month_of('lines.order_date') }}, 'attributed_sales', sum(lines.net_amount)
    from {{ ref('fct_order_lines') }} as lines
    where lines.order_line_id in (select order_line_id from {{ ref('int_campaign_lines') }})
    group by 1

    union all

    select {{ month_of('cost_date') }}, 'platform_costs', sum(amount)
    from {{ accepted(ref('int_programme_cost_versions')) }}
    where campaign_id is null and cost_date <= {{ as_of }}
        and cost_date >= (select {{ month_of('data_from') }} from {{ ref('int_run_dates') }})
    group by 1

    union all

    select {{ month_of('entry_date') }}, 'outstanding_points', sum(points)
    from {{ ref('fct_points_entries') }}
    where account in ('member_pending', 'member_available')
    group by 1

    union all

    select {{ month_of('entry_date') }}, 'redeemed_points', sum(points)
    from {{ ref('fct_points_entries') }}
    where account = 'redeemed'
    group by 1

),

inputs as (

    {%- set columns = {'revenue': 'revenue_amount', 'discounts': 'discount_amount', 'attributed_sales': 'attributed_amount',
        'platform_costs': 'platform_cost_amount'} %}
    {%- for input, column in columns.items() %}
    select month, '{{ input }}' as input, {{ column }} as amount from {{ ref('rpt_programme_roi_monthly') }}
    union all
    {%- endfor %}
    select month, 'outstanding_points', closing_points - opening_points from {{ ref('rpt_points_liability') }}
    union all
    select month, 'redeemed_points', redeemed_points from {{ ref('rpt_points_liability') }}

)

select
    coalesce(inputs.month, facts.month) as month,
    coalesce(inputs.input, facts.input) as input,
    {{ money('coalesce(inputs.amount, 0)') }} as input_amount,
    {{ money('coalesce(facts.amount, 0)') }} as fact_amount,
    {{ money('coalesce(inputs.amount, 0) - coalesce(facts.amount, 0)') }} as difference_amount
from inputs
full outer join facts on inputs.month = facts.month and inputs.input = facts.input
