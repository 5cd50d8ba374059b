"""The specification of every experiment is complete and consistent."""

import importlib

import pytest

from etabli import experiments
from etabli.core.i18n import LANGUAGES, use_language
from etabli.data.catalog import registry
from etabli.experiments.spec import ExperimentSpec
from etabli.report.numbers import score_label


@pytest.mark.parametrize("name", experiments.EXPERIMENTS)
class TestSpec:
    def test_it_is_in_the_module_of_its_name(self, name):
        spec = importlib.import_module(experiments.module_name(name)).EXPERIMENT
        assert isinstance(spec, ExperimentSpec)
        assert spec.name == name
        assert name.split(".")[0] in experiments.PRACTICALS

    def test_it_says_what_it_measures_and_needs(self, name):
        spec = experiments.load_experiment(name)
        assert all([spec.title, spec.measures, spec.source])
        assert 0 < spec.minutes <= 60
        assert 0 < spec.memory_mb <= 16_000
        assert spec.seeds >= 1

    def test_its_settings_are_valid_described_and_known_on_sample_data(self, name):
        spec = experiments.load_experiment(name)
        for kind in ("sample", "full"):
            assert spec.settings_for(kind)
        for key, field in spec.settings.model_fields.items():
            assert field.description, f"{name}: the setting {key} has no description"

    def test_its_data_sets_are_in_the_catalog(self, name):
        for each in experiments.load_experiment(name).data:
            assert registry.get_dataset(each)

    def test_its_claims_and_published_values_are_named_once_with_their_source(self, name):
        spec = experiments.load_experiment(name)
        keys = [claim.key for claim in spec.claims]
        scores = [known.score for known in spec.published]
        assert len(set(keys)) == len(keys)
        assert len(set(scores)) == len(scores)
        assert all(each.where for each in (*spec.claims, *spec.published))

    def test_its_headline_has_a_plain_name_in_both_languages(self, name):
        headline = experiments.load_experiment(name).headline
        for language in LANGUAGES if headline else ():
            with use_language(language):
                label = score_label(headline)
            assert "_" not in label and len(label) <= 30

    def test_a_range_that_it_expects_is_a_range(self, name):
        for each in experiments.load_experiment(name).expected_ranges.values():
            assert each.low < each.high
            assert bool(each.reason) != bool(each.seeds and each.date and each.commit)


def test_experiments_are_in_the_order_of_their_practicals():
    practicals = [name.split(".")[0] for name in experiments.EXPERIMENTS]
    assert practicals == sorted(practicals)
    assert len(set(experiments.EXPERIMENTS)) == len(experiments.EXPERIMENTS)
