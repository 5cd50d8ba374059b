import tomllib
from pathlib import Path

from etabli.core import environment
from etabli.core.i18n import translate_message


def test_every_extra_is_described_and_translated():
    project = tomllib.loads(
        (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]
    assert environment.EXTRAS.keys() == project["optional-dependencies"].keys()
    for extra, (package, use) in environment.EXTRAS.items():
        wanted = (package, "jax[cuda12]")  # the latter brings JAX's plugins, in its own version
        assert any(each.startswith(wanted) for each in project["optional-dependencies"][extra])
        assert translate_message(use, "fr") != use


def test_the_machine_has_cores_and_memory():
    told = environment.describe_machine()
    assert told["cores"] >= 1 and told["memory_gb"] > 0
    assert environment.peak_memory_mb() > 1
