{#
  CTEs from `waiting` to `survival`, the rows of the CTE `waits` (for each of `keys`: day, exit_count, event_count) with
  Kaplan-Meier's estimate: of those still waiting on a day, the share that goes on waiting, multiplied up. Logarithms and
  variances are summed as whole numbers of 1e-15 and 1e-18, so that the order of the additions changes no digit.
#}
{% macro kaplan_meier_ctes(waits, keys) -%}
waiting as (

    select
        *,
        cast(sum(exit_count) over (partition by {{ keys | join(', ') }} order by day desc) as bigint) as at_risk_count
    from {{ waits }}

),

steps as (

    select
        *,
        case when event_count < at_risk_count then
            cast(round(1e15 * ln(1 - {{ rate('event_count', 'at_risk_count') }})) as bigint)
        end as log_step,
        case when event_count < at_risk_count then
            cast(round(1e18 * {{ rate('event_count', 'at_risk_count') }} / (at_risk_count - event_count)) as bigint)
        end as variance_step
    from waiting

),

summed as (

    select
        *,
        sum(case when log_step is null then 1 else 0 end) over days_so_far = 0 as somebody_waits,
        cast(sum(log_step) over days_so_far as double) / 1e15 as log_survival,
        sqrt(cast(sum(variance_step) over days_so_far as double) / 1e18) as log_survival_error
    from steps
    window days_so_far as (partition by {{ keys | join(', ') }} order by day)

),

survival as (

    select *, round(case when somebody_waits then exp(log_survival) else 0e0 end, 12) as survival_rate
    from summed

)
{%- endmacro %}
