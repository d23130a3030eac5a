with campaigns as (

    select * from {{ ref('int_campaigns') }}

)

select
    campaign_id,
    campaign_name,
    campaign_type,
    start_date,
    end_date,
    is_randomized,
    treated_count,
    control_count,
    fixed_cost_amount,
    contact_cost_amount,
    is_contact_cost_assumed,
    has_full_window
from campaigns
