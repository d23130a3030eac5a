with results as (

{{ latest_results('customer_clusters', 'customer_clusters') }}

)

select customer_id, as_of_date, cluster_id, cluster_name, distance, is_outlier, model_run_id
from results
