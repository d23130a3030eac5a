with results as (

{{ latest_results('cluster_profiles', 'customer_clusters') }}

)

select
    as_of_date, cluster_id, cluster_name, feature, mean, median, population_median, customers_count, share_rate,
    model_run_id
from results
