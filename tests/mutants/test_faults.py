"""The list of faults fits the source: every edit still has its place, every test exists."""

import ast
from collections import Counter
from pathlib import Path

from mutants.faults import FAULTS

HOME = Path(__file__).parent.parent.parent


def test_every_edit_has_exactly_one_place_and_leaves_python():
    for fault in FAULTS:
        text = (HOME / "src" / "etabli" / fault.file).read_text(encoding="utf-8")
        assert text.count(fault.old) == 1, fault.what
        assert fault.old != fault.new, fault.what
        ast.parse(text.replace(fault.old, fault.new))


def test_there_are_some_sixty_faults_and_each_has_its_words():
    assert len(FAULTS) >= 60
    assert max(Counter(fault.what for fault in FAULTS).values()) == 1


def test_every_named_test_exists():
    for fault in FAULTS:
        for test in fault.tests:
            file, _colons, name = test.partition("::")
            text = (HOME / file).read_text(encoding="utf-8")
            assert not name or f"def {name.partition('[')[0]}(" in text, test
