{#
  The lines that have a campaign of their own: the one the source names, else, of the campaigns whose coupon may have been
  used on the line, the one that started last.
#}
with sale_lines as (

    select * from {{ ref('int_sale_lines') }}

),

redemption_lines as (

    select * from {{ ref('int_campaign_redemption_lines') }}

),

campaigns as (

    select * from {{ ref('int_campaigns') }}

),

carried as (

    select order_line_id, campaign_id, customer_id, order_date, net_amount, margin_amount
    from sale_lines
    where campaign_id is not null

),

matched as (

    select
        redemption_lines.*,
        row_number() over (
            partition by redemption_lines.order_line_id
            order by campaigns.start_date desc nulls last, redemption_lines.campaign_id asc
        ) as choice
    from redemption_lines
    left join campaigns on redemption_lines.campaign_id = campaigns.campaign_id
    where redemption_lines.order_line_id not in (select order_line_id from carried)

)

select order_line_id, campaign_id, customer_id, order_date, net_amount, margin_amount, false as is_matched
from carried

union all

select order_line_id, campaign_id, customer_id, order_date, net_amount, margin_amount, true as is_matched
from matched
where choice = 1
