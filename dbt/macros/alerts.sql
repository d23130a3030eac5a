{#
  CTEs up to `expected`: each value of `alert_values` beside those of its `reference_days` in the relation `usual`.

  Expected is the median of the references, and `absolute_deviation` their median distance from it. With fewer than
  five references there is nothing to expect.
#}
{% macro alert_expectations(usual) -%}
{%- set keys = ['series', 'source', 'channel', 'date_day'] -%}
compared as (

    select
        {%- for key in keys %}
        judged_values.{{ key }},
        {%- endfor %}
        judged_values.value,
        judged_values.is_count,
        usual_references.value as reference_value,
        usual_references.rests_on_count
    from alert_values as judged_values
    inner join reference_days on judged_values.date_day = reference_days.date_day
    inner join {{ usual }} as usual_references
        on judged_values.series = usual_references.series
        and judged_values.source = usual_references.source
        and judged_values.channel = usual_references.channel
        and reference_days.reference_day = usual_references.date_day
    where usual_references.value is not null

),

medians as (

    select
        {{ keys | join(', ') }},
        value,
        is_count,
        count(*) as references_count,
        cast(median(reference_value) as double) as expected_value,
        avg(reference_value) as mean_value,
        median(rests_on_count) < 20 as is_under_minimum
    from compared
    group by {{ keys | join(', ') }}, value, is_count

),

deviations as (

    select
        {%- for key in keys %}
        compared.{{ key }},
        {%- endfor %}
        median(abs(compared.reference_value - medians.expected_value)) as absolute_deviation
    from compared
    inner join medians
        on compared.series = medians.series
        and compared.source = medians.source
        and compared.channel = medians.channel
        and compared.date_day = medians.date_day
    group by 1, 2, 3, 4

),

expected as (

    select
        medians.*,
        deviations.absolute_deviation,
        {{ rate('medians.value - medians.expected_value', 'medians.expected_value') }} as change_rate
    from medians
    inner join deviations
        on medians.series = deviations.series
        and medians.source = deviations.source
        and medians.channel = deviations.channel
        and medians.date_day = deviations.date_day
    where medians.references_count >= 5

)
{%- endmacro %}

{#
  CTEs from `expected` up to `judged`: how far each day is from what is expected of it, in scales, and whether it stands out.

  The scale is 1.4826 times the median absolute deviation, which of normal values is their standard deviation; a count
  varies at least by the root of its mean, and by one. Eight references alone tell the scale so badly that one normal day
  in thirty would stand out. So it is at least what the series was off by in the eight weeks before, of the same
  expectation: the median of its relative deviations, times 1.4826.
#}
{% macro alert_judgements() -%}
recent as (

    select
        *,
        {{ moving_median(
            'abs(change_rate)',
            'partition by series, source, channel order by date_day rows between 56 preceding and 1 preceding'
        ) }} as recent_deviation_rate
    from expected

),

scaled as (

    select
        *,
        greatest(
            1.4826 * absolute_deviation,
            1.4826 * coalesce(recent_deviation_rate, 0) * abs(expected_value),
            case when is_count then greatest(sqrt(mean_value), 1) else 0 end
        ) as scale_value
    from recent

),

scored as (

    select
        *,
        case when not is_under_minimum then {{ rate('value - expected_value', 'scale_value') }} end as z_score
    from scaled

),

three_days as (

    select
        *,
        count(z_score) over last_three as scores_count,
        min(z_score) over last_three as lowest_score,
        max(z_score) over last_three as highest_score,
        min(date_day) over last_three as first_day
    from scored
    window last_three as (
        partition by series, source, channel order by date_day rows between 2 preceding and current row
    )

),

reasoned as (

    select
        *,
        case
            when abs(z_score) > 4 and coalesce(abs(change_rate) > 0.1, true) then 'far_from_expected'
            when
                scores_count = 3 and {{ days_between('date_day', 'first_day') }} = 2
                and (lowest_score > 2.5 or highest_score < -2.5)
                then 'three_days_in_a_row'
        end as reason
    from three_days

),

judged as (

    select *, reason is not null as is_flagged
    from reasoned

)
{%- endmacro %}
