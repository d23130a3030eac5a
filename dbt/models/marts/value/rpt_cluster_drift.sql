with results as (

{{ latest_results('cluster_drifts', 'customer_clusters') }}

)

select as_of_date, cluster_id, cluster_name, is_matched, centre_shift, share_rate, previous_share_rate, model_run_id
from results
