{#
  The customers who are left out of every campaign, so that the programme as a whole can be judged: drawn by the
  experiments that keep a holdout and have started. The draw is that of warehouse/experiments/assignment.py.
#}
with run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

experiments as (

    select * from {{ ref('stg_ops__experiments') }}

),

plans as (

    select distinct holdout_salt, holdout_share
    from experiments
    where holdout_share > 0 and start_date <= (select as_of_date from run_dates)

)

select distinct customers.customer_id
from customers
inner join plans
    on {{ hash_share("concat_ws('|', plans.holdout_salt, 'permanent_holdout', customers.customer_id)") }}
    < plans.holdout_share
