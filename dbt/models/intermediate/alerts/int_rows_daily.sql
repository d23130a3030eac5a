{#
  The rows of order lines by the day that they tell of, each in its latest version: a shop that delivers the last month
  anew every day delivers older days more often, which says nothing about them.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

order_lines as (

    select * from {{ ref('int_order_line_versions') }}
    where
        row_status <> 'superseded' and _part = 0
        and order_date <= (select as_of_date from run_dates)

)

select
    _source as source,
    order_date as date_day,
    count(*) as rows_count,
    count(*) filter (where row_status = 'rejected') as rejected_count
from order_lines
group by 1, 2
