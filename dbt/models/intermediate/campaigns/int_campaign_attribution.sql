with campaigns as (

    select * from {{ ref('int_campaigns') }}

),

campaign_lines as (

    select * from {{ ref('int_campaign_lines') }}

),

redemptions as (

    select * from {{ ref('int_redemptions') }}
    where is_take_back is not true

),

orders as (

    select * from {{ ref('int_orders') }}

),

redemption_lines as (

    select * from {{ ref('int_campaign_redemption_lines') }}

),

bought as (

    select
        campaign_id,
        count(*) as lines_count,
        {{ money('sum(net_amount)') }} as attributed_amount,
        {{ money('sum(margin_amount)') }} as attributed_margin_amount
    from campaign_lines
    group by campaign_id

),

matched as (

    select
        redemptions.campaign_id,
        count(distinct redemptions.redemption_id) as redemptions_count,
        count(distinct redemptions.redemption_id) filter (
            where redemption_lines.redemption_id is not null or orders.order_id is not null
        ) as matched_redemptions_count
    from redemptions
    left join redemption_lines
        on redemptions.redemption_id = redemption_lines.redemption_id
    left join orders on redemptions.order_id = orders.order_id
    group by redemptions.campaign_id

)

select
    campaigns.campaign_id,
    coalesce(bought.lines_count, 0) as lines_count,
    coalesce(bought.attributed_amount, 0) as attributed_amount,
    coalesce(bought.attributed_margin_amount, 0) as attributed_margin_amount,
    coalesce(matched.redemptions_count, 0) as redemptions_count,
    {{ rate('matched.matched_redemptions_count', 'matched.redemptions_count') }} as match_rate
from campaigns
left join bought on campaigns.campaign_id = bought.campaign_id
left join matched on campaigns.campaign_id = matched.campaign_id
