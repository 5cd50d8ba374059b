"""The course's own net, its 31,932 weights trained more carefully: a falling rate, and the average of
the weights.
"""

from pydantic import Field

from etabli.core.i18n import N_
from etabli.experiments.spec import ExperimentSpec, PublishedScore
from etabli.experiments.tp4 import _shared, poetry, published


class Settings(_shared.CourseSettings):
    """The course's net in a setting that its validation part prefers."""

    learning_rate: float = Field(2e-3, gt=0, le=1, description=N_("rate of RMSprop"))
    decay: bool = Field(True, description=N_("let the rate fall along a cosine to nothing"))
    average: float = Field(
        0.995, ge=0, lt=1, description=N_("decay of a moving average of the weights; 0: none")
    )
    most_epochs: int = Field(
        24, ge=1, description=N_("passes among which the validation part chooses")
    )


EXPERIMENT = ExperimentSpec(
    name="tp4.poetry-best",
    title=N_("The course's recurrent net, trained more carefully"),
    measures=N_("share of next characters that are predicted"),
    source=N_("practical 4, exercise 1 b"),
    settings=Settings,
    run=poetry.run,
    on_sample={"most_epochs": 10, "units": 64},
    data=("fleurs_du_mal",),
    minutes=1,
    memory_mb=900,
    seeds=5,
    published=(
        PublishedScore(
            "test_accuracy",
            published.TEST_ACCURACY,
            N_("accuracy, test"),
            N_("practical 4, figure 17"),
        ),
    ),
    expected_ranges={"test_accuracy": (0.460, 0.490)},
)
