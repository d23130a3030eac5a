{%- set measures = rfm_measures() -%}
with as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

customers as (

    select * from {{ ref('int_customer_rfm_windows') }}
    where frequency > 0

),

measured as (

{% for measure, value, setting in measures %}
    select
        as_of_date,
        rfm_window,
        '{{ measure }}' as measure,
        {{ money(value) }} as value,
        -- a running sum of integers is three times as fast as one of bigints
        cast(count(*) as integer) as customers_count
    from customers
    group by as_of_date, rfm_window, {{ money(value) }}
    {% if not loop.last %}union all{% endif %}
{% endfor %}

),

ranked as (

    select
        *,
        coalesce(sum(customers_count) over (
            partition by as_of_date, rfm_window, measure
            order by value
            rows between unbounded preceding and 1 preceding
        ), 0) as lower_count,
        sum(customers_count) over (partition by as_of_date, rfm_window, measure) as all_count
    from measured

),

scored as (

    select
        *,
        least(5, {{ whole_division('5 * lower_count', 'greatest(all_count - 1, 1)') }} + 1) as score
    from ranked

),

bounded as (

    select
        as_of_date,
        rfm_window,
        measure,
        cast(max(all_count) as bigint) as customers_count,
        count(*) as distinct_count
        {%- for number in range(1, 5) %},
        max(value) filter (where score <= {{ number }}) as bound_{{ number }}
        {%- endfor %}
    from scored
    group by as_of_date, rfm_window, measure

),

windows as (

    select
        dates.as_of_date,
        rfm_windows.rfm_window,
        coalesce(max(bounded.customers_count), 0) as customers_count,
        coalesce(max(bounded.customers_count), 0) >= {{ rfm_setting('minimum_customers') }}
            and min(bounded.distinct_count) >= 5 as is_ranked
        {%- for measure, value, setting in measures %}{% for number in range(1, 5) %},
        max(bounded.bound_{{ number }}) filter (where bounded.measure = '{{ measure }}') as {{ measure }}_bound_{{ number }}
        {%- endfor %}{% endfor %}
    from as_of_dates as dates
    cross join (select 'lifetime' as rfm_window union all select '365d' as rfm_window) as rfm_windows
    left join bounded
        on dates.as_of_date = bounded.as_of_date and rfm_windows.rfm_window = bounded.rfm_window
    group by dates.as_of_date, rfm_windows.rfm_window

)

select
    as_of_date,
    rfm_window,
    customers_count,
    case when is_ranked then 'percentile' else 'cut_points' end as scoring_method
    {%- for measure, value, setting in measures %}{% for number in range(1, 5) %},
    case when is_ranked then {{ measure }}_bound_{{ number }} else {{ money(rfm_configured_bound(measure, setting, number)) }} end
        as {{ measure }}_bound_{{ number }}
    {%- endfor %}{% endfor %}
from windows
