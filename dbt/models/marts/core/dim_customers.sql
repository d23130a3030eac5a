with points_balances as (

    select * from {{ ref('rpt_points_balances') }}

),

next_best_rewards as (

    select * from {{ ref('fct_next_best_rewards') }}

),

run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

records as (

    select * from {{ ref('int_customer_records') }}

),

first_orders as (

    select customer_id, channel as acquisition_channel
    from {{ ref('fct_orders') }}
    where is_first_order

),

rfm as (

    select customer_id, recency_days, r_score, f_score, m_score, activity_status, rfm_segment, value_segment
    from {{ ref('fct_customer_rfm') }}
    where rfm_window = 'lifetime' and as_of_date = (select as_of_date from run_dates)

),

clusters as (

    select customer_id, cluster_name from {{ ref('fct_customer_clusters') }}
    where as_of_date = (select as_of_date from run_dates)

),

churn as (

    select customer_id, churn_probability, churn_band from {{ ref('fct_churn_scores') }}
    where as_of_date = (select as_of_date from run_dates)

),

lifetime_values as (

    select customer_id, clv_12m_amount, status as clv_status from {{ ref('fct_customer_lifetime_value') }}
    where as_of_date = (select as_of_date from run_dates)

),

loyalty_scores as (

    select customer_id, loyalty_score, loyalty_band from {{ ref('fct_loyalty_scores') }}
    where as_of_date = (select as_of_date from run_dates)

),

tiers as (

    select customer_id, tier, expires_on, amount_to_next_tier from {{ ref('fct_customer_tiers') }}
    where is_current

)

select
    customers.customer_id,
    customers.joined_at,
    records.country,
    records.language,
    records.birth_year,
    records.email_consent,
    records.sms_consent,
    records.ads_consent,
    records.attributes,
    customers.first_order_date,
    customers.last_order_date,
    customers.orders_count,
    customers.net_amount_lifetime,
    first_orders.acquisition_channel,
    customers.cohort_month,
    rfm.recency_days,
    rfm.r_score,
    rfm.f_score,
    rfm.m_score,
    rfm.activity_status,
    rfm.rfm_segment,
    rfm.value_segment,
    clusters.cluster_name,
    churn.churn_probability,
    churn.churn_band,
    lifetime_values.clv_12m_amount,
    coalesce(lifetime_values.clv_status, 'no_valid_order') as clv_status,
    loyalty_scores.loyalty_score,
    loyalty_scores.loyalty_band,
    tiers.tier,
    tiers.expires_on as tier_expires_on,
    tiers.amount_to_next_tier,
    points.points_balance,
    points.next_expiry_on as points_expire_on,
    points.next_expiry_points as expiring_points,
    case when rewards.status = 'offered' then rewards.reward_id end as next_best_reward,
    coalesce(rewards.status, 'no_candidate') as next_best_reward_status
from customers
left join records on customers.customer_id = records.customer_id
left join first_orders on customers.customer_id = first_orders.customer_id
left join rfm on customers.customer_id = rfm.customer_id
left join clusters on customers.customer_id = clusters.customer_id
left join churn on customers.customer_id = churn.customer_id
left join lifetime_values on customers.customer_id = lifetime_values.customer_id
left join loyalty_scores on customers.customer_id = loyalty_scores.customer_id
left join tiers on customers.customer_id = tiers.customer_id
left join points_balances as points on customers.customer_id = points.customer_id
left join next_best_rewards as rewards on customers.customer_id = rewards.customer_id
