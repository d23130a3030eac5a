with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

loaded_batches as (

    select * from {{ ref('stg_ops__batches') }}

),

order_lines as (

    select * from {{ ref('int_order_line_versions') }}
    where row_status <> 'rejected' and order_date <= (select as_of_date from run_dates)

),

batches as (

    select
        _source as source,
        _batch_id as batch_id,
        max(order_date) as last_order_date
    from order_lines
    group by _source, _batch_id

),

delivered as (

    select
        batches.source,
        {{ business_date('loaded_batches.loaded_at') }} as loaded_on,
        max(batches.last_order_date) as last_order_date
    from batches
    inner join loaded_batches on batches.batch_id = loaded_batches.batch_id
    group by 1, 2

),

deliveries as (

    select
        source,
        loaded_on,
        max(last_order_date) over (partition by source order by loaded_on) as last_order_date,
        lead(loaded_on) over (partition by source order by loaded_on) as next_loaded_on,
        max(loaded_on) over (partition by source) as last_loaded_on
    from delivered

),

summed as (

    select
        source,
        count(*) as deliveries_count,
        max(loaded_on) as last_loaded_on,
        max(last_order_date) as last_order_date,
        -- how old the orders were when the next delivery came
        count(next_loaded_on) filter (where {{ days_between('last_loaded_on', 'loaded_on') }} <= 56) as waits_count,
        max({{ days_between('next_loaded_on', 'last_order_date') }})
            filter (where {{ days_between('last_loaded_on', 'loaded_on') }} <= 56) as oldest_days
    from deliveries
    group by source

)

select
    source,
    deliveries_count,
    last_loaded_on,
    last_order_date,
    case when waits_count >= 3 then oldest_days + 1 end as late_after_days
from summed
