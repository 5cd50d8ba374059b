"""Kill a command (SIGKILL) at random moments until it has finished; then compare its outcome.

The commands run in forks of one process that has imported what they need: a fork starts at once and
dies of the same signal as any process.
"""

import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WAIT = 1800.0  # seconds after which a command is taken to hang, on however busy a machine


@dataclass(frozen=True)
class Command:
    """A long command.

    ``run(folder)`` writes below ``folder``; ``started(folder)`` returns whether work is on disk;
    ``outcome(folder)`` returns the result as plain values. A file of the pattern ``kept`` is
    finished when it exists: no later start may write it again.
    """

    name: str
    run: Callable[[Path], None]
    started: Callable[[Path], bool]
    outcome: Callable[[Path], object]
    kept: str = "run/*/*/seed_run.json"


def get_fork_context():
    """Return the context in which commands are started."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faults.preloaded"])
    return context


def start(command: Command, folder: Path, shared: Path):
    """Start the command in a process; its cache is in ``folder``, except for what all may share."""
    process = get_fork_context().Process(target=_in_a_process, args=(command.run, folder, shared))
    process.start()
    return process


def _in_a_process(run: Callable[[Path], None], folder: Path, shared: Path) -> None:
    os.environ["ETABLI_CACHE"] = str(folder / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("samples", "files"):
        (shared / name).mkdir(parents=True, exist_ok=True)
        (folder / "cache").mkdir(exist_ok=True)
        if not (folder / "cache" / name).exists():
            (folder / "cache" / name).symlink_to(shared / name)
    os.chdir(folder)
    log = (folder / "log.txt").open("a")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w", buffering=1) for number in (1, 2))
    import jax

    jax.config.update("jax_compilation_cache_dir", str(shared / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    run(folder)


def run_undisturbed(command: Command, folder: Path, shared: Path) -> tuple[object, float, float]:
    """Return the outcome without a kill, and the seconds until work began and until the end."""
    begun = time.perf_counter()
    process = start(command, folder, shared)
    first = _until(lambda: command.started(folder) or not process.is_alive()) - begun
    process.join(WAIT)
    assert process.exitcode == 0, (
        f"{command.name} failed: {(folder / 'log.txt').read_text()[-2000:]}"
    )
    return command.outcome(folder), first, time.perf_counter() - begun


def run_killed(
    command: Command, folder: Path, shared: Path, seed: int, kills: int, times: tuple[float, float]
) -> tuple[object, int, tuple[float, float]]:
    """Kill the command ``kills`` times, then let it finish.

    The first kill falls between the first work on disk and the end of the undisturbed run, the
    others anywhere. If the command finished before the first kill, ``times`` were too long (the
    undisturbed run compiled, this one need not).

    Returns:
        The outcome, how many kills met the command alive, and the corrected ``times``.
    """
    draw, landed = random.Random(f"{command.name} {seed}"), 0
    finished: dict[Path, int] = {}
    for number in range(kills):
        process = start(command, folder, shared)
        begun = time.perf_counter()
        if number == 0:
            at_work = _until(lambda alive=process.is_alive: command.started(folder) or not alive())
            delay = at_work - begun + draw.uniform(0.0, max(0.05, times[1] - times[0]))
        else:
            delay = draw.uniform(0.0, times[1])
        ended = _until(
            lambda alive=process.is_alive, end=begun + delay: (
                time.perf_counter() > end or not alive()
            )
        )
        if not process.is_alive():
            times = (at_work - begun, ended - begun) if number == 0 else times
            assert process.exitcode == 0, (folder / "log.txt").read_text()[-2000:]
            break
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        landed += 1
        finished |= {
            path: path.stat().st_mtime_ns
            for path in folder.glob(command.kept)
            if path not in finished
        }
    process = start(command, folder, shared)
    process.join(WAIT)
    assert process.exitcode == 0, (
        f"{command.name} failed: {(folder / 'log.txt').read_text()[-2000:]}"
    )
    rewritten = [path.name for path, stamp in finished.items() if path.stat().st_mtime_ns != stamp]
    assert not rewritten, f"{command.name}: finished, but written again: {rewritten}"
    return command.outcome(folder), landed, times


def kill_repeatedly(
    command: Command, folder: Path, shared: Path, kills: int, chain: int = 3, seed: int = 0
) -> int:
    """Kill the command ``kills`` times, in chains of at most ``chain`` that each must finish.

    A chain of a command that finished before it was killed is repeated.

    Returns:
        The number of chains.
    """
    wanted, *times = run_undisturbed(command, folder / "undisturbed", shared)
    left, number = kills, 0
    while left > 0 and number < 3 * kills:
        place = folder / f"killed-{number}"
        found, landed, times = run_killed(
            command, place, shared, seed + number, min(chain, left), tuple(times)
        )
        assert found == wanted, f"{command.name}, chain {number}: {first_difference(wanted, found)}"
        shutil.rmtree(place)
        left, number = left - landed, number + 1
    assert left <= 0, f"{command.name} ended too early for {left} of {kills} kills"
    return number


def first_difference(one: object, two: object, path: str = "") -> str:
    """Return where two outcomes differ first."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted({*one, *two}, key=str):
            if key not in one or key not in two or one[key] != two[key]:
                return first_difference(one.get(key), two.get(key), f"{path}/{key}")
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for place, (a, b) in enumerate(zip(one, two, strict=True)):
            if a != b:
                return first_difference(a, b, f"{path}[{place}]")
    return f"{path}: {str(one)[:200]} is not {str(two)[:200]}"


def _until(condition: Callable[[], bool]) -> float:
    end = time.perf_counter() + WAIT
    while not condition():
        assert time.perf_counter() < end, "the command hangs"
        time.sleep(0.005)
    return time.perf_counter()
