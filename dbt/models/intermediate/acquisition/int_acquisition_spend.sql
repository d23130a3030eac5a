{# What was spent in a month on a channel; on all of them together it may be told with what the programme costs. #}
with marketing_spend as (

    select * from {{ ref('int_marketing_spend') }}

),

programme_costs as (

    select * from {{ ref('int_programme_costs') }}

),

costs as (

    select {{ month_of('cost_date') }} as month, sum(amount) as amount
    from programme_costs
    group by 1

),

spent as (

    select
        month,
        case when grouping(channel) = 1 then 'all' else channel end as channel,
        grouping(channel) = 1 as is_all_channels,
        {{ money('sum(spend_amount)') }} as spend_amount
    from marketing_spend
    group by grouping sets ((month), (month, channel))

)

select
    spent.month,
    spent.channel,
    spent.is_all_channels,
    spent.spend_amount,
    case when spent.is_all_channels then {{ money('spent.spend_amount + coalesce(costs.amount, 0)') }} end
        as fully_loaded_amount
from spent
left join costs on spent.month = costs.month
