"""Fine-tuning of a pretrained backbone on your own images, as in tp3.finetune."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadSetting
from etabli.core.hashing import compute_digest
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.formats import image_source
from etabli.features import finetune_data
from etabli.features.finetune_data import FinetuneData
from etabli.features.weights import choose_backbone, describe_choice, find_weights
from etabli.models.vision import backbones, linear_head
from etabli.models.vision import finetune as tuning
from etabli.models.vision.backbones import Backbone
from etabli.models.vision.openvino_backbone import OpenVinoBackbone
from etabli.pipelines import _splits
from etabli.pipelines._classifier import (
    ClassifierResult,
    Evaluation,
    make_card,
    name_training,
    score,
    store_training_images,
    write_report,
)
from etabli.pipelines._output import (
    STATE,
    is_interrupted,
    keep_state,
    open_output,
    refuse_finished_model,
    start_from_state,
)
from etabli.pipelines._settings import change_settings, require_more_epochs, require_trainable
from etabli.pipelines._splits import Parts
from etabli.saved_models import classifier
from etabli.saved_models.card import CARD
from etabli.training.checkpoint import Checkpoint, checkpoint_path

HEAD_L2 = 0.1
TRAINING = "training.json"  # in the model's folder: settings and data, for --resume


def finetune(
    images: Path | str,
    out: Path | str | None = None,
    *,
    task: str = "auto",
    balance: bool = False,
    backbone: str | None = None,
    weights: Path | str | None = "imagenet",
    stage: str = "auto",
    epochs: int = 8,
    learning_rate: float = 5e-4,
    crops: int = 1,
    image_size: int | None = None,
    batch_size: int = 64,
    precision: str = "f32",
    validation_fraction: float | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    **source_options: Any,
) -> ClassifierResult:
    """Fine-tune a backbone on labeled images and save the classifier of the best epoch.

    Validation images choose the epoch and the thresholds, test images give the scores. An
    interrupted run resumes after its last epoch.

    Args:
        images: Labeled images as ``image_source.read`` takes them.
        out: The folder of the model; by default one named after the images.
        task: "single" (softmax), "multi" (sigmoids), or "auto" for what the labels are.
        balance: Whether all classes count alike, however many images each has.
        backbone: A name in ``backbones.BACKBONES``; None is the best whose weights are here.
        weights: "imagenet", "none" (random) or a weights file.
        stage: The last frozen stage; "input" trains the whole net, "auto" is the backbone's.
        epochs: At most so many epochs.
        learning_rate: Adam's learning rate at the top layer.
        crops: Random crops of every training image.
        image_size: Pixels per side of the input; None is the backbone's.
        batch_size: Images per batch.
        precision: "f32", or "bf16" for mixed precision.
        validation_fraction: Share of the images that do not train, where the source has no splits:
            half of it chooses, half tests. None is a fifth.
        seed: Seed of the split and of every random number.
        resume: Train the finished model in ``out`` further, until it has ``epochs`` epochs, with
            its settings; only the epochs and the learning rate may be others.
        overwrite: Replace a model in ``out``.
        reporter: Shows the progress.
        source_options: Further arguments of ``image_source.read``, such as splits.

    Raises:
        DataMissing: There are no images, none that can be read, or none to test on.
        BadSetting: ``out`` holds a model, or with ``resume`` none that these images and settings
            train further.
        UnknownName: The backbone has no such stage.
    """
    reporter = reporter or Silent()
    out = Path(out) if out is not None else name_training(images, resume=resume)
    if is_interrupted(out):
        text = _("{folder} holds an interrupted training: it resumes, with the same settings.")
        reporter.print_line(text.format(folder=out))
    given = FinetuneSettings(
        task=task,
        balance=balance,
        backbone=backbone,
        weights=None if weights is None else str(weights),
        stage=stage,
        epochs=epochs,
        learning_rate=learning_rate,
        crops=crops,
        image_size=image_size,
        batch_size=batch_size,
        precision=precision,
        validation_fraction=validation_fraction,
        seed=seed,
    )
    former = _read_former(out) if resume else None
    chosen = _continue(given, former, reporter) if former else given
    refuse_finished_model(out, overwrite or resume, _can_train_further(out))
    return _finetune(images, out, chosen, former, overwrite, reporter, source_options)


@dataclass(frozen=True)
class FinetuneSettings:
    """The settings of a fine-tuning, as ``finetune`` takes them."""

    task: str = "auto"
    balance: bool = False
    backbone: str | None = None
    weights: str | None = "imagenet"
    stage: str = "auto"
    epochs: int = 8
    learning_rate: float = 5e-4
    crops: int = 1
    image_size: int | None = None
    batch_size: int = 64
    precision: str = "f32"
    validation_fraction: float | None = None
    seed: int = 0


_MAY_CHANGE = ("epochs", "learning_rate")  # with resume


def _read_former(out: Path) -> dict[str, Any]:
    """Return what is known of the training that is continued."""
    classifier.load_card(out)
    require_trainable(out, _can_train_further(out))
    return _read_training(out)


def _read_training(out: Path) -> dict[str, Any]:
    found = parse_json((out / TRAINING).read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


def _can_train_further(out: Path) -> bool:
    """Return whether a folder has the state of the training of the model that is in it."""
    try:
        is_its_own = _read_training(out).get("card") == _digest_card(out)
        return is_its_own and (out / STATE).is_file()
    except (OSError, ValueError):
        return False


def _digest_card(out: Path) -> str:
    return hashlib.sha256((out / CARD).read_bytes()).hexdigest()


def _continue(
    given: FinetuneSettings, former: dict[str, Any], reporter: Reporter
) -> FinetuneSettings:
    """Return the settings of the former training with the changes that are allowed."""
    changes = {
        name: value
        for name, value in asdict(given).items()
        if value != getattr(FinetuneSettings(), name) or name == "epochs"
    }
    kept = former["settings"]
    settings = change_settings(FinetuneSettings, changes, kept, _MAY_CHANGE)
    listed = ", ".join(f"{name}={value}" for name, value in kept.items() if name != "epochs")
    reporter.print_line(_("Settings of the model: {settings}.").format(settings=listed))
    return settings


def _finetune(
    images: Path | str,
    out: Path,
    chosen: FinetuneSettings,
    former: dict[str, Any] | None,
    overwrite: bool,
    reporter: Reporter,
    source_options: dict[str, Any],
) -> ClassifierResult:
    task, crops, seed, epochs = chosen.task, chosen.crops, chosen.seed, chosen.epochs
    net, file, stage = _choose_net(chosen.backbone, chosen.weights, chosen.stage, reporter)
    skipped: list[str] = []
    source = image_source.read(images, task=task, check_files=False, **source_options)
    source = image_source.keep_readable(source, skipped.append)
    source.report(reporter.print_line)
    kind = _splits.resolve_task(source.images, task)
    parts = _splits.split(
        source.images, kind, chosen.validation_fraction, seed, needs_validation=True
    )
    reporter.print_line(parts.describe())
    size = (chosen.image_size, chosen.image_size) if chosen.image_size else net.input_size
    digest = _digest_parts(parts)
    done = _check_former(former, digest, epochs, out) if former else 0
    config = tuning.FinetuneConfig(
        epochs=epochs,
        epochs_done=done,
        batch_size=chosen.batch_size,
        learning_rate=chosen.learning_rate,
        init_weight=0.3,
        attention=1 / 3,
        precision=chosen.precision,
        seed=seed,
        is_exclusive=kind == "single",
    )
    with open_output(out, overwrite, resume=former is not None) as checkpoints:
        model = net.build(file, seed=seed, size=size)
        data = _prepare(parts, net, file, stage, size, crops, chosen.balance, config, reporter)
        use_sqrt = not net.has_negative_features
        layer = finetune_data.frozen_layer_name(net, stage)
        tail = tuning.build_tail(model, layer, use_sqrt=use_sqrt, with_locations=True)
        checkpoint = checkpoint_path(checkpoints, asdict(chosen), digest, done)
        if done:
            start_from_state(out, checkpoint, done)
        tuned = _train(data, tail, config, checkpoint, reporter)
        evaluation = _judge(data, parts, tuned, config)
        card = make_card(
            net,
            size,
            parts,
            evaluation,
            title=f"{net.name}, fine-tuned on {source.images.title}",
            training=(
                f"from {stage}, epoch {tuned.best_epoch} of {epochs}, "
                f"learning rate {chosen.learning_rate:g}"
                f"{', classes balanced' if chosen.balance else ''}, "
                f"seed {seed}"
            ),
            chosen="epoch, thresholds: on the validation images",
        )
        parts.write(out)
        history = {"loss": tuned.losses, **_name_validation(tuned.validations, config)}
        pool = tuning.make_pooling_function(tuned.tail, config.batch_size)
        rows = data.views.logits(data.find_rows(parts.train), pool)
        store_training_images(out, parts.train, rows, seed)
        report = write_report(
            out,
            evaluation,
            source,
            parts=parts,
            history=history,
            title=card.title,
            reporter=reporter,
        )
        model = linear_head.attach_head(
            model, tuned.head, use_sqrt, tuned.attention, card.activation
        )
        classifier.save(out, model, card)
        keep_state(Checkpoint(checkpoint, digest=None), out)
        record = {
            "settings": asdict(replace(chosen, backbone=net.name)),
            "epochs": len(tuned.losses),
            "data": digest,
            "card": _digest_card(out),
        }
        with atomic_write(out / TRAINING) as stream:
            json.dump(record, stream, indent=1)
    found = {"stage": stage, "best_epoch": tuned.best_epoch, "task": kind}
    return ClassifierResult(
        out, card, evaluation.unscored, found, tuple(skipped), evaluation, report
    )


def _digest_parts(parts: Parts) -> str:
    """Return a hash of the names, labels and roles of the images."""
    sets = (parts.train, parts.validation, parts.test)
    return compute_digest(
        [(each.names, each.classes, each.labels) for each in sets if each is not None]
    )


def _check_former(former: dict[str, Any], digest: str, epochs: int, out: Path) -> int:
    """Return the epochs that a model has; raise where these images or epochs do not fit it."""
    if former["data"] != digest:
        raise BadSetting(
            _("the model in {folder} was trained on other images, labels or splits").format(
                folder=out
            ),
            fix=_("Give the same ones, or train another model without --resume."),
        )
    done = int(former["epochs"])
    require_more_epochs(out, done, epochs)
    return done


def _choose_net(
    backbone: str | None, weights: Path | str | None, stage: str, reporter: Reporter
) -> tuple[Backbone, Path | None, str]:
    """Return the backbone, its weights file and the last frozen stage."""
    name = choose_backbone(backbone, weights)
    net = backbones.get_backbone(name)
    if isinstance(net, OpenVinoBackbone):
        raise BadSetting(
            _("the net in a file cannot be fine-tuned"),
            got=net.name,
            fix=_("Train a linear classifier on it with 'etabli transfer'."),
        )
    stage = finetune_data.resolve_stage(name, stage)
    reporter.print_line(describe_choice(name, backbone))
    return net, find_weights(name, weights), stage


def _prepare(
    parts: Parts,
    net: Backbone,
    weights: Path | None,
    stage: str,
    size: tuple[int, int],
    crops: int,
    balance: bool,
    config: tuning.FinetuneConfig,
    reporter: Reporter,
) -> FinetuneData:
    """Compute the frozen part of the net for every view of every image."""
    validation, test = parts.validation, parts.test
    assert validation is not None and test is not None  # fine-tuning needs both
    images = parts.join()
    total = 0 if stage == "input" else (2 + crops) * len(images)
    with reporter.task(_("frozen part"), total) as step:
        views = finetune_data.build_views(
            images, net, weights, stage, size, crops=crops, step=step, collection="own"
        )
    return FinetuneData(
        images,
        views,
        0.0,
        config.seed,
        parts=(parts.train, validation),
        is_exclusive=config.is_exclusive,
        is_balanced=balance,
    )


def _train(
    data: FinetuneData,
    tail: Any,
    config: tuning.FinetuneConfig,
    checkpoint: Path,
    reporter: Reporter,
) -> tuning.FinetunedModel:
    head, _pooled = data.fit_head(tail, HEAD_L2, config.batch_size)
    left = config.epochs * data.steps_per_epoch(config.batch_size)
    with reporter.task(_("fine-tuning"), left) as step:

        def count(advance: int, **numbers: float) -> None:
            nonlocal left
            left -= advance
            if (validation := numbers.pop("validation", None)) is not None:
                found = _name_validation([validation], config)
                numbers |= {name: values[0] for name, values in found.items()}
            step(advance, **numbers)

        tuned = data.fine_tune(tail, head, config, checkpoint, count)
        step(left)  # of epochs that no longer improved the validation score
    return tuned


def _name_validation(
    scores: Sequence[float], config: tuning.FinetuneConfig
) -> dict[str, list[float]]:
    """Return the validation scores of epochs by name: of exclusive classes they are -loss."""
    if config.is_exclusive:
        return {"validation_loss": [-score for score in scores]}
    return {"validation": list(scores)}


def _judge(
    data: FinetuneData,
    parts: Parts,
    tuned: tuning.FinetunedModel,
    config: tuning.FinetuneConfig,
) -> Evaluation:
    """Choose thresholds on the validation images, and score the test images."""
    test = parts.test
    assert test is not None  # fine-tuning needs it
    logits_of = tuning.make_logits_function(tuned, config.batch_size)

    def predict(rows: Any) -> Any:
        logits = data.views.logits(rows, logits_of)
        return logits, linear_head.compute_probabilities(logits, config.is_exclusive)

    _logits, probabilities = predict(data.validation_rows)
    thresholds = linear_head.choose_thresholds(data.validation.labels, probabilities)
    logits, probabilities = predict(data.find_rows(test))
    return score(
        test,
        probabilities,
        "single" if config.is_exclusive else "multi",
        thresholds,
        seed=config.seed,
        ranks=logits,
        remarks=parts.remarks,
    )
