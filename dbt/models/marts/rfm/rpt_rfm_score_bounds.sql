{#
  Values are told as a person reads them, days since the last order rather than their negative, and both ends belong to
  the score: amounts have four decimals, so what is above 100 starts at 100.0001.
#}
{%- set step = {'recency': 1, 'frequency': 1, 'monetary': 0.0001} -%}
with bounds as (

    select * from {{ ref('int_rfm_score_bounds') }}

),

scores as (

    {% for measure, value, setting in rfm_measures() %}{% for score in range(1, 6) %}
    select
        as_of_date,
        rfm_window,
        scoring_method,
        '{{ measure }}' as measure,
        {{ score }} as score,
        {{ measure ~ '_bound_' ~ (score - 1) ~ ' + ' ~ step[measure] if score > 1 else 'null' }} as lowest,
        {{ measure ~ '_bound_' ~ score if score < 5 else 'null' }} as highest
    from bounds
    {{ 'union all' if not (loop.last and measure == 'monetary') }}
    {% endfor %}{% endfor %}

),

read as (

    select
        *,
        {{ money("case when measure = 'recency' then coalesce(-highest, 0) else lowest end") }} as lowest_value,
        {{ money("case when measure = 'recency' then -lowest else highest end") }} as highest_value
    from scores

)

select
    as_of_date,
    rfm_window,
    measure,
    score,
    lowest_value,
    highest_value,
    scoring_method
from read
-- where many customers have one value, no value has the scores that it goes through
where coalesce(lowest_value <= highest_value, true)
