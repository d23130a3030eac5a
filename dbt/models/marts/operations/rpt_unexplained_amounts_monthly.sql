{#
  What orders cost beside what their lines, shipping, tax and the rest come to, in the currency they were delivered in.
  Prices may hold the tax already: of the two readings the one that leaves less is taken, order by order.
#}
with totals as (

    select * from {{ accepted(ref('int_order_total_versions')) }}
    where total_amount is not null

),

sale_lines as (

    select * from {{ ref('int_order_lines') }}
    where order_status = 'completed' and not is_return

),

orders as (

    select
        source,
        order_id,
        {{ month_of('min(order_date)') }} as month,
        max(currency) as currency,
        sum(net_amount_delivered) as net_amount
    from sale_lines
    where order_id in (select order_id from totals)
    group by source, order_id

),

compared as (

    select
        orders.source,
        orders.month,
        orders.currency,
        totals.total_amount,
        totals.total_amount - orders.net_amount - coalesce(totals.shipping_amount, 0) - coalesce(totals.other_amount, 0)
            as beside_goods,
        coalesce(totals.tax_amount, 0) as tax_amount
    from orders
    inner join totals on orders.source = totals._source and orders.order_id = totals.order_id

),

unexplained as (

    select
        *,
        case
            when abs(beside_goods - tax_amount) < abs(beside_goods) then beside_goods - tax_amount
            else beside_goods
        end as unexplained_amount
    from compared

),

monthly as (

    select
        source,
        month,
        currency,
        count(*) as orders_count,
        count(*) filter (where abs(unexplained_amount) > 0.01) as unexplained_orders_count,
        {{ money('sum(total_amount)') }} as total_amount_delivered,
        {{ money('sum(unexplained_amount)') }} as unexplained_amount_delivered,
        {{ money('sum(abs(unexplained_amount))') }} as unexplained_absolute_amount_delivered,
        {{ rate('sum(abs(unexplained_amount))', 'sum(total_amount)') }} as unexplained_rate
    from unexplained
    group by source, month, currency

)

select
    *,
    coalesce(
        unexplained_rate > {{ setting('reconciliation', 'unexplained_rate') }},
        unexplained_absolute_amount_delivered > 0
    ) as is_above_warning_rate
from monthly
