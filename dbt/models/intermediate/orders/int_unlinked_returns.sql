{#
  Returns of a customer that name no order, or one that nobody knows, with the points that they take back at the lowest
  tier's rate. Numbered by customer in time.
#}
with sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

lowest_rules as (

    select * from {{ ref('int_tier_rules') }}
    where tier_rank = 1

),

returns as (

    select
        customer_id,
        order_id as document_id,
        order_date as return_date,
        sum(net_amount) as return_amount
    from sale_lines
    where
        is_return
        and customer_id is not null
        and returned_order_id is null
    group by customer_id, order_id, order_date

),

valued as (

    select
        returns.customer_id,
        returns.document_id,
        returns.return_date,
        cast(floor(lowest_rules.earn_rate * -cast(returns.return_amount as decimal(22, 4))) as bigint) as points
    from returns
    inner join lowest_rules
        on returns.return_date >= lowest_rules.valid_from
        and returns.return_date < lowest_rules.valid_to

)

select
    customer_id,
    row_number() over (partition by customer_id order by return_date, document_id) as return_number,
    document_id,
    return_date,
    points
from valued
where points > 0
