with campaigns as (

    select * from {{ ref('int_campaigns') }}

),

months as (

    select * from {{ ref('int_months') }}

),

windows as (

    select
        campaigns.campaign_id,
        months.month,
        {{ days_between('least(campaigns.end_date, last_day(months.month))', 'greatest(campaigns.start_date, months.month)') }} + 1
            as days_in_month,
        {{ days_between('campaigns.end_date', 'campaigns.start_date') }} + 1 as window_days
    from campaigns
    inner join months
        on campaigns.start_date <= last_day(months.month) and campaigns.end_date >= months.month

)

select campaign_id, month, {{ rate('days_in_month', 'window_days') }} as share_of_window
from windows
