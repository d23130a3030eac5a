{# An arm has to be one that the campaign names; a campaign that names none has treatment and control. #}
with versions as (

{{ union_entity('campaign_members') }}

),

planned_arms as (

    select campaign_id as planned_campaign_id, arm as planned_arm
    from {{ ref('int_planned_arms') }}

),

planned_campaigns as (

    select distinct planned_campaign_id as campaign_with_arms from planned_arms

),

judged as (

    select
        versions.*,
        coalesce(
{{ reject_reason('campaign_members') }},
            case
                when planned_arm is not null then null
                when campaign_with_arms is not null then 'arm is none of the campaign''s arms'
                when arm not in ('treatment', 'control') then 'arm is not treatment or control'
            end
        ) as reject_reason
    from versions
    left join planned_campaigns on campaign_id = campaign_with_arms
    left join planned_arms on campaign_id = planned_campaign_id and arm = planned_arm

),

{{ row_status_ctes('campaign_members', versions='versions') }}

select * from judged_rows
