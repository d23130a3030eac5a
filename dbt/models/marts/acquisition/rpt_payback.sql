with acquisition_monthly as (

    select * from {{ ref('rpt_acquisition_monthly') }}

),

cohorts as (

    select
        cohort_month,
        case when grouping(channel) = 1 then 'all' else channel end as channel,
        grouping(channel) = 1 as is_all_channels,
        cast(30 * {{ whole_division('min(age_days)', '30') }} as bigint) as looked_at_age_days
    from {{ ref('int_acquired_customers') }}
    group by grouping sets ((cohort_month), (cohort_month, channel))

),

acquired_margins as (

    select * from {{ ref('int_acquired_margins') }}

),

paid_back as (

    select
        cohorts.cohort_month,
        cohorts.channel,
        cohorts.is_all_channels,
        cohorts.looked_at_age_days,
        acquisition_monthly.spend_amount,
        acquisition_monthly.new_customers_count,
        acquisition_monthly.cac_amount,
        acquisition_monthly.is_left_truncated,
        acquisition_monthly.status,
        min(margins.age_days) filter (where margins.cumulative_margin_amount >= acquisition_monthly.spend_amount) as payback_days,
        max_by(margins.cumulative_margin_amount, margins.age_days) as cumulative_margin_amount
    from cohorts
    inner join acquisition_monthly
        on cohorts.cohort_month = acquisition_monthly.month
        and cohorts.channel = acquisition_monthly.channel
        and cohorts.is_all_channels = acquisition_monthly.is_all_channels
    left join acquired_margins as margins
        on cohorts.cohort_month = margins.cohort_month
        and cohorts.channel = margins.channel
        and cohorts.is_all_channels = margins.is_all_channels
        and margins.age_days <= cohorts.looked_at_age_days
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9

)

select
    cohort_month,
    channel,
    is_all_channels,
    new_customers_count as cohort_size,
    spend_amount,
    cac_amount,
    looked_at_age_days,
    {{ money('case when looked_at_age_days > 0 then coalesce(cumulative_margin_amount, 0) end') }} as cumulative_margin_amount,
    case when looked_at_age_days > 0 then {{ exact_average('coalesce(cumulative_margin_amount, 0)', 'new_customers_count') }} end
        as cumulative_margin_amount_per_customer,
    cast(case when status = 'ok' then payback_days end as bigint) as payback_days,
    new_customers_count < 30 as is_small,
    is_left_truncated,
    case
        when status <> 'ok' then status
        when payback_days is not null then 'paid_back'
        when looked_at_age_days = 0 then 'no_customer_old_enough'
        else 'not_paid_back_yet'
    end as status
from paid_back
