"""tp2.raw: how far apart the classes are in the pixels, by t-SNE and by PCA.

    etabli run tp2.raw --data full

The 10,000 raw test images in 784 dimensions, in the plane of t-SNE and in that of PCA, under the lab report's three
criteria: convex hulls, best-fit ellipses, neighborhood hit (92.55 % in the pixels, 38.49 % in the PCA plane).
One to two minutes, nearly all of it t-SNE.
"""

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec
from etabli.experiments.tp2 import _planes
from etabli.experiments.tp2._planes import Measured, Measuring
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.projection.pca import PCA
from etabli.viz.embedding import spectrum
from etabli.viz.explorer import explorer

NAMES = [str(digit) for digit in range(mnist.CLASSES)]


class Settings(Measuring):
    pass


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)
    pixels, labels = mnist.flatten(digits.test_images), digits.test_labels
    words = {"data": digits.name}
    whole = neighborhood_hit(pixels, labels, settings.k)
    context.score("neighborhood_hit_pixels", whole.score.with_recipe(**words))
    by_tsne, by_pca, principal = _planes.both_planes(
        context, pixels, labels, settings, name=_("the pixels")
    )
    _planes.score_plane(context, "tsne", by_tsne, words | _planes.tsne_words(settings))
    _planes.score_plane(context, "pca", by_pca, words | {"projection": "pca"})
    claims(context, by_tsne, by_pca, principal)
    context.save_arrays("tsne", {"points": by_tsne.points})
    if context.is_first_seed:
        low, high = whole.interval
        rows = [
            [
                _("pixels, 784 dimensions"),
                round(whole.score.value, 4),
                f"{low:.4f} … {high:.4f}",
                "",
                "",
                "",
                "",
            ]
        ]
        for name, plane in (("t-SNE", by_tsne), ("PCA", by_pca)):
            rows.append(_planes.comparison_row(name, pixels, plane, labels, context.seed))
        _planes.show_comparison(context, rows)
        show(context, by_tsne, by_pca, principal, labels)
        shown = [
            _planes.explorer_plane(_("pixels"), name, plane)
            for name, plane in (("t-SNE", by_tsne), ("PCA", by_pca))
        ]
        title = N_("Explorer of the raw images")
        page = explorer(shown, labels, NAMES, thumbnails=digits.test_images, title=_(title))
        context.page(
            "explorer", page, title=title, caption=N_("Every image at its place; opens from disk.")
        )


def claims(context: RunContext, by_tsne: Measured, by_pca: Measured, principal: PCA) -> None:
    better = (
        by_tsne.hit.score.value > by_pca.hit.score.value
        and by_tsne.ellipse_overlap.value < by_pca.ellipse_overlap.value
    )
    context.claim(
        "tsne_separates_better_than_pca",
        "undecided" if context.is_sample else "confirmed" if better else "refuted",
        _(
            "neighborhood hit {tsne:.4f} against {pca:.4f}, overlap of ellipses {te:.3f} against {pe:.3f}"
        ).format(
            tsne=by_tsne.hit.score.value,
            pca=by_pca.hit.score.value,
            te=by_tsne.ellipse_overlap.value,
            pe=by_pca.ellipse_overlap.value,
        ),
    )
    first, second = principal.spectrum[:2]
    context.claim(
        "close_eigenvalues_compress_the_plane",
        "undecided",
        _(
            "the first two eigenvalues hold {first:.3f} and {second:.3f} of the variance, {n} are needed for 90 %"
        ).format(first=first, second=second, n=principal.components_for(0.9)),
    )


def show(context: RunContext, by_tsne: Measured, by_pca: Measured, principal: PCA, labels) -> None:
    caption = N_(
        "Each class's hull without its loneliest points, its ellipse, and its neighborhood hit."
    )
    _planes.show_criteria(
        context,
        "tsne",
        by_tsne,
        labels,
        NAMES,
        number="7",
        title=N_("t-SNE of the raw images"),
        caption=caption,
    )
    _planes.show_criteria(
        context,
        "pca",
        by_pca,
        labels,
        NAMES,
        number="8",
        title=N_("PCA of the raw images"),
        caption=caption,
    )
    with context.figure(
        "spectrum",
        title=N_("The eigenvalues of PCA"),
        caption=N_("Where no two stand out from the rest, a plane cannot hold the classes apart."),
        size=(7, 3.6),
    ) as ax:
        spectrum(principal.spectrum, ax=ax)


EXPERIMENT = ExperimentSpec(
    name="tp2.raw",
    title=N_("Separability in the pixels"),
    measures=N_("neighborhood hit, hulls and ellipses of the raw test images"),
    source=N_("practical 2, exercise 4"),
    settings=Settings,
    run=run,
    on_sample={"iterations": 150},
    data=("mnist",),
    minutes=0.5,
    memory_mb=1200,
    claims=(
        Claim(
            "tsne_separates_better_than_pca",
            N_(
                "t-SNE holds the classes of the raw images apart better than PCA, whose ellipses run into one another."
            ),
            where=N_("practical 2, figures 7 and 8"),
        ),
        Claim(
            "close_eigenvalues_compress_the_plane",
            N_(
                "Where the eigenvalues of PCA are close to one another, its plane comes out compressed."
            ),
            where=N_("practical 2, exercise 4"),
        ),
    ),
    expected_ranges={
        "neighborhood_hit_pixels": (0.9245, 0.9265),
        "neighborhood_hit_pca": (0.3839, 0.3859),
        "neighborhood_hit_tsne": (0.94, 0.95),
    },
)
