"""A small company's marts as the report reads them, by plain SQL: the contract's names and types, made-up numbers."""

from duckdb import DuckDBPyConnection

HOSTILE = "</script><script>document.documentElement.dataset.hacked = 1</script><img src=x onerror=alert(1)> & 'Tea'"

# Tables in the order they are made; `{hostile}` is a text from data that tries to be markup.
MARTS = {
    "publication": """
        select '000001-run' as publication_id, 'run' as run_id, 1::bigint as build_id,
            date '2017-12-31' as as_of_date, date '2017-12-31' as data_through, 'sample' as company
    """,
    "fct_publication_changes": """
        select 1::bigint as build_id, '000001-run' as publication_id, '000000-run' as compared_with,
            'fct_orders' as mart, days, '*' as column_name, 800::bigint as rows_before_count,
            900::bigint as rows_count, 101::bigint as added_count, 1::bigint as removed_count,
            2::bigint as changed_count, 104::bigint as differing_count, null::double as difference, restated_rate
        from (values ('published_before', 0.13), ('new', null)) as t (days, restated_rate)
    """,
    "fct_alerts": """
        select series, 'shop' as source, 'web' as channel, date '2017-12-30' as date_day, value,
            expected_value, 1.0::double as scale_value, -5.0::double as z_score,
            value / expected_value - 1 as change_rate, 8::bigint as references_count, 'judged' as status,
            true as is_flagged, 'far_from_expected' as reason
        from (values ('orders', 40.0::double, 100.0::double), ('net_sales', 900, 2000), ('return_rate', 0.2, 0.1))
            as t (series, value, expected_value)
    """,
    "fct_orders": """
        select 'o-' || i as order_id, 'c-' || i % 60 as customer_id, i // 60 + 1 as order_number,
            date '2017-01-01' + (i * 361 // 900)::int as order_date, (10 + i % 23)::decimal(18, 4) as net_amount,
            'completed' as order_status, true as is_valid
        from range(900) as t (i)
        where not (i % 60 > 40 and i > 400)
    """,
    "fct_order_lines": """
        select order_id || '-1' as order_line_id, order_id, customer_id, 'p-' || order_number % 4 as product_id,
            order_date, net_amount, false as is_return, true as is_valid
        from marts.fct_orders
        union all
        select 'guest', 'guest', null, 'p-9', date '2017-06-06', 50::decimal(18, 4), false, true
        union all
        select 'return', 'return', 'c-1', 'p-1', date '2017-07-07', -10::decimal(18, 4), true, true
        union all
        select 'cancelled', 'cancelled', 'c-1', 'p-1', date '2017-07-07', 999::decimal(18, 4), false, false
    """,
    "fct_customer_months": """
        select customer_id, date_trunc('month', order_date)::date as month,
            count(distinct orders.order_id) as orders_count, sum(lines.net_amount)::decimal(18, 4) as net_amount
        from marts.fct_order_lines as lines
        left join (select order_id from marts.fct_orders) as orders using (order_id)
        where is_valid and customer_id is not null group by all
    """,
    "dim_products": """
        select 'p-' || i as product_id, case when i = 1 then {hostile} else 'Product ' || i end as product_name,
            'Drinks' as category
        from range(4) as t (i)
    """,
    "fct_customer_rfm": """
        with known as (
            select customer_id, count(*) as frequency, sum(net_amount)::decimal(18, 4) as monetary_amount,
                (date '2017-12-31' - max(order_date))::int as recency_days
            from marts.fct_orders group by customer_id
        ),

        scored as (
            select *, (5 - least(4, recency_days // 12))::int as r_score, (1 + frequency % 5)::int as f_score,
                (1 + frequency % 5)::int as m_score
            from known
        )

        select scored.*, as_of_date, rfm_window, f_score as fm_score,
            case r_score when 5 then 'Champions' when 1 then 'Lost' else 'Potential Loyalist' end as rfm_segment,
            case when recency_days < 30 then 'active' when recency_days < 60 then 'at_risk' else 'lapsed' end
                as activity_status
        from scored cross join (values ('lifetime'), ('365d')) as windows (rfm_window)
        cross join (values (date '2017-11-30'), (date '2017-12-31')) as days (as_of_date)
    """,
    "dim_customers": """
        select customer_id, case when i < 20 then 'Gold' else {hostile} end as tier,
            case when i % 7 = 3 then null else rfm_segment end as rfm_segment,
            (['low', 'medium', 'high', 'critical'])[i // 15 + 1] as churn_band,
            case i % 2 when 0 then 'Rare' else {hostile} end as cluster_name,
            case i % 3 when 0 then 'web' when 1 then {hostile} end as acquisition_channel,
            (i / 60)::double as churn_probability, i::decimal(18, 4) as clv_12m_amount
        from (
            select customer_id, rfm_segment, replace(customer_id, 'c-', '')::int as i from marts.fct_customer_rfm
            where rfm_window = 'lifetime' and as_of_date = date '2017-12-31'
        )
    """,
    "rpt_product_sales": """
        select
            coalesce(product_name, product_id) as product_name, coalesce(category, '') as category,
            row_number() over (order by sum(net_amount) desc) as sales_rank,
            sum(net_amount)::decimal(18, 4) as net_amount_365d,
            (sum(net_amount) / sum(sum(net_amount)) over ())::double as net_share_rate
        from marts.fct_order_lines left join marts.dim_products using (product_id) where is_valid group by all
    """,
    "rpt_rfm_cells": """
        select as_of_date, rfm_window, r_score, fm_score, min(rfm_segment) as rfm_segment,
            count(*) as customers_count, sum(monetary_amount)::decimal(18, 4) as net_amount,
            0.1::double as net_share_rate
        from marts.fct_customer_rfm group by all
    """,
    "rpt_sales_monthly": """
        with months as (
            select date_trunc('month', order_date)::date as month, sum(net_amount)::decimal(18, 4) as net_amount,
                count(*) as orders_count
            from marts.fct_order_lines where is_valid group by all
        )

        select *, 0.98::double as identified_rate, true as is_complete,
            (net_amount / lag(net_amount) over (order by month) - 1)::double as net_change_rate
        from months
    """,
    "rpt_sales_mix_monthly": """
        select (date '2017-01-01' + to_months(i::int))::date as month, channel, channel = 'all' as is_all_channels,
            40::bigint as orders_count, 10::bigint as new_customers_count, 25::bigint as returning_customers_count,
            100::decimal(18, 4) as net_amount, 30::decimal(18, 4) as new_net_amount,
            65::decimal(18, 4) as returning_net_amount, 10::decimal(18, 4) as guest_net_amount,
            -5::decimal(18, 4) as unlinked_net_amount, 25::decimal(18, 4) as discount_amount,
            0.3::double as new_net_share_rate, 0.65::double as returning_net_share_rate, 0.2::double as discount_rate,
            true as is_complete, channel = 'web' as is_small, i < 2 as is_left_truncated
        from range(12) as t (i) cross join (values ('all'), ('web'), ({hostile})) as channels (channel)
    """,
    "rpt_discount_dependence": """
        select group_kind, group_value, group_rank, 60::bigint as customers_count, 0.5::double as customers_share_rate,
            1000::decimal(18, 4) as net_amount, 0.25::double as net_share_rate, 300::decimal(18, 4) as margin_amount,
            0.125::double as discount_rate, 0.4::double as full_price_rate_90d,
            case when group_value <> 'only' then 0.6::double end as full_price_rate_180d,
            group_value = 'never' as is_small, 'ok' as status
        from (values
            ('all', 'all', 1), ('discount_class', 'never', 2), ('discount_class', 'only', 5),
            ('first_order', 'full_price', 8)
        ) as t (group_kind, group_value, group_rank)
    """,
    "rpt_acquisition_monthly": """
        select date '2017-10-01' as month, channel, channel = 'all' as is_all_channels,
            1200::decimal(18, 4) as spend_amount,
            case when channel = 'all' then 1500::decimal(18, 4) end as fully_loaded_amount,
            40::bigint as new_customers_count, 0.25::double as unknown_channel_rate, 30::decimal(18, 2) as cac_amount,
            case when channel = 'all' then 37.5::decimal(18, 2) end as fully_loaded_cac_amount,
            1.25::double as ltv_to_cac_90d, null::double as ltv_to_cac_180d, true as is_complete, false as is_small,
            false as is_left_truncated, 'ok' as status
        from (values ('all'), ({hostile})) as t (channel)
    """,
    "rpt_payback": """
        select month as cohort_month, channel, is_all_channels, new_customers_count as cohort_size, spend_amount,
            cac_amount, 90::bigint as looked_at_age_days, 37.5::decimal(18, 2) as cumulative_margin_amount_per_customer,
            60::bigint as payback_days, is_small, is_left_truncated, 'paid_back' as status
        from marts.rpt_acquisition_monthly
    """,
    "rpt_cohort_drivers": """
        select attribute, attribute_value, age_days, metric, 60::bigint as customers_count, 0.45::double as value,
            0.3::double as others_value, 0.15::double as difference, 0.05::double as difference_low,
            0.25::double as difference_high, case when attribute_value = 'P1' then 0.001 else 0.01 end as p_value,
            case when attribute_value = 'P1' then 0.02 else 0.2 end as holm_p_value,
            attribute_value = 'P1' as is_different,
            case when attribute_value = 'tiny' then 'too_few_customers' else 'ok' end as status
        from (values ('first_product', 'P1'), ('first_product', {hostile}), ('channel', 'tiny'))
            as t (attribute, attribute_value)
        cross join (values (90), (180)) as ages (age_days)
        cross join (values ('repurchase_rate'), ('cumulative_margin_amount_per_customer')) as metrics (metric)
    """,
    "rpt_replenishment": """
        select group_kind, group_value, 70::bigint as customers_count, 170::bigint as waits_count,
            ended_waits_count::bigint as ended_waits_count, 14 as first_quartile_wait_days,
            median_wait_days::integer as median_wait_days, null::integer as third_quartile_wait_days,
            ended_waits_count < 30 as is_small
        from (values
            ('product', 'p-2', 100, 30), ('product', 'p-1', 90, 28), ('product', 'p-3', 80, null),
            ('product', 'tiny', 29, 1), ('category', {hostile}, 100, 1)
        ) as t (group_kind, group_value, ended_waits_count, median_wait_days)
    """,
    "rpt_basket_pairs": """
        select group_kind, first_value, second_value, 800::bigint as orders_count, 200::bigint as first_orders_count,
            50::bigint as second_orders_count, joint::bigint as joint_orders_count,
            (joint / 200)::double as first_to_second_rate, (joint / 50)::double as second_to_first_rate,
            (joint * 800 / 200 / 50)::double as lift,
            1225::bigint as comparisons_count, joint > 30 as is_above_chance
        from (values
            ('product', 'p-2', 'p-1', 40), ('product', 'p-2', 'p-3', 25), ('product', 'p-1', 'p-3', 12),
            ('category', 'Drinks', 'Food', 50)
        ) as t (group_kind, first_value, second_value, joint)
    """,
    "rpt_next_products": """
        select group_kind, number as from_order_number, from_value, to_value, 60::bigint as from_orders_count,
            60::bigint as customers_count, reached::bigint as reached_orders_count,
            (reached / 60)::double as reached_rate,
            (reached / 60 - 0.05)::double as reached_low, (reached / 60 + 0.1)::double as reached_high,
            0.2::double as all_reached_rate, case when to_value <> 'no_next_order' then 25.5 end::double as median_days,
            from_value = 'tiny' as is_small
        from (values
            ('product', '1', 'p-1', 'p-2', 30), ('product', '1', 'p-1', 'p-3', 15),
            ('product', '1', 'p-1', 'other', 20), ('product', '1', 'p-1', 'no_next_order', 20),
            ('product', '2', 'p-2', 'p-3', 50),
            ('category', '1', 'Drinks', 'Drinks', 30), ('category', '1', 'Drinks', {hostile}, 6),
            ('category', '1', 'Drinks', 'no_next_order', 24), ('category', '1', {hostile}, 'Drinks', 12),
            ('category', '1', 'tiny', 'Drinks', 60)
        ) as t (group_kind, number, from_value, to_value, reached)
    """,
    "fct_cohort_attributes": """
        select attribute, attribute_value, cohort_month, age_days, 60::bigint as cohort_size,
            (age_days / 400)::double as repurchase_rate, attribute_value = 'small' as is_small, 'ok' as status
        from (values
            ('first_order_size', '1'), ('channel', 'web'), ('channel', {hostile}), ('channel', 'small'),
            ('channel', 'unknown')
        ) as t (attribute, attribute_value)
        cross join (values (30), (60)) as ages (age_days)
        cross join (values ('all'), ('2017-01-01')) as months (cohort_month)
    """,
    "rpt_unexplained_amounts_monthly": """
        select 'web' as source, date '2017-01-01' + to_months(i::int) as month, 'EUR' as currency,
            10::bigint as orders_count, i::bigint as unexplained_orders_count,
            1000::decimal(18, 4) as total_amount_delivered,
            (-4 * i)::decimal(18, 4) as unexplained_amount_delivered,
            (4 * i)::decimal(18, 4) as unexplained_absolute_amount_delivered, (0.004 * i)::double as unexplained_rate,
            i > 1 as is_above_warning_rate
        from range(4) as t (i)
    """,
    "rpt_key_figures": """
        select date '2017-12-31' as as_of_date, sum(net_amount)::decimal(18, 4) as net_amount,
            0.98::double as identified_rate, sum(net_amount)::decimal(18, 4) as net_amount_365d,
            null::double as net_change_rate_365d, 800::bigint as orders_count_365d,
            20.5::decimal(18, 2) as average_order_amount_365d, 60::bigint as buyers_count, 40::bigint as active_count,
            (2 / 3)::double as active_share_rate, 0.25::double as at_risk_share_rate,
            (1 / 12)::double as lapsed_share_rate, 0.4::double as best_fifth_net_share_rate
        from marts.fct_order_lines where is_valid
    """,
    "rpt_rfm_segments": """
        select as_of_date, rfm_window, rfm_segment, count(*) as customers_count,
            (count(*) / 60)::double as share_rate, sum(monetary_amount)::decimal(18, 4) as net_amount,
            (sum(monetary_amount) / 20000)::double as net_share_rate,
            (sum(monetary_amount) / sum(frequency))::decimal(18, 2) as average_order_amount,
            avg(recency_days)::decimal(18, 2) as average_recency_days,
            avg(frequency)::decimal(18, 2) as average_frequency
        from marts.fct_customer_rfm group by all
    """,
    "rpt_customer_growth_monthly": """
        select date '2017-01-01' + to_months(i::int) as month, 40::bigint + i as active_start_count,
            5::bigint as new_count, 1::bigint as reactivated_count, 5::bigint as lost_count,
            41::bigint + i as active_end_count, 1 - 5 / (40 + i) as retention_rate, i < 2 as is_left_truncated
        from range(12) as t (i)
    """,
    "fct_cohort_retention": """
        select (date '2017-01-01' + to_months(cohort::int))::date as cohort_month, 'month' as period_unit,
            period::int as period, 40::bigint as cohort_size,
            case when cohort + period < 5 then (0.9 / (1 + period))::double end as retention_rate,
            (20 * (1 + period) + cohort)::decimal(18, 2) as cumulative_net_amount_per_customer,
            cohort + period < 5 as is_complete, cohort < 2 as is_left_truncated, cohort = 4 as is_small
        from range(6) as a (cohort) cross join range(6) as b (period) where cohort + period < 6
        union all
        select (date '2017-01-01' + to_months(cohort::int))::date, 'age_30d', period::int, 40, (0.8 / (1 + period)),
            (20 * (1 + period) + cohort), cohort + period < 5, cohort < 2, cohort = 4
        from range(6) as a (cohort) cross join range(6) as b (period) where cohort + period < 6
    """,
    "rpt_repurchase": """
        select 'all' as cohort_month, horizon_days, 60::bigint as mature_customers_count,
            case when horizon_days < 365 then horizon_days / 365 end as repurchase_rate,
            case when horizon_days < 365 then 'ok' else 'no_customer_old_enough' end as status
        from (values (30), (90), (365)) as t (horizon_days)
    """,
    "fct_purchase_survival": """
        select 'all' as cohort_month, 'second' as gap_kind, (10 * i)::int as day,
            (1 / (1 + i))::double as survival_rate, (0.9 / (1 + i))::double as survival_low,
            least(1, 1.1 / (1 + i))::double as survival_high
        from range(8) as t (i)
    """,
    "rpt_cluster_customers": """
        select date '2017-12-31' as as_of_date, i as cluster_id,
            case i when 1 then 'Rare' else {hostile} end as cluster_name,
            30::bigint as customers_count, 0.5::double as share_rate, 4.5::decimal(18, 2) as average_orders_365d,
            (500 * i)::decimal(18, 4) as net_amount_365d, (i / 3)::double as net_share_rate,
            12::double as median_recency_days
        from range(1, 3) as t (i)
    """,
    "fct_churn_scores": """
        select 'c-' || i as customer_id, date '2017-12-31' as as_of_date, (i / 60)::double as churn_probability,
            (['low', 'medium', 'high', 'critical'])[i // 15 + 1] as churn_band, {hostile} as reason_1,
            'fewer orders' as reason_2, 'm' as model_run_id
        from range(60) as t (i)
    """,
    "rpt_churn_bands": """
        select date '2017-12-31' as as_of_date, churn_band, churn_band in ('high', 'critical') as is_high_risk,
            15::bigint as customers_count, 0.25::double as share_rate, 300::decimal(18, 4) as net_amount_365d,
            0.25::double as net_share_rate
        from (values ('low'), ('medium'), ('high'), ('critical')) as t (churn_band)
    """,
    "fct_customer_lifetime_value": """
        select 'c-' || i as customer_id, date '2017-12-31' as as_of_date,
            'dropout_not_identified; not_backtestable' as status,
            'v' as model_run_id
        from range(60) as t (i)
    """,
    "fct_model_runs": """
        select * from (values ('m', 'logistic_regression'), ('v', 'mbg_nbd'), ('k', 'kmeans'))
        as t (model_run_id, model)
    """,
    "fct_model_metrics": """
        select 'm' as model_run_id, 'logistic_regression' as model, 'auc' as metric, 'mean;population=active' as slice,
            0.86::double as value, 0.72::double as baseline
    """,
    "rpt_churn_curves": """
        select date '2017-12-31' as as_of_date, model, curve, (i / 20)::double as x,
            (case when curve = 'captured' and model <> 'recency_alone' then sqrt(i / 20) else i / 20 end)::double as y,
            20::bigint as customers_count, 'm' as model_run_id
        from range(21) as a (i) cross join (values ('logistic_regression'), ('recency_alone')) as b (model)
        cross join (values ('calibration'), ('captured')) as c (curve)
    """,
    "rpt_lifetime_value_deciles": """
        select date '2017-12-31' as as_of_date, horizon_months, decile, 6::bigint as customers_count,
            (horizon_months * (11 - decile))::decimal(18, 4) as clv_amount,
            (horizon_months * (11 - decile) / 6)::decimal(18, 2) as average_clv_amount,
            ((11 - decile) / 55)::double as clv_share_rate
        from range(1, 11) as a (decile) cross join (values (3), (12), (24)) as b (horizon_months)
    """,
    "rpt_lifetime_value_backtest": """
        select date '2017-12-31' as as_of_date, model, decile, 12::bigint as customers_count,
            (10 * (11 - decile))::decimal(18, 2) as average_expected_amount,
            (9 * (11 - decile))::decimal(18, 2) as average_actual_amount
        from range(1, 11) as a (decile) cross join (values ('mbg_nbd'), ('naive_rate')) as b (model)
    """,
    "rpt_lifetime_value_parameters": """
        select date '2017-12-31' as as_of_date, model, parameter, value::double as value,
            standard_error::double as standard_error, -76424.0::double as log_likelihood, is_champion
        from (values
            ('mbg_cnbd_k', 'k', 2, null, true), ('mbg_cnbd_k', 'r', 1.436, 0.0398, true),
            ('bg_nbd', 'k', 1, null, false), ('gamma_gamma', 'v', 1236.7, 34.99, true)
        ) as t (model, parameter, value, standard_error, is_champion)
    """,
    "fct_customer_tiers": """
        select 'c-' || i as customer_id, case when i < 20 then 'Gold' else {hostile} end as tier,
            (100 * (i // 20))::decimal(18, 4) as metric_amount, true as is_current
        from range(60) as t (i)
    """,
    "rpt_tier_customers": """
        select tier, case when tier = 'Gold' then 1 else 2 end as tier_rank, count(*) as customers_count,
            (count(*) / 60)::double as share_rate, (10 * count(*))::decimal(18, 4) as net_amount_365d,
            (count(*) / 60)::double as net_share_rate, true as is_programme_own
        from marts.fct_customer_tiers group by tier
    """,
    "rpt_points_liability": """
        select (date '2017-01-01' + to_months(i::int))::date as month, (10 * i)::decimal(18, 4) as liability_amount,
            100::bigint as issued_points, 40::bigint as redeemed_points, i::bigint as expired_points,
            0::bigint as reversed_points
        from range(12) as t (i)
    """,
    "fct_next_best_rewards": """
        select 'c-' || i as customer_id, date '2018-01-01' as plan_month, 'voucher' as reward_id,
            case when i % 2 = 0 then {hostile} else 'Voucher' end as reward_name,
            case when i % 2 = 0 then 3 else 0.5 end::decimal(18, 4) as expected_incremental_margin_amount,
            1::decimal(18, 4) as cost_amount, case when i % 2 = 0 then 'average_effect' else 'assumed' end as basis,
            case when i % 2 = 0 then 'offered' else 'not_worthwhile' end as status
        from range(20) as t (i)
    """,
    "dim_campaigns": """
        select * from (values
            ('a', {hostile}, date '2017-03-01', date '2017-03-31'),
            ('b', 'Spring', date '2017-04-01', date '2017-04-30'),
            ('c', 'Summer', date '2017-06-01', date '2017-06-30'), ('d', 'Autumn', date '2017-09-01', date '2017-09-30')
        ) as t (campaign_id, campaign_name, start_date, end_date)
    """,
    "fct_campaign_results": """
        select campaign_id, 'margin_amount' as metric, 30::bigint as treated_count, 100::decimal(18, 4) as cost_amount,
            400::decimal(18, 4) as attributed_amount, 0.5::double as roi_attributed,
            roi_incremental::double as roi_incremental, roi_low::double as roi_low, roi_high::double as roi_high,
            campaign_outcome, outcome_reason, true as is_cost_assumed
        from (values
            ('a', 1.0, 0.2, 1.8, 'earned_money', 'interval_above_zero'),
            ('b', -1.0, -1.8, -0.2, 'lost_money', 'interval_below_zero'),
            ('c', 0.1, -0.5, 0.7, 'cannot_be_estimated', 'interval_holds_zero'),
            ('d', null, null, null, 'cannot_be_estimated', 'placebo_28')
        ) as t (campaign_id, roi_incremental, roi_low, roi_high, campaign_outcome, outcome_reason)
    """,
    "fct_campaign_arms": """
        select campaign_id, arm, as_of_date, arm = 'nothing' as is_control, 1000::bigint as members_count,
            conversion_rate::double as conversion_rate, 4::double as net_amount_per_member,
            2::double as margin_amount_per_member, effect::double as effect_per_member, low::double as effect_low,
            high::double as effect_high, sequential_low::double as sequential_low,
            sequential_high::double as sequential_high, is_different, status
        from (values
            ('a', 'letter', 0.06, 1.5, 1.0, 2.0, 0.75, 2.25, true, 'ok'),
            ('a', 'nothing', 0.04, null, null, null, null, null, false, 'control'),
            ('a', {hostile}, 0.05, 0.25, -0.25, 0.75, -0.5, 1.0, false, 'provisional'),
            ('c', 'phone', 0.05, 0.5, null, null, -3.0, 4.0, false, 'window_open'),
            ('c', 'fax', 0.05, null, null, null, null, null, false, 'too_few_customers'),
            ('c', 'nothing', 0.04, null, null, null, null, null, false, 'control'),
            ('b', 'treatment', 0.05, 9.0, 8.0, 10.0, 7.0, 11.0, true, 'ok'),
            ('b', 'nothing', 0.04, null, null, null, null, null, false, 'control')
        ) as t (campaign_id, arm, conversion_rate, effect, low, high, sequential_low, sequential_high, is_different,
            status)
        cross join (values (date '2017-11-30'), (date '2017-12-31')) as days (as_of_date)
    """,
    "fct_forecasts": """
        select date '2017-12-31' as as_of_date, series, tier, (date '2018-01-01' + to_months(i::int))::date as month,
            (i + 1)::integer as months_ahead, status, 8::bigint as origins_count,
            0.5::double as mean_absolute_scaled_error, 1::double as naive_scaled_error,
            0.8125::double as coverage_80_rate, 0.9375::double as coverage_95_rate,
            case when status = 'ok' then value::decimal(18, 4) end as expected_value,
            case when status = 'ok' then (value * 0.9)::decimal(18, 4) end as low_80_value,
            case when status = 'ok' then (value * 1.1)::decimal(18, 4) end as high_80_value,
            case when status = 'ok' then (value * 0.8)::decimal(18, 4) end as low_95_value,
            case when status = 'ok' then (value * 1.25)::decimal(18, 4) end as high_95_value
        from (values
            ('net_sales', 'all', 1000, 'ok'), ('orders', 'all', null, 'worse_than_naive'),
            ('new_customers', 'all', null, 'insufficient_history'), ('tier_customers', {hostile}, 40, 'ok')
        ) as t (series, tier, value, status)
        cross join range(6) as months (i)
    """,
    "rpt_forecast_hits": """
        select 'net_sales' as series, 'all' as tier, (date '2017-09-01' + to_months(i::int))::date as month,
            3 as months_ahead, 950::decimal(18, 4) as expected_value, 900::decimal(18, 4) as low_80_value,
            1000::decimal(18, 4) as high_80_value, 850::decimal(18, 4) as low_95_value,
            1100::decimal(18, 4) as high_95_value, i < 3 as is_in_95, true as is_judged
        from range(4) as t (i)
    """,
    "fct_rfm_migrations": """
        select month, 'lifetime' as rfm_window, from_segment, to_segment, customers_count
        from (values
            (date '2017-11-01', 'Champions', 'Champions', 99::bigint),
            (date '2017-12-01', 'Champions', 'Champions', 20),
            (date '2017-12-01', 'Champions', {hostile}, 4), (date '2017-12-01', 'Lost', 'Champions', 6)
        ) as t (month, from_segment, to_segment, customers_count)
    """,
    "rpt_tier_movements": """
        select (date '2017-01-01' + to_months(i::int))::date as month, tier, 5::bigint as enrolled_count,
            i::bigint as upgraded_count, 2::bigint as downgraded_count, 0::bigint as reversed_count
        from range(12) as t (i) cross join (values ('Gold'), ({hostile})) as tiers (tier)
    """,
    "rpt_programme_roi_monthly": """
        select (date '2017-01-01' + to_months(i::int))::date as month, 20::decimal(18, 4) as contact_cost_amount,
            0::decimal(18, 4) as fixed_cost_amount, i::decimal(18, 4) as reward_cost_amount,
            0::decimal(18, 4) as platform_cost_amount, (10 - i)::decimal(18, 4) as points_cost_amount
        from range(12) as t (i)
    """,
    "fct_rejected_rows": """
        select 'shop' as source, 'order_lines' as entity,
            case when i < 2 then 'amount is not a number' else {hostile} end as reason
        from range(3) as t (i)
    """,
    "fct_ingest_reconciliation": """
        select 'shop' as source, 7::bigint as batch_id, 'order_lines' as entity, 905::bigint as rows_read,
            900::bigint as rows_accepted,
            3::bigint as rows_rejected, 2::bigint as rows_superseded, 0::bigint as difference
    """,
}


def fill(connection: DuckDBPyConnection) -> None:
    """Make every mart, with hostile texts in it."""
    connection.execute("create schema marts")
    text = "'" + HOSTILE.replace("'", "''") + "'"
    for name, query in MARTS.items():
        connection.execute(f"create table marts.{name} as {query.format(hostile=text)}")


def empty(connection: DuckDBPyConnection) -> None:
    """Leave every mart without a row, as in a company that has brought nothing yet."""
    for name in MARTS:
        connection.execute(f"delete from marts.{name}")
