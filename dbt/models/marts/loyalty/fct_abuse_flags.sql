{#
  Each flag is a plain count against a threshold of the settings, in the window that ends with as_of_date. A contact is
  compared by its hash and never shown. Staff are told by their pattern: in the shop nearly every day, or nearly always
  at a deep discount.
#}
with run_dates as (

    select
        as_of_date,
        {{ add_days('as_of_date', 1 - setting('abuse', 'window_days')) }} as window_from
    from {{ ref('int_run_dates') }}

),

redemptions as (

    select redemptions.*
    from {{ ref('int_redemptions') }} as redemptions
    inner join run_dates on redemptions.redemption_date >= run_dates.window_from

),

returned_orders as (

    select
        lots.customer_id,
        count(*) as orders_count,
        count(*) filter (where lots.reversed_points * 2 >= lots.earned_points) as returned_count,
        sum(lots.reversed_points) as reversed_points,
        min(lots.issued_on) as first_date,
        max(lots.issued_on) as last_date
    from {{ ref('int_points_lot_balances') }} as lots
    inner join run_dates on lots.issued_on >= run_dates.window_from
    where lots.source = 'order'
    group by lots.customer_id

),

contact_hashes as (

    select customer_id, 'email' as contact, md5(lower(trim(email))) as contact_hash
    from {{ accepted(ref('int_customer_contact_versions')) }} as contacts
    where trim(email) <> ''

    union all

    select customer_id, 'phone', md5({{ digits_of('phone') }})
    from {{ accepted(ref('int_customer_contact_versions')) }} as contacts
    where {{ digits_of('phone') }} <> ''

),

shared_contacts as (

    select contact, contact_hash, count(distinct customer_id) as customers_count, min(customer_id) as first_customer_id
    from contact_hashes
    group by contact, contact_hash
    having count(distinct customer_id) >= {{ setting('abuse', 'customers_a_contact') }}

),

shopping as (

    select
        days.customer_id,
        cast(sum(days.orders_count) as bigint) as orders_count,
        count(*) as purchase_days_count,
        sum(days.discount_amount) as discount_amount,
        sum(days.gross_amount) as gross_amount,
        min(days.order_date) as first_date,
        max(days.order_date) as last_date
    from {{ ref('int_customer_days') }} as days
    inner join run_dates
        on days.order_date >= run_dates.window_from and days.order_date <= run_dates.as_of_date
    where days.has_valid_order
    group by days.customer_id

),

flags as (

    select
        customer_id,
        'return_after_earning' as flag,
        'orders' as subject,
        first_date,
        last_date,
        returned_count as measured,
        {{ setting('abuse', 'returned_orders') }} as threshold,
        'returned half or more of ' || {{ as_text('returned_count') }} || ' of ' || {{ as_text('orders_count') }}
            || ' orders after earning on them, ' || {{ as_text('reversed_points') }} || ' points taken back' as evidence
    from returned_orders
    where
        returned_count >= {{ setting('abuse', 'returned_orders') }}
        and returned_count >= {{ setting('abuse', 'returned_share') }} * orders_count

    union all

    select
        customer_id,
        'burst_redemptions',
        {{ as_text('redemption_date') }},
        redemption_date,
        redemption_date,
        count(*),
        {{ setting('abuse', 'redemptions_a_day') }},
        {{ as_text('count(*)') }} || ' redemptions on ' || {{ as_text('redemption_date') }}
    from redemptions
    group by customer_id, redemption_date
    having count(*) >= {{ setting('abuse', 'redemptions_a_day') }}

    union all

    select
        customer_id,
        'one_coupon_many_times',
        reward_id,
        min(redemption_date),
        max(redemption_date),
        count(*),
        {{ setting('abuse', 'uses_of_a_coupon') }},
        'used coupon ' || reward_id || ' ' || {{ as_text('count(*)') }} || ' times'
    from redemptions
    -- what was paid for in points may be had again and again
    where reward_id is not null and coalesce(points, 0) = 0
    group by customer_id, reward_id
    having count(*) >= {{ setting('abuse', 'uses_of_a_coupon') }}

    union all

    select
        contact_hashes.customer_id,
        'shared_contact',
        contact_hashes.contact,
        null,
        null,
        shared_contacts.customers_count,
        {{ setting('abuse', 'customers_a_contact') }},
        {{ as_text('shared_contacts.customers_count') }} || ' customers have the same ' || contact_hashes.contact
            || ', the first of them ' || shared_contacts.first_customer_id
    from contact_hashes
    inner join shared_contacts
        on contact_hashes.contact = shared_contacts.contact and contact_hashes.contact_hash = shared_contacts.contact_hash

    union all

    select
        customer_id,
        'staff_like',
        'visits',
        first_date,
        last_date,
        purchase_days_count,
        {{ setting('abuse', 'purchase_days') }},
        'bought on ' || {{ as_text('purchase_days_count') }} || ' of {{ setting("abuse", "window_days") }} days'
    from shopping
    where purchase_days_count >= {{ setting('abuse', 'purchase_days') }}

    union all

    select
        customer_id,
        'staff_like',
        'discounts',
        first_date,
        last_date,
        100 * discount_amount / gross_amount,
        100 * {{ setting('abuse', 'discount_rate') }},
        {{ as_text('cast(round(100 * discount_amount / gross_amount) as bigint)') }} || '% discount over '
            || {{ as_text('orders_count') }} || ' orders'
    from shopping
    where
        orders_count >= {{ setting('abuse', 'discounted_orders') }}
        and gross_amount > 0
        and discount_amount >= {{ setting('abuse', 'discount_rate') }} * gross_amount

)

select
    flags.customer_id,
    flags.flag,
    flags.subject,
    run_dates.as_of_date,
    cast(flags.first_date as date) as first_date,
    cast(flags.last_date as date) as last_date,
    cast(flags.measured as double) as measured_value,
    cast(flags.threshold as double) as threshold_value,
    flags.evidence
from flags
cross join run_dates
