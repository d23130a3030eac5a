with gaps as (

    select * from {{ ref('int_purchase_gaps') }}

),

{{ kaplan_meier_ctes('gaps', ['cohort_month', 'gap_kind']) }}

select
    cohort_month,
    gap_kind,
    day,
    at_risk_count,
    event_count,
    survival_rate
    {%- for side, sign in [('low', '-'), ('high', '+')] %},
    case
        when gap_kind = 'any' or not somebody_waits then null
        when log_survival = 0 then 1e0
        else round(exp(-exp(ln(-log_survival) {{ sign }} 1.959963984540054 * log_survival_error / log_survival)), 12)
    end as survival_{{ side }}
    {%- endfor %}
from survival
