"""A cluster for tests: one worker, in this process, without the seconds that Ray takes to start."""

from contextlib import nullcontext

from etabli.core import ray_cluster


class InProcess(ray_cluster.RayCluster):
    """Computes items last to first; ``computed`` counts them, and ``limit`` of them succeed."""

    def __init__(self, cpus=1, limit=None):
        super().__init__(None, cpus, 0)
        self.computed, self.limit = 0, limit

    def share(self, value):
        return value

    def compute(self, make, items, print_line):
        worker = ray_cluster.RemoteWorker(make, ray_cluster.current_language())
        for number in reversed(items):
            if self.computed == self.limit:
                raise KeyboardInterrupt
            result, error = worker.compute(items[number])
            if error:
                raise ray_cluster.RemoteError(*error)
            self.computed += 1
            yield number, result


def use_in_process(monkeypatch, **options):
    """Let every address be that of a cluster in this process, which is returned."""
    cluster = InProcess(**options)
    monkeypatch.setattr(ray_cluster, "connect", lambda address: nullcontext(cluster))
    monkeypatch.setattr(ray_cluster, "fetch", lambda reference: reference)
    return cluster
