"""Effects of campaigns."""

from ml.campaigns.arms import ArmResult, analyse_arms
from ml.campaigns.experiments import ExperimentConfig, analyse_experiments
from ml.campaigns.observational import ObservationalConfig, analyse_observational
from ml.campaigns.results import CONTROL, OBSERVATIONAL, OK, RANDOMIZED, TREATMENT
from ml.campaigns.uplift import UpliftConfig, learn_uplift

__all__ = [
    "CONTROL",
    "OBSERVATIONAL",
    "OK",
    "RANDOMIZED",
    "TREATMENT",
    "ArmResult",
    "ExperimentConfig",
    "ObservationalConfig",
    "UpliftConfig",
    "analyse_arms",
    "analyse_experiments",
    "analyse_observational",
    "learn_uplift",
]
