{#
  The ids that contacts join, with the id of their person: the one seen first. Ids are numbered in that order, and each
  holds the lowest number that it knows of its person, at first its own. In a step it asks its neighbours, and the ids whose
  numbers it and they hold, for theirs, so that chains halve (FastSV: Zhang, Azad, Hu 2020). The last step changes nothing.
#}
with recursive contact_links as (

    select * from {{ ref('int_customer_contact_links') }}
    where outcome = 'links'

),

linked_ids as (

    select distinct customer_id, first_seen from contact_links

),

numbered as (

    select customer_id as source_customer_id, row_number() over (order by first_seen, customer_id) as place
    from linked_ids

),

-- every id of a contact is paired with the first of them alone: as many pairs as links
paired as (

    select
        numbered.place,
        min(numbered.place) over (partition by contact_links.contact, contact_links.contact_hash) as first_place
    from contact_links
    inner join numbered on contact_links.customer_id = numbered.source_customer_id

),

pairs as (

    select place as one, first_place as other from paired where place > first_place
    union
    select first_place as one, place as other from paired where place > first_place

),

steps as (

    select place, place as lowest, 0 as step
    from numbered

    union all

    (
        with held as (

            select place, lowest, step from steps

        ),

        known as (

            select held.place, held.lowest, beyond.lowest as next_lowest
            from held
            inner join held as beyond on held.lowest = beyond.place

        ),

        told as (

            select place, next_lowest as lowest from known
            union all
            select pairs.one, known.next_lowest
            from pairs
            inner join known on pairs.other = known.place
            union all
            select asking.lowest, known.next_lowest
            from pairs
            inner join known on pairs.other = known.place
            inner join held as asking on pairs.one = asking.place

        ),

        lowered as (

            select place, min(lowest) as lowest
            from told
            group by place

        ),

        compared as (

            select held.place, lowered.lowest, held.step + 1 as step, lowered.lowest < held.lowest as is_lower
            from held
            inner join lowered on held.place = lowered.place

        )

        select place, lowest, step
        from compared
        where exists (select 1 from compared as others where others.is_lower)
    )

),

stable as (

    select place, lowest
    from steps
    where step = (select max(all_steps.step) from steps as all_steps)

),

rules as (

    select
        customer_id,
        case when min(contact) = max(contact) then min(contact) else min(contact) || ' and ' || max(contact) end as rule
    from contact_links
    group by customer_id

)

select
    numbered.source_customer_id,
    persons.source_customer_id as customer_id,
    rules.rule
from stable
inner join numbered on stable.place = numbered.place
inner join numbered as persons on stable.lowest = persons.place
inner join rules on numbered.source_customer_id = rules.customer_id
