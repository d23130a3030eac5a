with results as (

    select * from {{ ref('int_campaign_results') }}

),

returns as (

    select
        *,
        {{ roi_gross('attributed_amount', 'cost_amount') }} as roi_gross,
        {{ roi_net('attributed_amount', 'cost_amount') }} as roi_net,
        {{ roi_net('attributed_margin_amount', 'cost_amount') }} as roi_attributed,
        case when is_causal then {{ roi_net('effect_per_member * treated_count', 'cost_amount') }} end as roi_incremental,
        case when is_causal then {{ roi_net('effect_low * treated_count', 'cost_amount') }} end as roi_low,
        case when is_causal then {{ roi_net('effect_high * treated_count', 'cost_amount') }} end as roi_high
    from results

)

select
    campaign_id,
    metric,
    method,
    treated_count,
    control_count,
    both_arms_count,
    effect_per_member,
    effect_low,
    effect_high,
    p_value,
    holm_p_value,
    winsorised_effect_per_member,
    winsorised_effect_low,
    winsorised_effect_high,
    cuped_effect_per_member,
    cuped_effect_low,
    cuped_effect_high,
    srm_p_value,
    planned_mde,
    reached_mde,
    largest_standardised_difference,
    pretrend_z,
    placebo_z,
    attributed_amount,
    attributed_margin_amount,
    match_rate,
    cost_amount,
    is_cost_assumed,
    incremental_margin_amount,
    roi_gross,
    roi_net,
    roi_attributed,
    roi_incremental,
    roi_low,
    roi_high,
    status,
    case
        when metric <> 'margin_amount' then null
        when roi_low > 0 then 'earned_money'
        when roi_high < 0 then 'lost_money'
        else 'cannot_be_estimated'
    end as campaign_outcome,
    case
        when metric <> 'margin_amount' then null
        when roi_incremental is null then status
        when roi_low > 0 then 'interval_above_zero'
        when roi_high < 0 then 'interval_below_zero'
        else 'interval_holds_zero'
    end as outcome_reason
from returns
