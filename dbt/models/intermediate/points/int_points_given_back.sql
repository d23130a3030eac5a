-- What redemptions that came to nothing gave back to the lots that they had taken it from, where these still held.
with give_backs as (

    select * from {{ ref('int_points_give_backs') }}

),

events as (

    select * from {{ ref('int_points_events') }}
    where kind = 'give_back'

),

steps as (

    select * from {{ ref('int_points_steps') }}

),

given as (

    select
        events.customer_id,
        events.event_date,
        events.use_id,
        {{ all_points('steps.given') }} as points
    from events
    inner join steps
        on events.customer_id = steps.customer_id and events.event_number = steps.event_number

)

select
    give_backs.journal_id,
    give_backs.source_id,
    give_backs.customer_id,
    give_backs.given_on,
    given.points
from give_backs
inner join given
    on give_backs.customer_id = given.customer_id
    and give_backs.given_on = given.event_date
    and coalesce(give_backs.use_id, 'take-back:' || give_backs.source_id) = given.use_id
where given.points > 0
