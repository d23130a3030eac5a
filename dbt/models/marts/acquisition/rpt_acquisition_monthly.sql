{%- set ages = [90, 180, 365] -%}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

acquisition_spend as (

    select * from {{ ref('int_acquisition_spend') }}

),

acquired_customers as (

    select * from {{ ref('int_acquired_customers') }}

),

lifetime_value as (

    select *
    from {{ ref('fct_customer_lifetime_value') }}
    where as_of_date = (select as_of_date from run_dates) and status = 'ok'

),

acquired as (

    select
        customers.cohort_month as month,
        case when grouping(customers.channel) = 1 then 'all' else customers.channel end as channel,
        grouping(customers.channel) = 1 as is_all_channels,
        count(*) as new_customers_count,
        count(*) filter (where customers.channel = 'unknown') as unknown_customers_count,
        min(customers.age_days) as youngest_age_days,
        {%- for days in ages %}
        case when min(customers.age_days) >= {{ days }} then sum(customers.margin_amount_{{ days }}d) end as margin_amount_{{ days }}d,
        {%- endfor %}
        case when count(lifetime_value.customer_id) = count(*)
            then sum(lifetime_value.historic_margin_amount + lifetime_value.clv_12m_amount) end as forecast_margin_amount
    from acquired_customers as customers
    left join lifetime_value on customers.customer_id = lifetime_value.customer_id
    group by grouping sets ((customers.cohort_month), (customers.cohort_month, customers.channel))

),

joined as (

    select
        coalesce(acquired.month, spent.month) as month,
        coalesce(acquired.channel, spent.channel) as channel,
        coalesce(acquired.is_all_channels, spent.is_all_channels) as is_all_channels,
        coalesce(spent.spend_amount, 0) as spend_amount,
        spent.fully_loaded_amount,
        case when acquired.month is not null and spent.spend_amount > 0 then spent.spend_amount end as paid_amount,
        coalesce(acquired.new_customers_count, 0) as new_customers_count,
        coalesce(acquired.unknown_customers_count, 0) as unknown_customers_count,
        acquired.youngest_age_days,
        {%- for days in ages %}
        acquired.margin_amount_{{ days }}d,
        {%- endfor %}
        acquired.forecast_margin_amount
    from acquired
    full outer join acquisition_spend as spent
        on acquired.month = spent.month
        and acquired.channel = spent.channel
        and acquired.is_all_channels = spent.is_all_channels

)

select
    joined.month,
    joined.channel,
    joined.is_all_channels,
    {{ money('joined.spend_amount') }} as spend_amount,
    joined.fully_loaded_amount,
    joined.new_customers_count,
    joined.unknown_customers_count,
    cast(joined.youngest_age_days as bigint) as youngest_age_days,
    {{ rate('joined.unknown_customers_count', 'joined.new_customers_count') }} as unknown_channel_rate,
    {{ exact_average('joined.paid_amount', 'joined.new_customers_count') }} as cac_amount,
    case when joined.paid_amount is not null then {{ exact_average('joined.fully_loaded_amount', 'joined.new_customers_count') }} end
        as fully_loaded_cac_amount,
    {%- for days in ages %}
    {{ money('joined.margin_amount_' ~ days ~ 'd') }} as margin_amount_{{ days }}d,
    {{ rate('joined.margin_amount_' ~ days ~ 'd', 'joined.paid_amount') }} as ltv_to_cac_{{ days }}d,
    {%- endfor %}
    {{ rate('joined.forecast_margin_amount', 'joined.paid_amount') }} as forecast_ltv_to_cac,
    {{ add_days(add_months('joined.month', 1), -1) }} <= run_dates.data_through as is_complete,
    joined.new_customers_count < 30 as is_small,
    {{ days_between('joined.month', 'run_dates.data_from') }} < 2 * {{ var('churn_horizon_days') }} as is_left_truncated,
    case
        when joined.channel = 'unknown' and not joined.is_all_channels then 'channel_unknown'
        when joined.spend_amount <= 0 then 'no_spend'
        when joined.new_customers_count = 0 then 'no_new_customers'
        else 'ok'
    end as status
from joined
cross join run_dates
