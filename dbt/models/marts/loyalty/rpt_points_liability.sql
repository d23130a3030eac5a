{%- set point_value = 'cast(' ~ setting('assumed', 'point_value_amount') ~ ' as decimal(9, 6))' -%}
{%- set assumed_rate = 'cast(' ~ setting('assumed', 'redemption_rate') ~ ' as decimal(9, 6))' -%}
with points_monthly as (

    select * from {{ ref('int_points_monthly') }}

),

rated as (

    select
        *,
        pending_points + available_points as closing_points,
        pending_points + available_points + debt_points as open_points,
        redeemed_so_far > 0 and matured_points > 0 as is_observed,
        case
            when redeemed_so_far > 0 and matured_points > 0
                then cast(round(cast(matured_used_points as double) / matured_points, 6) as decimal(9, 6))
            else {{ assumed_rate }}
        end as redemption_rate
    from points_monthly

),

valued as (

    select *, {{ money('round(open_points * ' ~ point_value ~ ' * redemption_rate, 4)') }} as liability_amount
    from rated

)

select
    month,
    cast(lag(closing_points, 1, 0) over (order by month) as bigint) as opening_points,
    cast(earned_points + adjusted_points as bigint) as issued_points,
    cast(redeemed_points as bigint) as redeemed_points,
    cast(expired_points as bigint) as expired_points,
    cast(reversed_points as bigint) as reversed_points,
    cast(closing_points as bigint) as closing_points,
    cast(earned_points as bigint) as earned_points,
    cast(adjusted_points as bigint) as adjusted_points,
    cast(pending_points as bigint) as pending_points,
    cast(available_points as bigint) as available_points,
    cast(open_points as bigint) as open_points,
    cast(debt_points as bigint) as debt_points,
    {{ point_value }} as point_value_amount,
    cast(redemption_rate as double) as redemption_rate,
    case when is_observed then 'issue_cohorts' else 'assumed' end as redemption_rate_source,
    liability_amount,
    {{ money('liability_amount - lag(liability_amount, 1, 0) over (order by month)') }} as liability_change_amount
from valued
