{#
  What each event does to a customer's lots: points are used oldest first, out of what is available then. What nothing is
  left for is owed, and is paid out of the next points that are released. A return takes the points of its lot that are
  left, and otherwise uses others. Points that are given back go to the lots they came from, if those have not expired,
  the latest first.

  Each iteration handles the next event of every customer. `used` is what was taken of which lot in it, `given` what was
  given back to which, and `reversed_points` what a return took from its own lot.
#}
with recursive events as (

    select * from {{ ref('int_points_events') }}

),

customers as (

    select distinct customer_id from events

),

steps as (

    select
        customer_id,
        cast(0 as bigint) as event_number,
        cast(null as date) as event_date,
        cast(null as {{ dbt.type_string() }}) as kind,
        cast(null as {{ dbt.type_string() }}) as use_id,
        cast(null as bigint) as lot_number,
        {{ no_points() }} as lots,
        {{ no_points() }} as owed,
        {{ no_points() }} as spent,
        {{ no_points() }} as used,
        {{ no_points() }} as given,
        cast(0 as bigint) as reversed_points
    from customers

    union all

    (
        with next_events as (

            select
                events.customer_id,
                events.event_number,
                events.event_date,
                events.kind,
                events.use_id,
                events.order_id,
                events.lot_number,
                events.points,
                events.released,
                {{ chosen_points('steps.lots', 'one.expires_on >= events.event_date') }} as lots,
                {{ chosen_points('steps.spent', 'one.expires_on >= events.event_date') }} as spent,
                steps.owed,
                {{ shares_of_points('steps.owed', 'events.released') }} as paid
            from steps
            inner join events
                on steps.customer_id = events.customer_id and steps.event_number + 1 = events.event_number

        ),

        released as (

            select
                customer_id,
                event_number,
                event_date,
                kind,
                use_id,
                order_id,
                lot_number,
                points,
                paid,
                {{ points_by_lot(joined_points([
                    'lots',
                    chosen_points(changed_points('released', 'paid', ['lot_number'], '-'), 'one.expires_on >= event_date'),
                ])) }} as lots,
                {{ chosen_points(changed_points('owed', 'paid', ['use_id'], '-'), 'one.points > 0') }} as owed,
                {{ joined_points(['spent', chosen_points('paid', 'one.expires_on >= event_date')]) }} as spent
            from next_events

        ),

        -- a redemption that is taken back names its order, or any will do
        matched as (

            select
                *,
                case
                    when {{ all_points(chosen_points(joined_points(['owed', 'spent']), 'one.order_id = order_id')) }} > 0
                        then order_id
                end as taken_order_id
            from released

        ),

        claimed as (

            select
                *,
                case
                    when kind = 'return'
                        then least(points, {{ all_points(chosen_points('lots', 'one.lot_number = lot_number')) }})
                    else 0
                end as reversed_points,
                case
                    when kind = 'give_back' then {{ shares_of_points(
                        one_of_points(points_of_lot('null', 'null', 'null', 'null', 'points')),
                        joined_points([
                            chosen_points('owed', given_back()),
                            reversed_points(chosen_points('spent', given_back())),
                        ])
                    ) }}
                    else {{ no_points() }}
                end as given
            from matched

        ),

        wanted as (

            select
                customer_id,
                event_number,
                event_date,
                kind,
                use_id,
                lot_number,
                paid,
                given,
                reversed_points,
                {{ changed_points(
                    changed_points('lots', 'given', ['lot_number'], '+'),
                    one_of_points(points_of_lot('lot_number', 'null', 'null', 'null', 'reversed_points')),
                    ['lot_number'],
                    '-'
                ) }} as lots,
                {{ chosen_points(changed_points('spent', 'given', ['use_id', 'lot_number'], '-'), 'one.points > 0') }} as spent,
                {{ chosen_points(joined_points([
                    changed_points('owed', 'given', ['use_id', 'lot_number'], '-'),
                    one_of_points(points_of_lot(
                        'null', 'null', 'use_id', 'order_id',
                        "case when kind in ('use', 'return') then points - reversed_points else 0 end"
                    )),
                ]), 'one.points > 0') }} as owed
            from claimed

        ),

        taken as (

            select *, {{ shares_of_points('owed', 'lots') }} as taken
            from wanted

        )

        select
            customer_id,
            event_number,
            event_date,
            kind,
            use_id,
            lot_number,
            {{ changed_points('lots', 'taken', ['lot_number'], '-') }} as lots,
            {{ chosen_points(changed_points('owed', 'taken', ['use_id'], '-'), 'one.points > 0') }} as owed,
            {{ joined_points(['spent', 'taken']) }} as spent,
            {{ joined_points(['paid', 'taken']) }} as used,
            given,
            reversed_points
        from taken
    )

)

select
    customer_id,
    event_number,
    event_date,
    kind,
    use_id,
    lot_number,
    used,
    given,
    reversed_points
from steps
where event_number > 0
