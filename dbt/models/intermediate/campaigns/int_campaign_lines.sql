-- One row per order line that carries a campaign's coupon. A line counts once: for the campaign the source names,
-- else for the matching one that started last.
with carried as (

    select order_line_id, campaign_id, customer_id, order_date, net_amount, cost_amount
    from {{ ref('int_order_line_versions') }}
    where row_status = 'accepted' and order_status = 'completed' and not is_return and campaign_id is not null

),

campaigns as (

    select campaign_id, start_date from {{ accepted(ref('int_campaign_versions')) }}

),

matched as (

    select
        lines.order_line_id,
        lines.campaign_id,
        lines.customer_id,
        lines.order_date,
        lines.net_amount,
        lines.cost_amount,
        row_number() over (
            partition by lines.order_line_id order by campaigns.start_date desc nulls last, lines.campaign_id asc
        ) as choice
    from {{ ref('int_campaign_redemption_lines') }} as lines
    left join campaigns on lines.campaign_id = campaigns.campaign_id
    where lines.order_line_id not in (select order_line_id from carried)

),

united as (

    select order_line_id, campaign_id, customer_id, order_date, net_amount, cost_amount, false as is_matched from carried
    union all
    select order_line_id, campaign_id, customer_id, order_date, net_amount, cost_amount, true as is_matched from matched
    where choice = 1

)

select
    order_line_id,
    campaign_id,
    customer_id,
    order_date,
    net_amount,
    net_amount - {{ cost_or_assumed() }} as margin_amount,
    is_matched
from united
where order_date <= (select as_of_date from {{ ref('int_run_dates') }})
