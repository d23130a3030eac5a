"""Customers grouped by behaviour; the groups keep their names and numbers from one day to the next."""

from dagster_project.steps.base import Step, StepInputs, StepResult, figures, key_problems, run_record

MODEL_NAME = "customer_clusters"


def learn(inputs: StepInputs) -> StepResult:
    """Group the customers, starting from the centroids of an earlier day, if there are any."""
    from ml.clusters import Centroids, ClusterConfig, cluster_customers, segments_card
    from warehouse.model_store.artifacts import load_champion, save_model, set_champion

    saved = load_champion(inputs.models_dir, MODEL_NAME, inputs.as_of_date)
    previous = Centroids.from_state(saved.model) if saved else None
    features = inputs.rows("select * from intermediate.int_cluster_features")
    result = cluster_customers(features, ClusterConfig(seed=inputs.settings.seed), previous)
    run = result.run
    if result.centroids:
        save_model(inputs.models_dir, MODEL_NAME, run, result.centroids.state(), segments_card(result))
        set_champion(inputs.models_dir, MODEL_NAME, inputs.as_of_date, run["model_run_id"])
    frames = {
        "customer_clusters": result.assignments,
        "cluster_profiles": result.profile,
        "cluster_drifts": result.drift,
    }
    problems = key_problems(result.assignments, ["customer_id"], "clusters")
    shown: dict[str, float | str] = {**figures(result.metrics, str(run["model"]), "chosen"), "status": result.status}
    return StepResult([run_record(run)], frames, result.metrics, problems, shown)


STEP = Step(
    name="customer_clusters",
    tables={
        "customer_clusters": "The behaviour cluster of each customer.",
        "cluster_profiles": "What makes each cluster what it is.",
        "cluster_drifts": "How far each cluster moved from the run before.",
    },
    reads=["intermediate.int_cluster_features", "intermediate.int_run_dates"],
    settings=["seed"],
    packages=["clusters", "churn"],
    learn=learn,
    champion=MODEL_NAME,
)
