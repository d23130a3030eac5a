with as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

customers as (

    select * from {{ ref('fct_customer_rfm') }}

),

month_ends as (

    select
        as_of_date,
        lag(as_of_date) over (order by as_of_date) as previous_as_of_date
    from as_of_dates
    where is_month_end

),

moved as (

    select
        {{ month_of('month_ends.as_of_date') }} as month,
        later.rfm_window,
        earlier.rfm_segment as from_segment,
        later.rfm_segment as to_segment,
        earlier.scoring_method as from_scoring_method,
        later.scoring_method as to_scoring_method
    from month_ends
    inner join customers as earlier
        on month_ends.previous_as_of_date = earlier.as_of_date
    inner join customers as later
        on month_ends.as_of_date = later.as_of_date
        and earlier.customer_id = later.customer_id
        and earlier.rfm_window = later.rfm_window

)

select
    month,
    rfm_window,
    from_segment,
    to_segment,
    from_scoring_method,
    to_scoring_method,
    case when from_scoring_method = to_scoring_method then count(*) end as customers_count
from moved
group by 1, 2, 3, 4, 5, 6
