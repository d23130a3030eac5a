-- One row per campaign: what was bought with its coupons, and how many redemptions found their lines.
with lines as (

    select
        campaign_id,
        count(*) as lines_count,
        {{ money('sum(net_amount)') }} as attributed_amount,
        {{ money('sum(margin_amount)') }} as attributed_margin_amount
    from {{ ref('int_campaign_lines') }}
    group by campaign_id

),

redemptions as (

    select
        redemptions.campaign_id,
        count(distinct redemptions.redemption_id) as redemptions_count,
        count(distinct matches.redemption_id) as matched_redemptions_count
    from {{ ref('int_redemptions') }} as redemptions
    left join {{ ref('int_campaign_redemption_lines') }} as matches
        on redemptions.redemption_id = matches.redemption_id
    group by redemptions.campaign_id

)

select
    campaigns.campaign_id,
    coalesce(lines.lines_count, 0) as lines_count,
    coalesce(lines.attributed_amount, 0) as attributed_amount,
    coalesce(lines.attributed_margin_amount, 0) as attributed_margin_amount,
    coalesce(redemptions.redemptions_count, 0) as redemptions_count,
    {{ rate('redemptions.matched_redemptions_count', 'redemptions.redemptions_count') }} as match_rate
from {{ ref('dim_campaigns') }} as campaigns
left join lines on campaigns.campaign_id = lines.campaign_id
left join redemptions on campaigns.campaign_id = redemptions.campaign_id
