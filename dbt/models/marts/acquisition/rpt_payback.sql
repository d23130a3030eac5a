with acquired as (

    select *, cast(30 * {{ whole_division('youngest_age_days', '30') }} as bigint) as looked_at_age_days
    from {{ ref('rpt_acquisition_monthly') }}
    where new_customers_count > 0

),

acquired_margins as (

    select * from {{ ref('int_acquired_margins') }}

),

earned as (

    select
        acquired.month,
        acquired.channel,
        acquired.is_all_channels,
        min(margins.age_days) filter (where margins.cumulative_margin_amount >= acquired.spend_amount) as payback_days,
        max_by(margins.cumulative_margin_amount, margins.age_days) as cumulative_margin_amount
    from acquired
    inner join acquired_margins as margins
        on acquired.month = margins.cohort_month
        and acquired.channel = margins.channel
        and acquired.is_all_channels = margins.is_all_channels
        and acquired.looked_at_age_days >= margins.age_days
    group by acquired.month, acquired.channel, acquired.is_all_channels

)

select
    acquired.month as cohort_month,
    acquired.channel,
    acquired.is_all_channels,
    acquired.new_customers_count as cohort_size,
    acquired.spend_amount,
    acquired.cac_amount,
    acquired.looked_at_age_days,
    {{ money('earned.cumulative_margin_amount') }} as cumulative_margin_amount,
    {{ exact_average('earned.cumulative_margin_amount', 'acquired.new_customers_count') }} as cumulative_margin_amount_per_customer,
    cast(case when acquired.status = 'ok' then earned.payback_days end as bigint) as payback_days,
    acquired.is_small,
    acquired.is_left_truncated,
    case
        when acquired.status <> 'ok' then acquired.status
        when earned.payback_days is not null then 'paid_back'
        when acquired.looked_at_age_days = 0 then 'no_customer_old_enough'
        else 'not_paid_back_yet'
    end as status
from acquired
left join earned
    on acquired.month = earned.month
    and acquired.channel = earned.channel
    and acquired.is_all_channels = earned.is_all_channels
