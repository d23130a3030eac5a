-- What redemptions that came to nothing gave back to the lots that they had taken it from, where these still held.
with give_backs as (

    select * from {{ ref('int_points_give_backs') }}

),

steps as (

    select * from {{ ref('int_points_steps') }}

),

given as (

    select customer_id, event_date, use_id, {{ all_points('given') }} as points
    from steps
    where kind = 'give_back'

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
