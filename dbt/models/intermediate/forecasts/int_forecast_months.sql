{#
  Whole months alone: an open one, or one that the data begins in the middle of, would look like a fall. Sales and returns
  stand on their own days, so that a return that comes later lowers a later month. New and returning customers are counted
  from the month on in which those from before data_from have had time to show themselves.
#}
with run_dates as (

    select *, {{ month_of(add_days('data_through', 1)) }} as open_month
    from {{ ref('int_run_dates') }}

),

months as (

    select
        months.month,
        {{ days_between('months.month', 'run_dates.data_from') }} >= 2 * {{ var('churn_horizon_days') }} as tells_new_customers
    from {{ ref('int_months') }} as months
    cross join run_dates
    where months.month >= run_dates.data_from and months.month < run_dates.open_month

),

sales as (

    select * from {{ ref('int_sales_monthly') }}

),

bought as (

    select
        {{ month_of('order_date') }} as month,
        count(*) filter (where order_number = 1) as new_customers_count,
        count(distinct case when order_number > 1 then customer_id end) as returning_customers_count
    from {{ ref('int_numbered_orders') }}
    group by {{ month_of('order_date') }}

),

customer_tiers as (

    select * from {{ ref('int_customer_tiers') }}

),

tiers as (

    select distinct tier from customer_tiers

),

held as (

    select months.month, customer_tiers.tier, count(*) as customers_count
    from months
    inner join customer_tiers
        on customer_tiers.valid_from <= last_day(months.month)
        and (customer_tiers.valid_to is null or customer_tiers.valid_to > last_day(months.month))
    group by months.month, customer_tiers.tier

)

select 'net_sales' as series, 'all' as tier, months.month, sales.revenue_amount as value
from months
inner join sales on months.month = sales.month

union all

select 'orders', 'all', months.month, {{ money('sales.orders_count') }}
from months
inner join sales on months.month = sales.month

union all

{% for name in ['new_customers', 'returning_customers'] -%}
select '{{ name }}', 'all', months.month, {{ money('coalesce(bought.' ~ name ~ '_count, 0)') }}
from months
left join bought on months.month = bought.month
where months.tells_new_customers

union all

{% endfor -%}
select 'tier_customers', tiers.tier, months.month, {{ money('coalesce(held.customers_count, 0)') }}
from months
cross join tiers
left join held on months.month = held.month and tiers.tier = held.tier
