with results as (

{{ latest_results('recommendations', 'recommendations') }}

)

-- the lists as of the latest day alone: an old list is of no use
select customer_id, list, rank, product_id, score, as_of_date, model_run_id
from results
where as_of_date = (select as_of_date from {{ ref('int_run_dates') }})
