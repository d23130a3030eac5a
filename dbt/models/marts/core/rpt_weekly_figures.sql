{#
  A figure moved where its change from the week before is over a tenth and over twice what its changes usually are. Where
  all sales are of one channel, all channels together stand for it.
#}
{%- set measures = [
    ('net_sales', 'net_amount', 'orders_count'),
    ('orders', 'orders_count', 'orders_count'),
    ('new_customers', 'new_customers_count', 'new_customers_count'),
    ('average_order', rate('ordered_amount', 'orders_count'), 'orders_count'),
    ('discount_rate', rate('discount_amount', 'gross_amount'), 'discounted_orders_count'),
    ('return_rate', rate('returned_amount', 'sold_amount'), 'returned_lines_count'),
] -%}
with sales_weekly as (

    select * from {{ ref('int_sales_weekly') }}

),

figures as (

    {% for series, value, rests_on in measures %}
    select
        week,
        '{{ series }}' as series,
        channel,
        is_all_channels,
        cast({{ value }} as double) as value,
        {{ rests_on }} < 30 as is_small,
        count(*) over (partition by week) = 2 as is_one_channel
    from sales_weekly
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

compared as (

    select
        figures.*,
        week_before.value as week_before_value,
        year_before.value as year_before_value,
        {{ rate('figures.value - week_before.value', 'week_before.value') }} as change_rate,
        {{ rate('figures.value - year_before.value', 'year_before.value') }} as year_change_rate,
        coalesce(figures.is_small or week_before.is_small, true) as rests_on_little
    from figures
    left join figures as week_before
        on figures.series = week_before.series
        and figures.channel = week_before.channel
        and figures.is_all_channels = week_before.is_all_channels
        and week_before.week = {{ add_days('figures.week', -7) }}
    left join figures as year_before
        on figures.series = year_before.series
        and figures.channel = year_before.channel
        and figures.is_all_channels = year_before.is_all_channels
        and year_before.week = {{ add_days('figures.week', -364) }}

),

usual as (

    select
        *,
        {{ moving_median(
            'abs(change_rate)',
            'partition by series, channel, is_all_channels order by week rows between 26 preceding and 1 preceding'
        ) }} as usual_change_rate
    from compared

),

moved as (

    select
        *,
        not rests_on_little and (is_all_channels or not is_one_channel)
        and coalesce(abs(change_rate) > 0.1 and abs(change_rate) > 2 * usual_change_rate, false) as has_moved
    from usual

)

select
    week,
    series,
    channel,
    is_all_channels,
    value,
    week_before_value,
    year_before_value,
    change_rate,
    year_change_rate,
    usual_change_rate,
    is_small,
    has_moved,
    case when has_moved
        then rank() over (
            partition by week, has_moved order by abs(change_rate) / nullif(usual_change_rate, 0) desc nulls first, series, channel
        ) end as movement_rank
from moved
