"""Exercises of practical 2: convolution, pooling, projections and how they are scored."""

import numpy as np

from etabli.core.i18n import N_
from etabli.exercises.spec import Case, Exercise, Function, Mistake, Value, Variant, without_sign


def _make_convolution_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    height, width = ((7, 9), (6, 5))[size]
    rows, columns = ((3, 2), (2, 4))[size]
    padding = 2 * variant["PADDING"]
    x, kernel = generator.normal(size=(height, width)), generator.normal(size=(rows, columns))
    dy = generator.normal(size=(height + padding - rows + 1, width + padding - columns + 1))
    given = {"x": x, "kernel": kernel}
    return {"convolve": given, "convolve_backward": {"dy": dy, **given}}


def _make_pooling_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    rows, columns, step = ((3, 4, 2), (2, 1, 3))[size]
    x = generator.normal(size=(rows * step, columns * step))
    given = {"x": x, "size": step}
    dy = generator.normal(size=(rows, columns))
    return {"max_pool": given, "max_pool_backward": {"dy": dy, **given}}


def _make_pca_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n, dims, d = ((30, 5, 2), (40, 6, 3))[size]
    x = generator.normal(size=(n, dims)) * 2.0 ** np.arange(dims)
    mixed = x @ np.linalg.qr(generator.normal(size=(dims, dims)))[0]
    return {"pca": {"x": mixed + 5 * generator.normal(size=dims), "d": d}}


def _make_tsne_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n = (6, 9)[size]
    points, p = generator.normal(size=(n, 2)), generator.random((n, n))
    p = p + p.T
    np.fill_diagonal(p, 0)
    return {
        "student_similarities": {"points": points},
        "tsne_gradient": {"p": p / p.sum(), "points": points},
    }


def _make_hit_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n, k = ((151, 7), (97, 5))[size]
    labels = generator.integers(3, size=n)
    points = generator.normal(size=(n, 2)) + 1.2 * np.array([[0, 1], [1, 0], [-1, 0]])[labels]
    points[:, 1] *= 2
    return {"neighborhood_hit": {"points": points, "labels": labels, "k": k}}


CONVOLUTION = Exercise(
    name="tp2.convolution",
    title=N_("Convolution, forward and backward"),
    statement=N_(
        "Slide a kernel over an image with stride 1, after padding each side with "
        "PADDING rows or columns of zeros. As in every deep-learning library, the kernel "
        "is not flipped. Then compute the gradients with respect to the image and the "
        "kernel."
    ),
    theorem=N_(
        "The output has n + 2 PADDING - k + 1 rows. The gradient with respect to the "
        "image is a convolution of dy with the flipped kernel, and both gradients equal "
        "finite differences."
    ),
    equations=(
        r"y_{ij} = \sum_{a,b} k_{ab} \, x_{i+a,\, j+b}",
        r"\frac{\partial L}{\partial k_{ab}} = \sum_{i,j} \frac{\partial L}{\partial y_{ij}} \, "
        r"x_{i+a,\, j+b}, \qquad "
        r"\frac{\partial L}{\partial x_{uv}} = \sum_{a,b} k_{ab} \, "
        r"\frac{\partial L}{\partial y_{u-a,\, v-b}}",
    ),
    functions=(
        Function(
            "convolve",
            ("x", "kernel"),
            (Value("y", N_("the feature map")),),
            N_("Return the convolution of an image with a kernel."),
        ),
        Function(
            "convolve_backward",
            ("dy", "x", "kernel"),
            (
                Value("dx", N_("the gradient with respect to the image, of its shape")),
                Value("dkernel", N_("the gradient with respect to the kernel, of its shape")),
            ),
            N_("Return the gradients of the loss."),
        ),
    ),
    arguments={
        "x": N_("an image, (height, width)"),
        "kernel": N_("the kernel, (rows, columns)"),
        "dy": N_("dL/dy, of the shape of y"),
    },
    make_case=_make_convolution_case,
    mistakes=(
        Mistake(
            N_("the kernel is flipped, as in mathematical convolution"),
            "y += kernel[i, j] *",
            "y += kernel[-1 - i, -1 - j] *",
        ),
        Mistake(
            N_("only the last element of the kernel counts: add to y"),
            "y += kernel[i, j]",
            "y = kernel[i, j]",
        ),
        Mistake(
            N_("the kernel is flipped in the gradient with respect to the image"),
            "+= kernel[i, j] * dy",
            "+= kernel[-1 - i, -1 - j] * dy",
        ),
        Mistake(
            N_("overlapping windows overwrite one another: add them"),
            "dpadded[i : i + rows, j : j + columns] += kernel[i, j] * dy",
            "dpadded[i : i + rows, j : j + columns] = kernel[i, j] * dy",
        ),
        Mistake(
            N_("it is the mean over the positions, not the sum"),
            "j : j + columns]).sum()",
            "j : j + columns]).mean()",
        ),
        Mistake(
            N_("the padding is missing"),
            "padded = np.pad(x, PADDING)\n    rows = ",
            "padded = x\n    rows = ",
        ),
    ),
    hints=(
        N_(
            "Loop over the few elements of the kernel; each multiplies a shifted part of the image."
        ),
        N_(
            "x[i : i + rows, j : j + columns] is the part that element (i, j) of the kernel "
            "multiplies."
        ),
        N_("Backward: the same loop, adding to each element that the forward pass read."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
images = rng.normal(size=(20, 12, 12))
wanted = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])  # an edge detector to be found
kernel, losses = np.zeros((3, 3)), []
for step in range(60):
    x = images[step % 20]
    error = convolve(x, kernel) - convolve(x, wanted)
    losses.append(float((error**2).mean()))
    kernel -= 0.1 * convolve_backward(2 * error / error.size, x, kernel)[1]
print(kernel.round(2))

show_curve(losses, "step", "squared error")
""",
    choices={"PADDING": (0, 1, 2)},
)
MAX_POOLING = Exercise(
    name="tp2.max-pooling",
    title=N_("Max-pooling, forward and backward"),
    statement=N_(
        "Keep the maximum of each block of size x size pixels; blocks do not overlap. Backward, "
        "the gradient of a block goes to the pixel that was the maximum."
    ),
    theorem=N_(
        "The gradient with respect to the image has one nonzero element in each block, "
        "and its sum is that of dy."
    ),
    equations=(
        r"y_{ij} = \max_{0 \leq a, b < s} x_{s i + a,\, s j + b}",
        r"\frac{\partial L}{\partial x_{uv}} = \frac{\partial L}{\partial y_{ij}} "
        r"\left[x_{uv} = y_{ij}\right]",
    ),
    functions=(
        Function(
            "max_pool",
            ("x", "size"),
            (Value("y", N_("the maxima"), "(height / size, width / size)"),),
            N_("Return the maximum of each block."),
        ),
        Function(
            "max_pool_backward",
            ("dy", "x", "size"),
            (Value("dx", N_("the gradient with respect to the image, of its shape")),),
            N_("Return the gradient of the loss with respect to the image."),
        ),
    ),
    arguments={
        "x": N_("an image, (height, width)"),
        "size": N_("the height and width of a block; both sides of the image are multiples of it"),
        "dy": N_("dL/dy, of the shape of y"),
    },
    make_case=_make_pooling_case,
    mistakes=(
        Mistake(N_("this is the mean of each block, not the maximum"), ".max(", ".mean("),
        Mistake(N_("this is the minimum of each block, not the maximum"), ".max(", ".min("),
        Mistake(
            N_("the maximum of the absolute values is taken"),
            "blocks.max(axis=(1, 3))",
            "np.abs(blocks).max(axis=(1, 3))",
        ),
        Mistake(
            N_("the first pixel of each block is kept, not the maximum"),
            "blocks.max(axis=(1, 3))",
            "blocks[:, 0, :, 0]",
        ),
        Mistake(
            N_("the gradient goes to every pixel of the block, not to the maximum alone"),
            "dx[i * size + row, j * size + column] = dy[i, j]",
            "dx[i * size : (i + 1) * size, j * size : (j + 1) * size] = dy[i, j]",
        ),
        Mistake(
            N_("the gradient is shared by all pixels, as for a mean"),
            "dx[i * size + row, j * size + column] = dy[i, j]",
            "dx[i * size : (i + 1) * size, j * size : (j + 1) * size] = dy[i, j] / size**2",
        ),
        Mistake(
            N_("the gradient is multiplied by the maximum"),
            "= dy[i, j]",
            "= dy[i, j] * block.max()",
        ),
        Mistake(
            N_("row and column of the maximum are swapped"),
            "dx[i * size + row, j * size + column]",
            "dx[i * size + column, j * size + row]",
        ),
    ),
    hints=(
        N_("x.reshape(rows, size, columns, size) has one axis for each side of a block."),
        N_("np.unravel_index(block.argmax(), block.shape) is the position of the maximum."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
x, target, losses = rng.normal(size=(8, 8)), np.ones((4, 4)), []
for step in range(60):
    error = max_pool(x, 2) - target
    losses.append(float((error**2).mean()))
    x -= 0.2 * max_pool_backward(2 * error, x, 2)

show_curve(losses, "step", "squared error")
""",
)
PCA = Exercise(
    name="tp2.pca",
    title=N_("Principal component analysis"),
    statement=N_(
        "Project points onto the d directions of largest variance: center them, and take "
        "the eigenvectors of the covariance with the largest eigenvalues. The sign of a "
        "direction is arbitrary: either is right."
    ),
    theorem=N_(
        "No other d directions keep more variance; the projected points have mean 0 and "
        "uncorrelated coordinates. Directions with equal eigenvalues are not unique; "
        "only the subspace that they span is."
    ),
    equations=(
        r"C = \frac{1}{N} \sum_i (x_i - \bar{x})^{\mathsf{T}} (x_i - \bar{x})",
        r"C v_j = \lambda_j v_j, \quad \lambda_1 \geq \lambda_2 \geq \dots, \qquad "
        r"y_i = (x_i - \bar{x}) \, [v_1 \dots v_d]",
        r"s = \frac{\lambda_1 + \dots + \lambda_d}{\sum_j \lambda_j}",
    ),
    functions=(
        Function(
            "pca",
            ("x", "d"),
            (
                Value("points", N_("the projected points"), "(N, d)", reduce=without_sign),
                Value("share", N_("the share of the variance that is kept, a number")),
            ),
            N_("Return the projection onto the first principal components."),
        ),
    ),
    arguments={"x": N_("the points, (N, D)"), "d": N_("the number of directions")},
    make_case=_make_pca_case,
    mistakes=(
        Mistake(N_("the points are not centered"), "x - x.mean(axis=0)", "x"),
        Mistake(
            N_("the mean is over everything, not over the points (axis=0)"),
            "x.mean(axis=0)",
            "x.mean()",
        ),
        Mistake(
            N_("the smallest eigenvalues are kept: eigh sorts them in ascending order"),
            "values, vectors = values[::-1], vectors[:, ::-1]",
            "pass",
        ),
        Mistake(
            N_("the eigenvectors are the columns of vectors, not its rows"),
            "vectors[:, :d]",
            "vectors.T[:, :d]",
        ),
        Mistake(
            N_("the covariance is that of points that are not centered"),
            "centered.T @ centered",
            "x.T @ x",
        ),
        Mistake(
            N_("the points are projected without being centered"),
            "points = centered @",
            "points = x @",
        ),
        Mistake(
            N_("the share is of standard deviations, not of variances"),
            "values[:d].sum() / values.sum()",
            "np.sqrt(values[:d]).sum() / np.sqrt(values).sum()",
        ),
    ),
    hints=(
        N_(
            "np.linalg.eigh returns the eigenvalues in ascending order and the eigenvectors "
            "as columns."
        ),
        N_("[::-1] reverses: values[::-1], vectors[:, ::-1]."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
x = rng.normal(size=(300, 10)) * 0.7 ** np.arange(10)
shares = [float(pca(x, d)[1]) for d in range(1, 11)]

show_curve(shares, "number of directions, less 1", "share of the variance")
""",
)
TSNE = Exercise(
    name="tp2.tsne-gradient",
    title=N_("The gradient of t-SNE"),
    statement=N_(
        "t-SNE moves points of the plane until their similarities q match those of the "
        "data, p. Compute q with the Student-t kernel, whose diagonal is 0, and the "
        "gradient of the Kullback-Leibler divergence with respect to each point."
    ),
    theorem=N_(
        "q sums to 1 and is symmetric. The gradient equals finite differences of KL(p, q), and its "
        "sum over the points is 0: the map as a whole does not move."
    ),
    equations=(
        r"w_{ij} = \frac{1}{1 + \|y_i - y_j\|^2}, \quad w_{ii} = 0, \qquad "
        r"q_{ij} = \frac{w_{ij}}{\sum_{k \neq l} w_{kl}}",
        r"L = \sum_{i \neq j} p_{ij} \log \frac{p_{ij}}{q_{ij}}, \qquad "
        r"\frac{\partial L}{\partial y_i} = 4 \sum_j (p_{ij} - q_{ij}) \, w_{ij} \, (y_i - y_j)",
    ),
    functions=(
        Function(
            "student_similarities",
            ("points",),
            (Value("q", N_("the similarities in the map"), "(N, N)"),),
            N_("Return the similarities of points of the map."),
        ),
        Function(
            "tsne_gradient",
            ("p", "points"),
            (Value("gradient", N_("the gradient with respect to the points"), "(N, 2)"),),
            N_("Return the gradient of KL(p, q)."),
        ),
    ),
    arguments={
        "points": N_("the points of the map, (N, 2)"),
        "p": N_("the similarities of the data, (N, N), symmetric, with sum 1"),
    },
    make_case=_make_tsne_case,
    mistakes=(
        Mistake(
            N_("the diagonal is not 0: a point is no neighbor of itself"),
            "np.fill_diagonal(weights, 0)",
            "pass",
        ),
        Mistake(
            N_("each row is divided by its own sum; q is divided by the sum of all pairs"),
            "weights / weights.sum()",
            "weights / weights.sum(axis=1, keepdims=True)",
        ),
        Mistake(
            N_("this is the Gaussian kernel of SNE, not the Student-t kernel"),
            "1 / (1 + (differences**2).sum(axis=2))",
            "np.exp(-(differences**2).sum(axis=2))",
        ),
        Mistake(
            N_("the distance is not squared"),
            "(differences**2).sum(axis=2)",
            "np.sqrt((differences**2).sum(axis=2))",
        ),
        Mistake(N_("the factor 4 is missing"), "return 4 * ", "return "),
        Mistake(
            N_("the weight w of each pair is missing in the force"), "(p - q) * weights", "(p - q)"
        ),
        Mistake(
            N_("the forces have the wrong sign: close points would be pushed away"),
            "(p - q) * weights",
            "(q - p) * weights",
        ),
    ),
    hints=(
        N_("points[:, None] - points[None] has the shape (N, N, 2): every pair."),
        N_("np.fill_diagonal(w, 0) changes w in place and returns nothing."),
        N_("A force for each pair, (N, N), times the difference, (N, N, 2), summed over j."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
x = rng.normal(size=(60, 5)) + 4 * np.eye(3, 5)[np.arange(60) % 3]
p = np.exp(-((x[:, None] - x[None]) ** 2).sum(axis=2) / 4)
np.fill_diagonal(p, 0)
p /= p.sum()
points, losses = 0.1 * rng.normal(size=(60, 2)), []
for step in range(150):
    q = student_similarities(points)
    losses.append(float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum()))
    points = points - 10 * tsne_gradient(p, points)

show_curve(losses, "step", "KL divergence")
""",
)
NEIGHBORHOOD_HIT = Exercise(
    name="tp2.neighborhood-hit",
    title=N_("Neighborhood hit"),
    statement=N_(
        "For each point take its k nearest neighbors, not the point itself, and compute the share "
        "of them that have its label; return these shares and their mean."
    ),
    theorem=N_(
        "It is 1 for classes that are far apart, and about Σ share² for random labels. "
        "Rotating, shifting or scaling the whole map changes nothing."
    ),
    equations=(
        r"\mathrm{NH} = \frac{1}{N k} \sum_i \sum_{j \in \mathcal{N}_k(i)} "
        r"[c_j = c_i]",
    ),
    functions=(
        Function(
            "neighborhood_hit",
            ("points", "labels", "k"),
            (
                Value("shares", N_("the share of neighbors of the same label"), "(N,)"),
                Value("hit", N_("the neighborhood hit, a number from 0 to 1")),
            ),
            N_("Return the share of neighbors of the same label, and its mean."),
        ),
    ),
    arguments={
        "points": N_("the points, (N, 2)"),
        "labels": N_("the class of each point, (N,)"),
        "k": N_("the number of neighbors"),
    },
    make_case=_make_hit_case,
    mistakes=(
        Mistake(
            N_("each point counts itself as its nearest neighbor"),
            "np.fill_diagonal(distances, np.inf)",
            "pass",
        ),
        Mistake(
            N_("the farthest points are taken, not the nearest"),
            "np.fill_diagonal(distances, np.inf)\n    nearest = distances.argsort(axis=1)",
            "nearest = (-distances).argsort(axis=1)",
        ),
        Mistake(N_("one neighbor too many is taken"), "[:, :k]", "[:, : k + 1]"),
        Mistake(
            N_("only the k-th neighbor counts, not all of the first k"), "[:, :k]", "[:, k - 1 : k]"
        ),
        Mistake(
            N_("a point counts as soon as most of its neighbors agree: average the shares"),
            "shares.mean()",
            "(shares > 0.5).mean()",
        ),
        Mistake(N_("it is a sum, not a mean"), "same.mean(axis=1)", "same.sum(axis=1)"),
        Mistake(
            N_("this is the share of neighbors of another label"),
            "labels[nearest] == labels[:, None]",
            "labels[nearest] != labels[:, None]",
        ),
    ),
    hints=(
        N_("Set the distance of each point to itself to infinity, then argsort along each row."),
        N_("labels[nearest] has the shape (N, k): the labels of the neighbors."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
labels = rng.integers(3, size=200)
corners, noise = np.array([[0, 1], [1, 0], [-1, 0]]), rng.normal(size=(200, 2))
gaps = np.linspace(0, 5, 20)
hits = [neighborhood_hit(noise + gap * corners[labels], labels, 6)[1] for gap in gaps]

show_curve(hits, "distance of the classes (5 at 19)", "neighborhood hit")
""",
)
EXERCISES = (CONVOLUTION, MAX_POOLING, PCA, TSNE, NEIGHBORHOOD_HIT)
