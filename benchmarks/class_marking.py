"""Marking a class: a hundred students, eight items each, on all cores.

    python benchmarks/class_marking.py [--students 100] [--workers 2] [--repeats 2]

A made-up class hands in two exercises with eight items (softmax and cross-entropy; the perceptron):
six of ten files are right, three hold a mistake of the exercise's list, and one is as it was handed
out. Every round marks all of them again, with feedback, statistics and the comparison of all files.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import harness

from etabli.core.seeding import make_generator
from etabli.exercises import starter
from etabli.pipelines import course
from etabli.pipelines.course.assignment import read_assignment
from etabli.pipelines.course.handout import write_exercise

EXERCISES = ("tp1.softmax", "tp1.mlp")
SECONDS = 180  # the bar


def hand_in(home: Path, count: int) -> None:
    """Hand exercises out to a class, and write what it hands in."""
    names = "\n".join(["name;email", *(f"Student {at};{at}@x.org" for at in range(count))])
    (home / "list.csv").write_text(names, encoding="utf-8")
    course.hand_out(EXERCISES, home / "list.csv", home / "out")
    given, generator = read_assignment(home / "out"), make_generator(0, "mistakes")
    for student in given.students:
        folder = home / "submissions" / f"{student.name}_1_assignsubmission_file_"
        folder.mkdir(parents=True)
        for exercise in given.exercises:
            handed_out = write_exercise(given, student, exercise, as_notebook=False)
            variant = given.make_variant(student, exercise)
            source = starter.write_script(exercise, variant, with_solution=True)
            kind = generator.integers(10)
            if 6 <= kind < 9:
                mistake = exercise.mistakes[generator.integers(len(exercise.mistakes))]
                source = source.replace(mistake.old, mistake.new)
            token, _newline, _rest = handed_out.partition("\n")
            text = handed_out if kind == 9 else f"{token}\n{source}"
            (folder / f"{exercise.name}.py").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        hand_in(home, options.students)
        rights: set[tuple[int, ...]] = set()

        def mark() -> None:
            shutil.rmtree(home / "marks-files", ignore_errors=True)
            marking = course.mark(
                home / "submissions", home / "marks.csv",
                assignment=home / "out", workers=options.workers, overwrite=True,
            )  # fmt: skip
            rights.add(tuple(each.right for each in marking.statistics))

        name = f"{options.students} students x 8 items, {options.workers} workers"
        timings = harness.compare({name: mark}, repeats=options.repeats, first_counts=True)
    assert len(rights) == 1  # every round gives the same marks
    harness.conclude(
        "class_marking",
        "Marking a class",
        timings,
        {"s for the class, in isolation": (timings[name].median, f"<= {SECONDS}")},
        f"Items right, of {options.students} students: {', '.join(map(str, rights.pop()))}.",
    )


if __name__ == "__main__":
    main()
