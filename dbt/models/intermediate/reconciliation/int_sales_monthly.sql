-- One row per month of the data, up to as_of_date: what was sold in it, to whom. A month without sales has zeros.
with months as (

    select distinct month from {{ ref('dim_dates') }}
    where month between (select {{ month_of('data_from') }} from {{ ref('int_run_dates') }})
        and (select as_of_date from {{ ref('int_run_dates') }})

),

sales as (

    select {{ month_of('order_date') }} as month, customer_id, net_amount, discount_amount
    from {{ ref('fct_order_lines') }}
    where is_valid

)

select
    months.month,
    {{ money('coalesce(sum(sales.net_amount), 0)') }} as revenue_amount,
    {{ money('coalesce(sum(sales.net_amount) filter (where sales.customer_id is not null), 0)') }}
        as identified_revenue_amount,
    {{ money('coalesce(sum(sales.discount_amount), 0)') }} as discount_amount
from months
left join sales on months.month = sales.month
group by months.month
