with effects as (

{{ latest_results('campaign_effects', 'campaign_effects') }}

),

current_effects as (

    select * from effects
    where as_of_date = (select as_of_date from {{ ref('int_run_dates') }})

),

results as (

    select
        campaigns.campaign_id,
        coalesce(effects.metric, 'margin_amount') as metric,
        coalesce(effects.method, case when campaigns.is_randomized then 'randomized' else 'observational' end) as method,
        coalesce(effects.treated_count, campaigns.treated_count) as treated_count,
        coalesce(effects.control_count, campaigns.control_count) as control_count,
        effects.effect_per_member,
        effects.effect_low,
        effects.effect_high,
        effects.p_value,
        effects.holm_p_value,
        effects.winsorised_effect_per_member,
        effects.winsorised_effect_low,
        effects.winsorised_effect_high,
        effects.cuped_effect_per_member,
        effects.cuped_effect_low,
        effects.cuped_effect_high,
        effects.srm_p_value,
        effects.planned_mde,
        effects.reached_mde,
        effects.largest_standardised_difference,
        effects.pretrend_z,
        effects.placebo_z,
        attribution.attributed_amount,
        attribution.attributed_margin_amount,
        attribution.match_rate,
        costs.cost_amount,
        costs.is_cost_assumed,
        coalesce(effects.status, 'not_analysed') as status
    from {{ ref('dim_campaigns') }} as campaigns
    left join current_effects as effects on campaigns.campaign_id = effects.campaign_id
    left join {{ ref('int_campaign_attribution') }} as attribution on campaigns.campaign_id = attribution.campaign_id
    left join {{ ref('int_campaign_costs') }} as costs on campaigns.campaign_id = costs.campaign_id

),

-- money is gained on margin alone, and only chance assignment tells what would have happened anyway
causal as (

    select
        *,
        metric = 'margin_amount' and method = 'randomized' and effect_per_member is not null as is_causal
    from results

)

select
    campaign_id,
    metric,
    method,
    treated_count,
    control_count,
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
    {{ money('case when is_causal then effect_per_member * treated_count end') }} as incremental_margin_amount,
    {{ roi_gross('attributed_amount', 'cost_amount') }} as roi_gross,
    {{ roi_net('attributed_amount', 'cost_amount') }} as roi_net,
    {{ roi_net('attributed_margin_amount', 'cost_amount') }} as roi_attributed,
    case when is_causal then {{ roi_net('effect_per_member * treated_count', 'cost_amount') }} end as roi_incremental,
    case when is_causal then {{ roi_net('effect_low * treated_count', 'cost_amount') }} end as roi_low,
    case when is_causal then {{ roi_net('effect_high * treated_count', 'cost_amount') }} end as roi_high,
    case when status = 'ok' and cost_amount <= 0 then 'no_cost' else status end as status
from causal
