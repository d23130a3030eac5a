-- One row per campaign and month of its window up to as_of_date, with the share of its days that fall into the month.
with months as (

    select distinct month from {{ ref('dim_dates') }}

),

windows as (

    select
        campaigns.campaign_id,
        months.month,
        {{ days_between('least(campaigns.end_date, ' ~ add_days(add_months('months.month', 1), -1) ~ ')',
            'greatest(campaigns.start_date, months.month)') }} + 1 as days_in_month,
        {{ days_between('campaigns.end_date', 'campaigns.start_date') }} + 1 as window_days
    from {{ ref('dim_campaigns') }} as campaigns
    inner join months
        on campaigns.start_date < {{ add_months('months.month', 1) }} and campaigns.end_date >= months.month
    where months.month <= (select as_of_date from {{ ref('int_run_dates') }})

)

select campaign_id, month, cast(days_in_month as double) / window_days as share_of_window
from windows
