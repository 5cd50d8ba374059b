"""Every recipe card of the house is complete and agrees with itself."""

import importlib

import pytest

from etabli import experiments
from etabli.data.catalog import registry
from etabli.experiments.spec import ExperimentSpec


@pytest.mark.parametrize("name", experiments.EXPERIMENTS)
class TestCard:
    def test_it_stands_in_the_module_of_its_name(self, name):
        card = importlib.import_module(experiments.module_name(name)).EXPERIMENT
        assert isinstance(card, ExperimentSpec)
        assert card.name == name
        assert card.practical in experiments.PRACTICALS

    def test_it_says_what_it_is_and_what_it_takes(self, name):
        card = experiments.load_experiment(name)
        assert all([card.title, card.measures, card.source])
        assert 0 < card.minutes <= 60
        assert 0 < card.memory_mb <= 16_000
        assert card.seeds >= 1

    def test_its_settings_are_valid_described_and_known_on_sample_data(self, name):
        card = experiments.load_experiment(name)
        for kind in ("sample", "full"):
            assert card.settings_for(kind)
        for key, field in card.settings.model_fields.items():
            assert field.description, f"{name}: the setting {key} has no description"

    def test_its_data_sets_are_in_the_catalogue(self, name):
        for each in experiments.load_experiment(name).data:
            assert registry.resource(each)

    def test_its_claims_and_published_values_are_named_once_and_say_where_they_stand(self, name):
        card = experiments.load_experiment(name)
        keys = [claim.key for claim in card.claims]
        scores = [known.score for known in card.published]
        assert len(set(keys)) == len(keys)
        assert len(set(scores)) == len(scores)
        assert all(each.where for each in (*card.claims, *card.published))

    def test_a_range_that_it_expects_is_a_range(self, name):
        assert all(
            low < high for low, high in experiments.load_experiment(name).expected_ranges.values()
        )


def test_experiments_stand_in_the_order_of_their_practicals():
    practicals = [name.split(".")[0] for name in experiments.EXPERIMENTS]
    assert practicals == sorted(practicals)
    assert len(set(experiments.EXPERIMENTS)) == len(experiments.EXPERIMENTS)
