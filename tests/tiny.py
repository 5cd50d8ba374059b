"""An experiment so small that the tests of the house can run it many times."""

from pydantic import Field

from etabli.experiments.context import Bench
from etabli.experiments.spec import Claim, Experiment, Published, SettingsModel
from etabli.metrics.score import Score


class Settings(SettingsModel):
    epochs: int = Field(3, ge=1, le=100, description="rounds")
    rate: float = Field(0.5, gt=0, description="step size")


def story(bench: Bench, settings: Settings) -> None:
    with bench.progress("counting", total=settings.epochs) as step:
        for epoch in range(1, settings.epochs + 1):
            bench.log("train", epoch=epoch, loss=settings.rate / epoch)
            step(1, loss=settings.rate / epoch)
    bench.score("test_accuracy", Score(0.9 + 0.01 * bench.seed, {"data": "none", "n": 10}))
    if bench.first:
        with bench.figure("loss", number="5", title="Loss", caption="It falls.") as ax:
            ax.plot(
                [row["epoch"] for row in bench.history("train")],
                [row["loss"] for row in bench.history("train")],
            )
        bench.table("rows", title="Rows", columns=["name", "value"], rows=[["<b>", 1.5]])
        bench.note("A note with <script>.")
        bench.page("page", "<!doctype html><p>inside</p>", title="A page")
    bench.claim("it_falls", "confirmed", "the last loss is lower than the first")


EXPERIMENT = Experiment(
    name="tp0.tiny",
    title="A tiny experiment",
    measures="nothing",
    source="the tests",
    settings=Settings,
    story=story,
    on_sample={"epochs": 2},
    published=(Published("test_accuracy", 0.9159, where="here"),),
    claims=(Claim("it_falls", "the loss falls", where="there"),),
    expects={"test_accuracy": (0.8, 1.0)},
)
