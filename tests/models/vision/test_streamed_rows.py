"""A classifier whose features stay in files is the one of features in memory, up to rounding."""

import numpy as np
import pytest

from etabli.core.errors import BadArray
from etabli.core.seeding import make_generator
from etabli.models.vision import linear_head, streamed_rows
from etabli.models.vision.spectrum import estimate_spectrum
from etabli.models.vision.streamed_rows import RowsFile, StreamedRows

N, D, K = 500, 12, 3


@pytest.fixture
def data(monkeypatch):
    """Rows of different scales and a large mean, their labels, and weights of the losses."""
    monkeypatch.setattr(streamed_rows, "_BLOCK_BYTES", 4 * D * 64)
    generator = make_generator(0, "rows")
    rows = generator.normal(size=(N, D)) * generator.uniform(0.1, 3, D) + 20
    labels = np.full((N, K), -1, np.int8)
    labels[np.arange(N), (rows[:, 0] > 20).astype(int) + (rows[:, 1] > 20)] = 1
    return rows.astype(np.float16), labels, generator.random((N, K))


def write(folder, rows, order, sizes):
    """Files of several sizes that hold rows in some order, each after seven other bytes."""
    files, start = [], 0
    for number, size in enumerate(sizes):
        path = folder / f"{number}.bin"
        path.write_bytes(b"1234567" + rows[order[start : start + size]].tobytes())
        files.append(RowsFile(path, 7, size))
        start += size
    assert start == len(rows)
    return StreamedRows(files, D, rows.dtype.str, order.copy())


@pytest.fixture
def streamed(data, tmp_path):
    order = make_generator(1, "order").permutation(N)
    return write(tmp_path, data[0], order, [1, 3, 200, 96, 0, 150, 50])


def test_rows_and_any_selection_of_them_are_those_of_the_array(data, streamed):
    rows = data[0].astype(np.float32)
    np.testing.assert_array_equal(streamed.array(), rows)
    chosen = make_generator(2, "chosen").choice(N, 123, replace=False)
    np.testing.assert_array_equal(streamed[chosen].array(), rows[chosen])
    mask = rows[:, 2] > 20
    np.testing.assert_array_equal(streamed[mask].array(), rows[mask])
    np.testing.assert_array_equal(streamed[mask][chosen[:9] % mask.sum()].array(),
                                  rows[mask][chosen[:9] % mask.sum()])  # fmt: skip
    assert len(streamed[~mask]) + len(streamed[mask]) == N


def test_no_block_is_larger_than_one_and_a_file_together(streamed):
    assert all(len(rows) < 2 * 64 for _places, rows in streamed.blocks())
    assert sum(len(rows) for _places, rows in streamed.blocks()) == N


def test_moments_are_those_of_numpy(data, streamed):
    exact = data[0].astype(float)
    np.testing.assert_allclose(streamed.measure(), (exact.mean(0), exact.std(0)), rtol=1e-6)


@pytest.mark.parametrize("is_exclusive", [True, False])
@pytest.mark.parametrize("is_weighted", [True, False])
def test_a_fit_is_that_of_the_array(data, streamed, is_exclusive, is_weighted):
    rows, labels, weights = data
    rows = rows.astype(np.float32)
    options = {"is_exclusive": is_exclusive, "weights": weights if is_weighted else None}
    options["spectrum"] = estimate_spectrum(rows)
    whole = linear_head.fit(rows, labels, 0.1, **options)
    parts = linear_head.fit(streamed, labels, 0.1, **options)
    np.testing.assert_allclose(parts.logits(streamed), whole.logits(rows), atol=2e-3)
    held = np.arange(N) % 4 == 0
    found = [linear_head.hold_out(x, labels, held, (1.0, 0.1), **options) for x in (rows, streamed)]
    for l2, logits in found[0].items():
        np.testing.assert_allclose(found[1][l2], logits, atol=2e-3)


def test_rows_that_are_not_finite_are_refused(data, tmp_path):
    rows, labels, _weights = data
    rows[77, 3] = np.nan
    streamed = write(tmp_path, rows, np.arange(N), [300, 200])
    with pytest.raises(BadArray, match="NaN"):
        linear_head.fit(streamed, labels, 0.1)
