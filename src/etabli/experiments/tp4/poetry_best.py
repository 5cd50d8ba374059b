"""The SimpleRNN of the report, the same 31,932 weights, trained with cosine decay and an EMA."""

from typing import Literal

from pydantic import Field

from etabli.core.i18n import N_
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp4 import _shared, poetry, published


class Settings(_shared.SimpleRnnSettings):
    """The SimpleRNN with the training configuration that its validation set prefers."""

    learning_rate: float = Field(2e-3, gt=0, le=1, description=N_("learning rate of RMSprop"))
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description=N_("learning-rate schedule: constant or cosine decay to zero")
    )
    ema_decay: float = Field(
        0.995,
        ge=0,
        lt=1,
        description=N_("decay of the moving average of the weights (EMA); 0: none"),
    )
    max_epochs: int = Field(
        24, ge=1, description=N_("largest number of epochs the validation set may choose")
    )


EXPERIMENT = ExperimentSpec(
    name="tp4.poetry-best",
    headline="test_accuracy",
    title=N_("The SimpleRNN of the report with a better training configuration"),
    measures=N_("next-character accuracy"),
    source=N_("practical 4, exercise 1 b"),
    settings=Settings,
    run=poetry.run,
    on_sample={"max_epochs": 10, "units": 64},
    data=("fleurs_du_mal",),
    minutes=1,
    memory_mb=900,
    seeds=5,
    published=(published.TEST_ACCURACY,),
    expected_ranges={
        "test_accuracy": ExpectedRange(
            0.4655,
            0.475,
            seeds=5,
            date="2026-11-25",
            commit="061cae3",
            history=("0.46 to 0.49 until 2026-11-27",),
        ),
    },
)
