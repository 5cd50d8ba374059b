"""Every public function on arrays has a property test, or stands here with the reason why it has another kind."""

from properties.listing import functions_on_arrays, functions_with_properties

# Trainings, and what runs a Keras or a JAX net: that they go on after an interruption to the same numbers, and what
# they learn, is tested by example; a random net a time would compile for minutes.
BY_EXAMPLE = {
    "models.attention.initial",
    "models.synthetic.beside",
    "models.caption_training.mean_loss",
    "models.caption_training.train",
    "models.captioner.evaluate",
    "models.char_modern.log_probabilities",
    "models.char_modern.train",
    "models.char_rnn.train",
    "models.classifiers.activations",
    "models.export.checked",
    "models.finetune.fine_tune",
    "models.finetune.shares_of_places",
    "models.multilabel.choose_decay",
    "models.multilabel.fit_by_adam",
    "models.residual.logits",
    "models.residual.teach",
    "models.spread.deal",
    "models.training.evaluate",
    "models.training.fit",
    "models.training.predict",
}


def test_every_public_function_on_arrays_has_a_property_test():
    assert sorted(functions_on_arrays() - functions_with_properties() - BY_EXAMPLE) == []


def test_what_is_excepted_exists_and_has_none():
    assert sorted(BY_EXAMPLE - functions_on_arrays()) == []
    assert sorted(BY_EXAMPLE & functions_with_properties()) == []
