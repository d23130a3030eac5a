-- One row per snapshot and customer with purchases of known categories in the year before it: how many of them. A category
-- counts at a snapshot by the last day it was bought on, so no day is looked at once per snapshot.
with bought as (

    select distinct lines.customer_id, products.category, lines.order_date
    from {{ ref('int_order_line_versions') }} as lines
    inner join {{ accepted(ref('int_product_versions')) }} as products on lines.product_id = products.product_id
    where lines.row_status = 'accepted' and lines.order_status = 'completed' and not lines.is_return
        and lines.customer_id is not null and products.category is not null
        and lines.order_date <= (select as_of_date from {{ ref('int_run_dates') }})

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
inner join {{ ref('int_churn_snapshots') }} as snapshots
    on snapshots.snapshot_date >= spells.counts_from and snapshots.snapshot_date < spells.counts_before
group by snapshots.snapshot_date, spells.customer_id
