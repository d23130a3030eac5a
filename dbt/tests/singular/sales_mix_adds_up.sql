-- New, returning, guest and unlinked sales of all channels sum to net sales and orders, month by month and channel by channel.
with mix as (

    select * from {{ ref('rpt_sales_mix_monthly') }}

),

months as (

    select * from {{ ref('rpt_sales_monthly') }}

),

sums as (

    select
        month,
        sum(net_amount) filter (where is_all_channels) as net_amount,
        sum(orders_count) filter (where is_all_channels) as orders_count,
        {%- for class in ['new', 'returning', 'guest', 'unlinked'] %}
        coalesce(sum({{ class }}_net_amount) filter (where not is_all_channels), 0)
        - sum({{ class }}_net_amount) filter (where is_all_channels) as {{ class }}_difference,
        {%- endfor %}
        coalesce(sum(net_amount) filter (where not is_all_channels), 0) as channels_net_amount
    from mix
    group by month

)

select 'the sales mix does not sum to the net sales of the month' as rule, {{ as_text('coalesce(months.month, sums.month)') }} as row_key
from months
full outer join sums on months.month = sums.month
where
    coalesce(months.net_amount <> sums.net_amount, true)
    or coalesce(months.net_amount <> sums.channels_net_amount, true)
    or coalesce(months.orders_count <> sums.orders_count, true)

union all

select 'the channels do not sum to all of them' as rule, {{ as_text('month') }} as row_key
from sums
where new_difference <> 0 or returning_difference <> 0 or guest_difference <> 0 or unlinked_difference <> 0
