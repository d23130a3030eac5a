-- What one would write by hand for orders and the days of customers, of one source whose lines come in Parquet files.
create table lines as
with delivered as (

    select *, cast(ordered_at as date) as order_date
    from read_parquet(getvariable('lines'), filename = true, file_row_number = true)

),

repeated as (

    select order_line_id
    from delivered
    group by order_line_id
    having count(*) > 1

),

replaced as (

    select filename, file_row_number
    from delivered
    where order_line_id in (from repeated)
    qualify row_number() over (partition by order_line_id order by filename desc, file_row_number desc) > 1

),

rates as (

    select currency, rate_date as valid_from, rate,
        least(lead(rate_date, 1, date '9999-12-31') over (partition by currency order by rate_date), rate_date + 8) as valid_to
    from read_parquet(getvariable('rates'))

)

select
    delivered.order_line_id,
    delivered.order_id,
    delivered.customer_id,
    delivered.original_order_id,
    coalesce(delivered.order_status, 'completed') as order_status,
    delivered.order_date,
    delivered.quantity,
    delivered.quantity < 0 or delivered.net_amount < 0 as is_return,
    case when delivered.currency = 'EUR' then delivered.net_amount
        else cast(cast(delivered.net_amount as decimal(22, 4)) * rates.rate as decimal(18, 4)) end as net_amount
from delivered
left join rates
    on delivered.currency = rates.currency
    and delivered.order_date >= rates.valid_from
    and delivered.order_date < rates.valid_to
where (delivered.filename, delivered.file_row_number) not in (from replaced)
    and (delivered.currency = 'EUR' or rates.rate is not null)
    and delivered.order_date <= getvariable('as_of');

create table orders as
select
    order_id,
    min(customer_id) as customer_id,
    min(order_date) as order_date,
    cast(sum(net_amount) as decimal(18, 4)) as net_amount,
    sum(quantity) as quantity,
    count(*) as lines_count,
    min(order_status) as order_status,
    min(order_status) = 'completed' and min(customer_id) is not null and sum(net_amount) > 0 as is_valid
from lines
where not is_return
group by order_id;

create table customer_days as
select
    customer_id,
    order_date,
    count(*) filter (where is_valid) as orders_count,
    cast(sum(net_amount) as decimal(18, 4)) as net_amount
from (
    select customer_id, order_date, net_amount, is_valid from orders
    where order_status = 'completed'
    union all
    select coalesce(orders.customer_id, lines.customer_id), lines.order_date, lines.net_amount, false
    from lines
    left join orders on coalesce(lines.original_order_id, lines.order_id) = orders.order_id
    where lines.is_return and lines.order_status = 'completed'
)
where customer_id is not null
group by customer_id, order_date;
