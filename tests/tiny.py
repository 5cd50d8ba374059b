"""An experiment so small that tests can run it many times."""

from pydantic import Field

from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec, PublishedScore
from etabli.metrics.score import Score


class Settings(SettingsModel):
    epochs: int = Field(3, ge=1, le=100, description="number of epochs")
    learning_rate: float = Field(0.5, gt=0, description="learning rate")


def run(context: RunContext, settings: Settings) -> None:
    with context.progress("counting", total=settings.epochs) as step:
        for epoch in range(1, settings.epochs + 1):
            context.log("train", epoch=epoch, loss=settings.learning_rate / epoch)
            step(1, loss=settings.learning_rate / epoch)
    context.score("test_accuracy", Score(0.9 + 0.01 * context.seed, {"data": "none", "n": 10}))
    if context.is_first_seed:
        with context.figure("loss", number="5", title="Loss", caption="It falls.") as ax:
            ax.plot(
                [row["epoch"] for row in context.history("train")],
                [row["loss"] for row in context.history("train")],
            )
        context.table("rows", title="Rows", columns=["name", "value"], rows=[["<b>", 1.5]])
        context.note("A note with <script>.")
        context.page("page", "<!doctype html><p>inside</p>", title="A page")
    context.claim("it_falls", "the last loss is lower than the first", last=1.0, first=2.0)


EXPERIMENT = ExperimentSpec(
    name="tp0.tiny",
    headline="test_accuracy",
    title="A tiny experiment",
    measures="nothing",
    source="the tests",
    settings=Settings,
    run=run,
    on_sample={"epochs": 2},
    published=(PublishedScore("test_accuracy", 0.9159, where="here"),),
    claims=(
        Claim(
            "it_falls",
            "the loss falls",
            where="there",
            confirmed_if=(Condition("last", "<", "first"),),
        ),
    ),
    expected_ranges={"test_accuracy": ExpectedRange(0.8, 1.0, seeds=5)},
)
