{%- set weights = loyalty_weights() -%}
with loyalty_values as (

    select * from {{ ref('int_loyalty_values') }}

),

percentiles as (

    select * from {{ ref('int_loyalty_percentiles') }}

),

parts as (

    select
        loyalty_values.customer_id,
        loyalty_values.as_of_date,
        loyalty_values.usage as events_count,
        loyalty_values.feedback as average_rating,
        recency.percentile as recency_percentile,
        frequency.percentile as frequency_percentile,
        monetary.percentile as monetary_percentile,
        round((recency.percentile + frequency.percentile + monetary.percentile) / 3, 6) as purchase_part,
        usage.percentile as usage_part,
        feedback.percentile as feedback_part
    from loyalty_values
    {%- for measure in loyalty_measures() %}
    left join percentiles as {{ measure }}
        on {{ measure }}.measure = '{{ measure }}'
        and loyalty_values.as_of_date = {{ measure }}.as_of_date
        and loyalty_values.{{ measure }} = {{ measure }}.value
    {%- endfor %}

),

weighted as (

    select
        *,
        {% for part, weight in weights.items() %}
        case when {{ part }}_part is null then 0e0 else cast({{ weight }} as double) end{{ ' + ' if not loop.last }}
        {%- endfor %} as weight,
        {% for part, weight in weights.items() %}
        coalesce({{ weight }} * {{ part }}_part, 0){{ ' + ' if not loop.last }}
        {%- endfor %} as weighted_sum
    from parts

),

scored as (

    select *, case when purchase_part is not null then round(100 * weighted_sum / weight, 4) end as loyalty_score
    from weighted

)

select
    customer_id,
    as_of_date,
    recency_percentile,
    frequency_percentile,
    monetary_percentile,
    cast(events_count as bigint) as events_count,
    cast(10 * average_rating as double) as average_rating,
    purchase_part,
    usage_part,
    feedback_part,
    round(weight, 1) as coverage,
    loyalty_score,
    case
        when loyalty_score < {{ loyalty_term('mid_from') }} then 'low'
        when loyalty_score < {{ loyalty_term('high_from') }} then 'mid'
        when loyalty_score is not null then 'high'
    end as loyalty_band
from scored
