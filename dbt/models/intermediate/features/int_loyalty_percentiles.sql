{#
  One row per as_of_date, measure and value that occurs then: its percentile among all customers as of the end of the
  month before, (count below + half the count equal) / count. NULL under 100 customers. Distinct values are ranked, not
  customers.
#}
{%- set minimum_customers = loyalty_term('minimum_customers') -%}
with loyalty_values as {{ computed_anew() }} (

    select * from {{ ref('int_loyalty_values') }}

),

counted as (

    {% for measure in loyalty_measures() %}
    select as_of_date, '{{ measure }}' as measure, cast({{ measure }} as decimal(18, 6)) as value, count(*) as customers_count
    from loyalty_values
    where {{ measure }} is not null
    group by as_of_date, {{ measure }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

dates as (

    select as_of_date, {{ add_days(month_of('as_of_date'), -1) }} as reference_date
    from {{ ref('int_as_of_dates') }}

),

occurring as (

    select as_of_date, measure, value, 0 as reference_count, 1 as is_wanted
    from counted

    union all

    select dates.as_of_date, counted.measure, counted.value, counted.customers_count, 0
    from dates
    inner join counted on dates.reference_date = counted.as_of_date

),

merged as (

    select as_of_date, measure, value, sum(reference_count) as reference_count, max(is_wanted) as is_wanted
    from occurring
    group by as_of_date, measure, value

),

ranked as (

    select
        *,
        sum(reference_count) over (partition by as_of_date, measure order by value) as count_up_to,
        sum(reference_count) over (partition by as_of_date, measure) as count_of_all
    from merged

)

select
    as_of_date,
    measure,
    value,
    case when count_of_all >= {{ minimum_customers }} then
        cast(2 * count_up_to - reference_count as double) / (2 * count_of_all)
    end as percentile
from ranked
where is_wanted = 1
