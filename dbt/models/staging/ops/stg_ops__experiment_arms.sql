-- A plan of several treatments holds them as `letter=0.25,phone=0.25`; who is in none of them is in the control.
with experiments as (

    select * from {{ source('ops', 'experiments') }}
    where arms <> ''

),

treatments as (

    select campaign_id, {{ unnested(text_parts('arms', ',')) }} as treatment
    from experiments

)

select
    campaign_id,
    split_part(treatment, '=', 1) as arm,
    false as is_control,
    cast(split_part(treatment, '=', 2) as double) as planned_share
from treatments
union all
select campaign_id, 'control', true, 1 - treatment_share
from experiments
