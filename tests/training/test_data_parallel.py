"""A batch sharded over devices and processes: the training of one device, whichever dies."""

import numpy as np
import pytest
from training_together import EPOCHS, child, children, ended

from etabli.core.errors import BadSetting
from etabli.training import data_parallel

pytestmark = pytest.mark.needs_jax

NETS = ["dense", "convolutional", "tuned"]


@pytest.fixture(scope="module")
def alone():
    """The losses of one device, and of the same training over four of one process."""
    code, told, err = ended(child(nets=NETS, counts=[4]))
    assert code == 0, err
    return told


@pytest.mark.slow
@pytest.mark.timeout(1600)
@pytest.mark.parametrize("net", NETS)
def test_several_devices_train_as_one(alone, net):
    """Batches that do not divide the images (44 in eights) included."""
    one, four = alone[net]
    assert len(one) >= EPOCHS and len(set(one)) == len(one)
    np.testing.assert_allclose(four, one, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_two_processes_train_as_one_and_only_the_first_writes(alone, tmp_path):
    own = [{"checkpoint": str(tmp_path / f"{number}.safetensors")} for number in range(2)]
    both = [ended(each) for each in children([{}, {}], nets=NETS[1:], devices=2)]
    assert [code for code, _told, _err in both] == [0, 0], both
    for net in NETS[1:]:
        for _code, told, _err in both:
            np.testing.assert_allclose(told[net], alone[net][0], rtol=0, atol=1e-5)
    both = [ended(each) for each in children(own, nets=["dense"])]
    np.testing.assert_allclose(both[1][1]["dense"], alone["dense"][0], rtol=0, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["0.safetensors"]


@pytest.mark.slow
@pytest.mark.timeout(1600)
@pytest.mark.parametrize("dies", [0, 1])
def test_a_lost_process_ends_the_other_with_a_sentence_and_another_number_of_them_goes_on(
    alone, tmp_path, dies
):
    files = [str(tmp_path / f"{number}.safetensors") for number in range(2)]
    own = [{"checkpoint": path} for path in files]
    own[dies]["dies_after"] = 2
    ends = [ended(each) for each in children(own, nets=["dense"])]
    assert ends[dies][0] == -9
    assert (
        ends[1 - dies][0] == 8 and f"Process {dies} of this training was lost" in ends[1 - dies][2]
    )
    assert "Traceback" not in ends[1 - dies][2] and "Check failure" not in ends[1 - dies][2]
    code, told, err = ended(child(nets=["dense"], devices=4, checkpoint=files[0]))
    assert code == 0, err
    np.testing.assert_allclose(told["dense"], alone["dense"][0], rtol=0, atol=1e-5)


class _OnePart:
    """Four devices of two processes, as far as arithmetic goes."""

    size = 4


@pytest.fixture
def second_of_two(monkeypatch):
    monkeypatch.setattr(data_parallel, "_active", data_parallel._Devices(_OnePart, 1, 2))


def test_a_batch_that_cannot_be_sharded_evenly_is_refused_with_the_nearest_that_can(
    second_of_two,
):
    data_parallel.check_batch_size(100)
    with pytest.raises(BadSetting, match="Choose a batch size of 100 or 104"):
        data_parallel.check_batch_size(102)
    with pytest.raises(BadSetting, match="Choose a batch size of 4"):
        data_parallel.check_batch_size(2)


def test_a_process_reads_its_own_part_of_a_batch_and_all_of_one_that_does_not_divide(second_of_two):
    assert data_parallel.local_rows(100) == slice(50, 100)
    assert data_parallel.local_rows(6) == slice(None)
    assert not data_parallel.is_main_process()


def test_where_nothing_is_spread_everything_stays_as_it_is(tmp_path):
    array, path = np.arange(3), tmp_path / "file"
    assert (
        data_parallel.shard_batch(array) is array
        and data_parallel.replicate(array) is array
        and data_parallel.to_host(array) is array
    )
    assert (
        data_parallel.is_main_process()
        and data_parallel.count_devices() == data_parallel.count_processes() == 1
    )
    assert data_parallel.local_rows(7) == slice(None) and data_parallel.broadcast_from_main(
        {"a": 1}
    ) == {"a": 1}
    data_parallel.check_batch_size(7)
    path.write_bytes(b"mine")
    data_parallel.broadcast_file(path)
    assert path.read_bytes() == b"mine"


def test_more_devices_than_there_are_is_a_sentence():
    with pytest.raises(BadSetting, match="fewer devices"), data_parallel.use_devices(4000):
        pass
