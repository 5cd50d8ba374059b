"""Fine-tuning of a pretrained backbone on your own images, as in tp3.finetune."""

from pathlib import Path

from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.formats import image_source
from etabli.features import finetune_data
from etabli.features.inputs import find_weights
from etabli.models.vision import backbones, linear_head
from etabli.models.vision import finetune as tuning
from etabli.pipelines._classifier import ClassifierResult, make_card
from etabli.pipelines._output import open_output
from etabli.saved_models import classifier


def finetune(
    images: Path | str,
    out: Path | str,
    *,
    backbone: str = "mobilenet_v2",
    weights: Path | str | None = "imagenet",
    stage: str = "auto",
    epochs: int = 8,
    learning_rate: float = 5e-4,
    crops: int = 1,
    image_size: int | None = None,
    batch_size: int = 64,
    precision: str = "f32",
    validation: float = 0.2,
    seed: int = 0,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> ClassifierResult:
    """Fine-tune a backbone on labeled images and save the classifier of the best epoch.

    Validation images choose the epoch and the thresholds. An interrupted run resumes after its
    last epoch.

    Args:
        images: A folder per class, a VOC tree, or a table (csv, jsonl).
        out: The folder of the model.
        backbone: A name in ``backbones.BACKBONES``.
        weights: "imagenet", "none" (random) or a weights file.
        stage: The last frozen stage; "input" trains the whole net, "auto" is the backbone's.
        epochs: At most so many epochs.
        learning_rate: Adam's learning rate at the top layer.
        crops: Random crops of every training image.
        image_size: Pixels per side of the input; None is the backbone's.
        batch_size: Images per batch.
        precision: "f32", or "bf16" for mixed precision.
        validation: Share of the images used for validation.
        seed: Seed of the split and of every random number.
        overwrite: Replace a model in ``out``.
        reporter: Shows the progress.

    Raises:
        DataMissing: There are no images, or none that can be read.
        BadSetting: ``out`` holds a model.
    """
    reporter, out = reporter or Silent(), Path(out)
    skipped: list[str] = []
    source = image_source.read(images, check_files=False)
    labeled = image_source.keep_readable(source, skipped.append).images
    net = backbones.get_backbone(backbone)
    weights, stage = find_weights(backbone, weights), finetune_data.resolve_stage(backbone, stage)
    size = (image_size, image_size) if image_size else net.input_size
    config = tuning.FinetuneConfig(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        init_weight=0.3,
        attention=1 / 3,
        precision=precision,
        seed=seed,
    )
    with open_output(out, overwrite) as checkpoints:
        model = net.build(weights, seed=seed, size=size)
        with reporter.task(_("frozen part"), (2 + crops) * len(labeled)) as step:
            views = finetune_data.build_views(
                labeled, net, weights, stage, size, crops=crops, step=step, collection="own"
            )
        data = finetune_data.FinetuneData(labeled, views, validation, seed)
        layer = finetune_data.frozen_layer_name(net, stage)
        tail = tuning.build_tail(model, layer, use_sqrt=True, with_locations=True)
        head, _pooled = data.fit_head(tail, 0.1, batch_size)
        checkpoint = checkpoints / "finetune.safetensors"
        with reporter.task(_("fine-tuning"), epochs * data.steps_per_epoch(batch_size)) as step:
            tuned = data.fine_tune(tail, head, config, checkpoint, step)
        card, unscored = make_card(
            net,
            size,
            (data.train, data.validation),
            data.validation_logits(tuning.make_logits_function(tuned, batch_size)),
            title=f"{net.name}, fine-tuned on {labeled.title}",
            training=(
                f"from {stage}, epoch {tuned.best_epoch} of {epochs}, "
                f"learning rate {learning_rate:g}, seed {seed}"
            ),
        )
        model = linear_head.attach_head(model, tuned.head, True, tuned.attention)
        classifier.save(out, model, card)
    chosen = {"stage": stage, "best_epoch": tuned.best_epoch}
    return ClassifierResult(out, card, unscored, chosen, tuple(skipped))
