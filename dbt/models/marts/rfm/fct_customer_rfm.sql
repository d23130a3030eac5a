with windows as (

    select * from {{ ref('int_customer_rfm_windows') }}

),

bounds as (

    select * from {{ ref('int_rfm_score_bounds') }}

),

segments as (

    select * from {{ ref('rfm_segments') }}

),

scored as (

    select
        windows.*,
        bounds.scoring_method,
        {%- for measure, value, setting in rfm_measures() %}
        -- one more for each of the four bounds that the value is above
        case when windows.frequency > 0 then
            1 {%- for number in range(1, 5) %} + case when {{ value }} > {{ measure }}_bound_{{ number }} then 1 else 0 end {%- endfor %}

        end as {{ measure[0] }}_score,
        {%- endfor %}
        -- exact: four decimals and four more, so no rounding decides about a tier before the last step
        {{ money('cast(windows.monetary_amount as decimal(18, 4)) * 0.0001 * cast(windows.frequency * windows.recency_days as decimal(12, 0))') }}
            as rfm_product_score
    from windows
    inner join bounds
        on windows.as_of_date = bounds.as_of_date and windows.rfm_window = bounds.rfm_window

),

combined as (

    select *, {{ whole_division('f_score + m_score + 1', '2') }} as fm_score
    from scored

)

select
    combined.customer_id,
    combined.as_of_date,
    combined.rfm_window,
    combined.recency_days,
    combined.frequency,
    combined.monetary_amount,
    combined.r_score,
    combined.f_score,
    combined.m_score,
    combined.fm_score,
    {{ as_text('100 * combined.r_score + 10 * combined.f_score + combined.m_score') }} as rfm_cell,
    combined.scoring_method,
    case
        when combined.recency_days is null then 'Prospect'
        when combined.frequency = 0 then 'Inactive'
        else segments.rfm_segment
    end as rfm_segment,
    case
        when combined.frequency = 0 then null
        when combined.r_score >= 4 and combined.f_score >= 4 and combined.m_score >= 4 then '重要价值客户'
        when combined.r_score >= 3 and combined.f_score >= 3 then '重要保持客户'
        when combined.r_score >= 3 and combined.m_score >= 3 then '重要发展客户'
        when combined.r_score >= 2 then '重要挽留客户'
        else '一般客户'
    end as value_segment,
    combined.activity_status,
    case when combined.frequency > 0 then combined.rfm_product_score end as rfm_product_score,
    case
        when combined.frequency = 0 then null
        when combined.rfm_product_score > 500 then 'Diamond'
        when combined.rfm_product_score > 200 then 'Gold'
        when combined.rfm_product_score > 100 then 'Silver'
        else 'Bronze'
    end as rfm_product_tier
from combined
left join segments
    on combined.r_score = segments.r_score and combined.fm_score = segments.fm_score
