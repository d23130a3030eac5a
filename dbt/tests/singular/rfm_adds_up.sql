-- Segments cover all cells, sum to the customers known by then and to the spine's net sales, and nobody is lost between months.
with segments as (

    select
        as_of_date,
        rfm_window,
        sum(customers_count) as customers_count,
        sum(orders_count) as orders_count,
        sum(net_amount) as net_amount
    from {{ ref('rpt_rfm_segments') }}
    group by as_of_date, rfm_window

),

known as (

    select dates.as_of_date, count(*) as customers_count
    from {{ ref('int_as_of_dates') }} as dates
    inner join {{ ref('int_customers') }} as customers
        on dates.as_of_date >= customers.known_since
    group by dates.as_of_date

),

windows as (

    select 'lifetime' as rfm_window, 1000000 as window_days
    union all
    select '365d' as rfm_window, 365 as window_days

),

days as (

    select order_date, sum(orders_count) as orders_count, sum(net_amount) as net_amount
    from {{ ref('int_customer_daily') }}
    group by order_date

),

history as (

    select
        dates.as_of_date,
        windows.rfm_window,
        sum(days.orders_count) as orders_count,
        sum(days.net_amount) as net_amount
    from {{ ref('int_as_of_dates') }} as dates
    cross join windows
    inner join days
        on dates.as_of_date >= days.order_date
        and {{ days_between('dates.as_of_date', 'days.order_date') }} < windows.window_days
    group by dates.as_of_date, windows.rfm_window

),

leavers as (

    select
        {{ add_months('as_of_date', 1) }} as month,
        rfm_window,
        rfm_segment,
        customers_count
    from {{ ref('rpt_rfm_segments') }}

),

migrations as (

    select month, rfm_window, from_segment, sum(customers_count) as customers_count
    from {{ ref('fct_rfm_migrations') }}
    where customers_count is not null
    group by month, rfm_window, from_segment

)

select 'segments do not cover the 25 cells once each' as rule, {{ as_text('count(*)') }} as row_key
from {{ ref('rfm_segments') }}
where r_score between 1 and 5 and fm_score between 1 and 5
having count(*) <> 25 or count(distinct 10 * r_score + fm_score) <> 25

union all

select 'segments do not sum to the customers known' as rule, concat_ws(' | ', segments.as_of_date, segments.rfm_window) as row_key
from segments
left join known on segments.as_of_date = known.as_of_date
where segments.customers_count <> coalesce(known.customers_count, 0)

union all

select 'segments do not sum to the orders and net sales of the spine' as rule, concat_ws(' | ', segments.as_of_date, segments.rfm_window) as row_key
from segments
left join history on segments.as_of_date = history.as_of_date and segments.rfm_window = history.rfm_window
where segments.orders_count <> coalesce(history.orders_count, 0) or segments.net_amount <> coalesce(history.net_amount, 0)

union all

select 'who left or stayed is not who was there' as rule, concat_ws(' | ', migrations.month, migrations.rfm_window, migrations.from_segment) as row_key
from migrations
left join leavers
    on migrations.month = leavers.month
    and migrations.rfm_window = leavers.rfm_window
    and migrations.from_segment = leavers.rfm_segment
where migrations.customers_count <> coalesce(leavers.customers_count, 0)
