"""tp2.raw: separation of the classes in the pixels, by t-SNE and by PCA.

    etabli run tp2.raw --data full

The 10,000 raw test images in 784 dimensions, in the plane of t-SNE and in that of PCA, by the three
criteria of the lab report: convex hulls, best-fit ellipses, neighborhood hit (92.55 % in the
pixels, 38.49 % in the PCA plane). One to two minutes, nearly all of it t-SNE.
"""

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp2 import _planes
from etabli.experiments.tp2._planes import Planes, PlaneSettings
from etabli.projection.pca import PCA
from etabli.viz.embedding import plot_explained_variance
from etabli.viz.explorer import render_explorer


def run(context: RunContext, settings: PlaneSettings) -> None:
    digits = mnist.load(context.source)
    pixels, labels = mnist.flatten(digits.test_images), digits.test_labels
    recipe: dict[str, object] = {"data": digits.name}
    hit = _planes.score_space(context, "pixels", pixels, labels, settings, recipe)
    planes, principal = _planes.score_planes(
        context, pixels, labels, settings, name=_("the pixels"), recipe=recipe
    )
    judge(context, planes, principal)
    context.save_arrays("tsne", {"points": planes["t-SNE"].points})
    if context.is_first_seed:
        rows = [_planes.make_space_row(_("pixels, {n} dimensions").format(n=pixels.shape[1]), hit)]
        rows += [
            _planes.make_comparison_row(name, pixels, plane, labels, context.seed)
            for name, plane in planes.items()
        ]
        _planes.show_comparison(context, rows)
        show_planes(context, planes, principal, digits)
        title = N_("Explorer of the raw images")
        shown = [
            _planes.make_explorer_plane(_("pixels"), name, plane) for name, plane in planes.items()
        ]
        page = render_explorer(
            shown, labels, digits.classes, thumbnails=digits.test_images, title=_(title)
        )
        caption = N_("Every image at its projected position; the page works offline.")
        context.page("explorer", page, title=title, caption=caption)


def judge(context: RunContext, planes: Planes, principal: PCA) -> None:
    """Judge the claims of the report on the planes."""
    hits = {name: plane.hit.score.value for name, plane in planes.items()}
    overlaps = {name: plane.ellipse_overlap.value for name, plane in planes.items()}
    context.claim(
        "tsne_separates_better_than_pca",
        _(
            "t-SNE and PCA: neighborhood hit {tsne:.2%} and {pca:.2%}, overlap of the ellipses "
            "{te:.2%} and {pe:.2%}"
        ).format(tsne=hits["t-SNE"], pca=hits["PCA"], te=overlaps["t-SNE"], pe=overlaps["PCA"]),
        hit_tsne=hits["t-SNE"],
        hit_pca=hits["PCA"],
        overlap_tsne=overlaps["t-SNE"],
        overlap_pca=overlaps["PCA"],
    )
    first, second = principal.spectrum[:2]
    context.claim(
        "close_eigenvalues_compress_the_plane",
        _(
            "the first two principal components explain {first:.2%} and {second:.2%} of the "
            "variance; {n} are needed for 90 %"
        ).format(first=first, second=second, n=principal.count_components(0.9)),
        second_by_first_eigenvalue=second / first,
        share_of_the_plane=first + second,
    )


def show_planes(context: RunContext, planes: Planes, principal: PCA, digits: mnist.Digits) -> None:
    """Plot the criteria of both planes, and the eigenvalues of PCA."""
    caption = N_(
        "For each class: its convex hull after trimming outliers, its ellipse, its neighborhood "
        "hit."
    )
    titles = {"t-SNE": N_("t-SNE of the raw images"), "PCA": N_("PCA of the raw images")}
    for (name, plane), number in zip(planes.items(), ("7", "8"), strict=True):
        _planes.show_criteria(
            context,
            _planes.get_key(name),
            plane,
            digits.test_labels,
            digits.classes,
            number=number,
            title=titles[name],
            caption=caption,
        )
    with context.figure(
        "spectrum",
        title=N_("The eigenvalues of PCA"),
        caption=N_("If no two dominate, a plane cannot separate the classes."),
        size=(7, 3.6),
    ) as ax:
        plot_explained_variance(principal.spectrum, ax=ax)


EXPERIMENT = ExperimentSpec(
    name="tp2.raw",
    headline="neighborhood_hit_tsne",
    title=N_("Separability in the pixels"),
    measures=N_("neighborhood hit, hulls and ellipses of the raw test images"),
    source=N_("practical 2, exercise 4"),
    settings=PlaneSettings,
    run=run,
    on_sample={"iterations": 150},
    data=("mnist",),
    minutes=0.33,
    memory_mb=1200,
    seeds=5,
    claims=(
        Claim(
            "tsne_separates_better_than_pca",
            N_(
                "t-SNE separates the classes of the raw images better than PCA, whose ellipses "
                "overlap."
            ),
            where=N_("practical 2, figures 7 and 8"),
            data=("mnist",),
            confirmed_if=(
                Condition("hit_tsne", ">", "hit_pca"),
                Condition("overlap_tsne", "<", "overlap_pca"),
            ),
        ),
        Claim(
            "close_eigenvalues_compress_the_plane",
            N_("If the eigenvalues of PCA are close to one another, its plane is compressed."),
            where=N_("practical 2, exercise 4"),
            data=("mnist",),
            # One data set can only be a counterexample: close eigenvalues, and a plane that keeps
            # most of the variance.
            refuted_if=(
                Condition("second_by_first_eigenvalue", ">", 0.5),
                Condition("share_of_the_plane", ">", 0.5),
            ),
        ),
    ),
    expected_ranges={
        "neighborhood_hit_pixels": ExpectedRange(
            0.92503,
            0.92603,
            reason=N_("exact neighbors of the test images, without a seed"),
            history=("0.9245 to 0.9265 until 2026-11-27",),
        ),
        "neighborhood_hit_pca": ExpectedRange(
            0.3844,
            0.3854,
            reason=N_("exact neighbors on an exact plane, without a seed"),
            history=("0.3839 to 0.3859 until 2026-11-27",),
        ),
        "neighborhood_hit_tsne": ExpectedRange(
            0.9388,
            0.9453,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.94 to 0.95 until 2026-11-27",),
        ),
    },
)
