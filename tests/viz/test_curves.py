from etabli.viz.curves import learning_curves, lines

HISTORY = [{"epoch": 1, "loss": 2.0, "test_loss": 2.1}, {"epoch": 2, "loss": 1.0}]


def test_each_key_of_a_history_becomes_a_curve_of_the_rows_that_have_it():
    ax = learning_curves(HISTORY, {"loss": "training", "test_loss": "test"})
    first, second = ax.lines
    assert first.get_xydata().tolist() == [[1, 2], [2, 1]]
    assert second.get_xydata().tolist() == [[1, 2.1]]
    assert [text.get_text() for text in ax.get_legend().texts] == ["training", "test"]


def test_a_single_curve_needs_no_legend():
    assert lines({"": ([1, 2], [3, 4])}, log_x=True, log_y=True).get_legend() is None


def test_twenty_curves_can_be_told_apart():
    ax = lines({str(k): ([0, 1], [k, k]) for k in range(20)})
    looks = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == 20
