-- One row per redemption or negative adjustment up to as_of_date: what a customer's points were used for.
with spent as (

    select
        'redemption' as source,
        redemption_id as source_id,
        customer_id,
        {{ business_date('redeemed_at') }} as spent_on,
        points
    from {{ accepted(ref('int_reward_redemption_versions')) }} as redemptions
    where points > 0

    union all

    select
        'adjustment' as source,
        adjustment_id as source_id,
        customer_id,
        {{ business_date('adjusted_at') }} as spent_on,
        -points as points
    from {{ accepted(ref('int_point_adjustment_versions')) }} as adjustments
    where points < 0

)

select * from spent
where spent_on <= (select as_of_date from {{ ref('int_run_dates') }})
