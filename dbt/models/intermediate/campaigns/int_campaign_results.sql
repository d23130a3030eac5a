{#
  What campaigns changed, beside what was bought with their coupons and what they cost. Money is earned on margin alone,
  and only chance assignment shows what would have happened anyway.
#}
{%- set estimates = [
    'effect_per_member', 'effect_low', 'effect_high', 'p_value', 'holm_p_value', 'winsorised_effect_per_member',
    'winsorised_effect_low', 'winsorised_effect_high', 'cuped_effect_per_member', 'cuped_effect_low', 'cuped_effect_high',
    'srm_p_value', 'planned_mde', 'reached_mde', 'largest_standardised_difference', 'pretrend_z', 'placebo_z',
] %}
with campaigns as (

    select * from {{ ref('int_campaigns') }}

),

effects as (

{{ latest_results('campaign_effects', 'campaign_effects', current_only=true) }}

),

attribution as (

    select * from {{ ref('int_campaign_attribution') }}

),

costs as (

    select * from {{ ref('int_campaign_costs') }}

),

results as (

    select
        campaigns.campaign_id,
        coalesce(effects.metric, 'margin_amount') as metric,
        coalesce(effects.method, case when campaigns.is_randomized then 'randomized' else 'observational' end) as method,
        coalesce(effects.treated_count, campaigns.treated_count) as treated_count,
        coalesce(effects.control_count, campaigns.control_count) as control_count,
        campaigns.both_arms_count,
        {%- for estimate in estimates %}
        case when campaigns.is_assignment_broken is not true then effects.{{ estimate }} end as {{ estimate }},
        {%- endfor %}
        attribution.attributed_amount,
        attribution.attributed_margin_amount,
        attribution.match_rate,
        costs.cost_amount,
        costs.is_cost_assumed,
        case
            when campaigns.is_randomized and campaigns.is_assignment_broken then 'broken_assignment'
            when effects.status = 'ok' and costs.cost_amount <= 0 then 'no_cost'
            when effects.status = 'ok' and not campaigns.is_final then 'provisional'
            else coalesce(effects.status, 'not_analysed')
        end as status
    from campaigns
    left join effects on campaigns.campaign_id = effects.campaign_id
    left join attribution on campaigns.campaign_id = attribution.campaign_id
    left join costs on campaigns.campaign_id = costs.campaign_id

),

causal as (

    select
        *,
        metric = 'margin_amount' and method = 'randomized' and effect_per_member is not null as is_causal
    from results

)

select *, {{ money('case when is_causal then effect_per_member * treated_count end') }} as incremental_margin_amount
from causal
