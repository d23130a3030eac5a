-- How many known categories a customer bought in the year before a snapshot. A category counts at a snapshot by the last
-- day it was bought on, so no day is looked at once per snapshot.
with sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

products as (

    select * from {{ accepted(ref('int_product_versions')) }}

),

snapshots as (

    select * from {{ ref('int_churn_snapshots') }}

),

bought as (

    select distinct sale_lines.customer_id, products.category, sale_lines.order_date
    from sale_lines
    inner join products on sale_lines.product_id = products.product_id
    where not sale_lines.is_return and sale_lines.customer_id is not null and products.category is not null

),

spells as (

    select
        customer_id,
        order_date as counts_from,
        least(
            coalesce(lead(order_date) over (partition by customer_id, category order by order_date), {{ date_or_null('9999-12-31') }}),
            {{ add_days('order_date', 365) }}
        ) as counts_before
    from bought

)

select snapshots.snapshot_date, spells.customer_id, count(*) as categories_count
from spells
inner join snapshots
    on snapshots.snapshot_date >= spells.counts_from and snapshots.snapshot_date < spells.counts_before
group by snapshots.snapshot_date, spells.customer_id
