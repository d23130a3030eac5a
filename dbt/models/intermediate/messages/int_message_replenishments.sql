{#
  Customers who bought a product so many days ago that half of its buyers have bought it again by then, and have not; of
  several products the one bought most often. Products that were not sold for 90 days are left out, as in recommendations.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

basket_items as (

    select * from {{ ref('int_basket_items') }}
    where group_kind = 'product'

),

replenishment as (

    select * from {{ ref('int_replenishment') }}
    where group_kind = 'product' and ended_waits_count >= 30

),

products as (

    select * from {{ accepted(ref('int_product_versions')) }}

),

bought as (

    select
        customer_id,
        group_value as product_id,
        max(order_date) as last_bought_date,
        count(*) as orders_count,
        max(max(order_date)) over (partition by group_value) as last_sold_date
    from basket_items
    group by customer_id, group_value

),

due as (

    select
        bought.*,
        products.product_name,
        row_number() over (
            partition by bought.customer_id
            order by bought.orders_count desc, bought.last_bought_date desc, bought.product_id asc
        ) as place
    from bought
    cross join run_dates
    inner join replenishment
        on bought.product_id = replenishment.group_value
        and {{ days_between('run_dates.as_of_date', 'bought.last_bought_date') }} >= replenishment.median_wait_days
        and {{ days_between('run_dates.as_of_date', 'bought.last_bought_date') }}
        < replenishment.median_wait_days + {{ setting('messages', 'replenishment_days') }}
    inner join products on bought.product_id = products.product_id
    where products.product_name is not null and bought.last_sold_date > {{ add_days('run_dates.as_of_date', -90) }}

)

select
    customer_id,
    'replenishment' as template,
    product_id as subject,
    last_bought_date as event_date,
    cast(null as date) as useful_until,
    {{ json_record(['product_name', 'last_bought_date']) }} as payload
from due
where place = 1
