with results as (

{{ latest_results('recommendations', 'recommendations', current_only=true) }}

)

-- the lists as of the latest day alone: an old list is of no use
select customer_id, list, rank, product_id, score, as_of_date, model_run_id
from results
