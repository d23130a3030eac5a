with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

alert_values as (

    select * from {{ ref('int_alert_values') }}
    where date_day > {{ add_days('(select data_through from run_dates)', -56) }}

),

days as (

    select * from {{ ref('int_alert_days') }}

),

judgements as (

    select * from {{ ref('int_alert_judgements') }}

)

select
    alert_values.series,
    alert_values.source,
    alert_values.channel,
    alert_values.date_day,
    alert_values.value,
    judgements.expected_value,
    judgements.scale_value,
    judgements.z_score,
    judgements.change_rate,
    coalesce(judgements.references_count, 0) as references_count,
    case
        when days.is_holiday then 'holiday'
        when judgements.references_count is null then 'too_few_references'
        when judgements.is_under_minimum then 'under_20_a_day'
        when judgements.z_score is null then 'nothing_to_compare'
        else 'judged'
    end as status,
    coalesce(judgements.is_flagged, false) as is_flagged,
    judgements.reason
from alert_values
inner join days on alert_values.date_day = days.date_day
left join judgements
    on alert_values.series = judgements.series
    and alert_values.source = judgements.source
    and alert_values.channel = judgements.channel
    and alert_values.date_day = judgements.date_day
