"""Transfer learning: a linear classifier on extracted features, for your own labels."""

from pathlib import Path

from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.core.seeding import make_generator
from etabli.data.formats import image_source
from etabli.features.store import Features
from etabli.features.weights import build_net_of
from etabli.models.vision import linear_head
from etabli.pipelines._classifier import ClassifierResult, make_card
from etabli.pipelines._output import open_output
from etabli.saved_models import classifier

L2_GRID = (1.0, 0.3, 0.1, 0.03, 0.01)


def transfer(
    features: Path | str,
    labels: Path | str,
    out: Path | str,
    *,
    weights: Path | str | None = "imagenet",
    validation: float = 0.2,
    seed: int = 0,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> ClassifierResult:
    """Train a linear classifier on extracted features and save it with its backbone.

    Images may have several labels: the classifier is one-vs-rest. Its L2 regularization is chosen
    by cross-validation on the training images; validation images give thresholds and scores.

    Args:
        features: A folder that ``extract`` wrote, of the layer "pool".
        labels: A folder per class, a VOC tree, or a table (csv, jsonl).
        out: The folder of the model.
        weights: The weights that the features were extracted with.
        validation: Share of the images used for validation.
        seed: Which images those are.
        overwrite: Replace a model in ``out``.
        reporter: Shows the progress.

    Raises:
        BadSetting: The features are not pooled or were extracted with other weights, or ``out``
            holds a model.
        DataMissing: No image has both features and a label.
    """
    extracted = Features(features)
    images = image_source.read(labels, known=extracted.names).images
    recipe = extracted.recipe
    if recipe["layer"] != "pool":
        raise BadSetting(
            _("a linear classifier needs pooled features"),
            expected="--layer pool",
            got=recipe["layer"],
        )
    known = set(extracted.names)
    images = images.select([row for row, name in enumerate(images.names) if name in known])
    if not len(images):
        raise DataMissing(
            _("no image has both features and a label"),
            expected=_("names such as {name}").format(name=next(iter(extracted.names), "?")),
            fix=_("Pass to --labels the images that 'etabli features' read."),
        )
    out = Path(out)
    with open_output(out, overwrite):
        net, size, model = build_net_of(extracted, weights)
        parts = images.split_validation(validation, make_generator(seed, "validation"))
        train, judged = parts
        rows = extracted.array(train.names, "float32")
        folds = min(4, max(2, len(rows) // 2))
        with (reporter or Silent()).task(_("cross-validation"), folds * len(L2_GRID)) as step:
            l2, _means = linear_head.choose_l2(
                rows,
                train.labels,
                lambda truth, logits: -linear_head.binary_cross_entropy(truth, logits),
                folds,
                L2_GRID,
                make_generator(seed, "folds"),
                progress=step,
            )
        head = linear_head.fit(rows, train.labels, l2)
        card, unscored = make_card(
            net,
            size,
            parts,
            head.logits(extracted.array(judged.names, "float32")),
            title=f"{net.name}, linear classifier on {images.title}",
            training=f"frozen features, one-vs-rest, L2 {l2:g} by cross-validation, seed {seed}",
        )
        classifier.save(out, linear_head.attach_head(model, head), card)
    return ClassifierResult(out, card, unscored, {"l2": l2})
