"""A cluster loses no item: workers that fail, are slow, or have other versions."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from etabli.core import ray_cluster
from etabli.core.errors import EtabliError, MissingExtra
from etabli.core.ray_cluster import RayCluster

OURS = ray_cluster.describe_versions()


class ActorError(Exception):
    """What Ray raises for a worker that died."""


class FakeRay:
    """Ray in one thread: every worker behaves as ``kinds`` says, in the order of their start.

    "good" workers answer at once, "dead" ones die at their first item, "stuck" ones never answer
    an item, "old" ones have another NumPy, and "broken" ones cannot start.
    """

    exceptions = SimpleNamespace(RayActorError=ActorError, RayError=ActorError)

    def __init__(self, *kinds):
        self.kinds, self.killed, self.started = list(kinds), [], 0
        self.results = {}

    def remote(self, cls):
        return SimpleNamespace(options=lambda **options: SimpleNamespace(remote=self._start(cls)))

    def _start(self, cls):
        def start(*arguments):
            kind = self.kinds[self.started] if self.started < len(self.kinds) else "good"
            self.started += 1
            worker, node = cls(*arguments), f"node-{self.started}"
            versions = OURS | ({"numpy": "1.0"} if kind == "old" else {})

            def compute(item):
                if kind == "dead":
                    return ActorError("killed")
                return worker.compute(item)

            described = ActorError("no module named etabli") if kind == "broken" else None
            return SimpleNamespace(
                describe=self._method(lambda: described or (node, versions)),
                compute=self._method(compute, is_stuck=kind == "stuck"),
            )

        return start

    def _method(self, function, is_stuck=False):
        def remote(*arguments):
            reference = object()
            if not is_stuck:
                self.results[reference] = function(*arguments)
            return reference

        return SimpleNamespace(remote=remote)

    def wait(self, references, timeout):
        return [each for each in references if each in self.results][:1], []

    def get(self, reference):
        result = self.results[reference]
        if isinstance(result, Exception):
            raise result
        return result

    def kill(self, actor):
        self.killed.append(actor)


def square(item):
    if item < 0:
        raise EtabliError("no root of it")
    return item * item


def compute(kinds, items, workers=2):
    """The results on such workers, and the lines that were printed."""
    ray, lines = FakeRay(*kinds), []
    cluster = RayCluster(ray, workers, 0)
    found = list(cluster.compute(lambda: square, dict(enumerate(items)), lines.append))
    assert len(found) == len(items)
    assert len(ray.killed) == ray.started - sum(each in ("dead", "broken") for each in kinds)
    return [result for _number, result in sorted(found)], lines


def test_every_item_is_computed_once_without_a_line():
    assert compute([], range(7)) == ([n * n for n in range(7)], [])


def test_the_item_of_a_worker_that_failed_is_computed_by_another():
    results, lines = compute(["dead", "good", "dead"], range(5))
    assert results == [0, 1, 4, 9, 16] and len(lines) == 2
    assert lines[0] == "A worker on node-1 failed: part 0 is computed by another one."


def test_an_item_that_three_workers_fail_at_ends_the_computation():
    with pytest.raises(EtabliError, match=r"3 workers failed at part 0: got killed\. Run"):
        compute(["dead"] * 3, [1], workers=1)


def test_the_item_of_a_slow_worker_is_given_to_another_too(monkeypatch):
    monkeypatch.setattr(ray_cluster, "_SLOW_SECONDS", 0.01)
    results, lines = compute(["stuck"], range(6))
    assert results == [0, 1, 4, 9, 16, 25] and len(lines) == 1
    assert lines[0].startswith("The worker on node-1 is slow (0 s, others 0 s): part 0 is given")


def test_a_worker_with_another_version_is_not_used():
    results, lines = compute(["old"], range(4))
    assert results == [0, 1, 4, 9]
    ours = OURS["numpy"]
    assert lines == [
        f"The worker on node-1 is not used because its versions differ: numpy 1.0, here {ours}."
    ]


def test_without_any_worker_of_this_version_the_fix_pins_the_packages():
    with pytest.raises(EtabliError, match=r"no worker that can be used.* pip install etabli=="):
        compute(["old", "old"], range(4))


def test_a_worker_that_cannot_start_is_replaced_twice():
    results, lines = compute(["broken", "broken"], range(3))
    assert results == [0, 1, 4]
    assert lines[0] == "A worker of the cluster cannot start: no module named etabli."
    with pytest.raises(EtabliError, match="no worker that can be used"):
        compute(["broken"] * 3, [1], workers=1)


def test_a_cluster_without_a_free_worker_is_reported_once(monkeypatch):
    monkeypatch.setattr(ray_cluster, "_PATIENCE", -1.0)
    ray, lines = FakeRay(), []
    answers = iter([[], [], None, None])

    def wait(references, timeout):
        answer = next(answers, None)
        return FakeRay.wait(ray, references, timeout) if answer is None else (answer, [])

    ray.wait = wait
    assert dict(RayCluster(ray, 1, 0).compute(lambda: square, {0: 3}, lines.append)) == {0: 9}
    assert lines == ["The cluster has no free worker yet; waiting for one."]


def test_an_error_of_the_function_is_that_of_the_caller():
    with pytest.raises(EtabliError, match="no root of it"):
        compute([], [-1])


def test_without_the_extra_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"etabli\[cluster\]"), ray_cluster.connect("auto"):
        pass


@pytest.mark.slow
def test_an_unreachable_address_is_one_sentence():
    """In a process of its own: another test may have connected this one."""
    pytest.importorskip("ray", reason="needs the extra 'cluster'")
    code = "from etabli.core import ray_cluster\nwith ray_cluster.connect('nowhere'): pass"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "cannot connect to the Ray cluster nowhere" in done.stderr.splitlines()[-1]
