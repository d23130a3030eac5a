{# An arm has to be one that the campaign names; a campaign that names none has treatment and control. #}
with versions as (

{{ union_entity('campaign_members') }}

),

planned_arms as (

    select * from {{ ref('int_planned_arms') }}

),

judged as (

    select
        *,
        coalesce(
{{ reject_reason('campaign_members') }},
            case
                when (campaign_id, arm) in (select campaign_id, arm from planned_arms) then null
                when campaign_id in (select campaign_id from planned_arms) then 'arm is none of the campaign''s arms'
                when arm not in ('treatment', 'control') then 'arm is not treatment or control'
            end
        ) as reject_reason
    from versions

),

{{ row_status_ctes('campaign_members', versions='versions') }}

select * from judged_rows
