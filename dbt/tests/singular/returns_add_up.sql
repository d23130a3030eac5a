-- What was sold, came back and belongs to no known order sums to net sales, in each way of grouping it.
with returns as (

    select
        group_kind,
        sum(sold_net_amount + return_amount + unlinked_return_amount) as net_amount
    from {{ ref('rpt_returns') }}
    group by group_kind

),

months as (

    select sum(net_amount) as net_amount from {{ ref('rpt_sales_monthly') }}

)

select 'sales and returns do not sum to net sales' as rule, returns.group_kind as row_key
from returns
cross join months
where returns.net_amount <> months.net_amount
