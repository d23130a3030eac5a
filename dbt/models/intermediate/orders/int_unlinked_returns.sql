{#
  One row per document and business day up to as_of_date with returns of a customer that name no order, or one that
  nobody knows; with the points that they take back at the lowest tier's rate. Numbered by customer in time.
#}
with returns as (

    select
        customer_id,
        order_id as document_id,
        order_date as return_date,
        sum(net_amount) as return_amount
    from {{ ref('int_order_line_versions') }}
    where
        row_status = 'accepted'
        and is_return
        and order_status = 'completed'
        and customer_id is not null
        and order_date <= (select as_of_date from {{ ref('int_run_dates') }})
        and (original_order_id is null or original_order_id not in (select order_id from {{ ref('int_orders') }}))
    group by customer_id, order_id, order_date

),

valued as (

    select
        returns.customer_id,
        returns.document_id,
        returns.return_date,
        cast(floor(rules.earn_rate * -returns.return_amount) as bigint) as points
    from returns
    inner join {{ ref('int_tier_rules') }} as rules
        on rules.tier_rank = 1
        and returns.return_date >= rules.valid_from
        and returns.return_date < rules.valid_to

)

select
    customer_id,
    row_number() over (partition by customer_id order by return_date, document_id) as return_number,
    document_id,
    return_date,
    points
from valued
where points > 0
