"""Every public function on arrays has a property test, or is listed here with the reason."""

from properties.listing import functions_on_arrays, functions_with_properties

# Training, and what runs a Keras or JAX network, is tested by example: that it resumes to the same
# numbers, and what it learns. A random network per example would compile for minutes. The functions
# of ``estimators`` are tested through the estimators, discounts through the n-gram model, grading
# by mutated solutions, UMAP and approximate neighbors where their extras are.
BY_EXAMPLE = {
    "models.captioning.attention.init_weights",
    "models.captioning.simple_rnn.evaluate",
    "models.captioning.train.mean_loss",
    "models.captioning.train.read_views",
    "models.captioning.train.train",
    "models.estimators.base_network.forward",
    "models.estimators.base_network.loss_and_gradients",
    "models.estimators.validation.encode_labels",
    "models.text.context_mixing.read_mixed",
    "models.text.lstm.log_probabilities",
    "models.text.lstm.train",
    "models.text.ngram.estimate_discounts",
    "models.text.simple_rnn.train",
    "models.text.synthetic_text.generate_for_epochs",
    "models.vision.digit_classifiers.compute_activations",
    "models.vision.finetune.compute_location_weights",
    "models.vision.finetune.fine_tune",
    "models.vision.linear_head.choose_l2",
    "models.vision.linear_head.fit_adam",
    "models.vision.linear_head.hold_out",
    "models.vision.small_resnet.predict_logits",
    "models.vision.small_resnet.train",
    "nn.grading.grade_function",
    "projection.neighbors.find_approximate",
    "projection.plane_map.make_map",
    "projection.umap.umap",
    "training.data_parallel.shard_batch",
    "training.keras_trainer.evaluate",
    "training.keras_trainer.fit",
    "training.keras_trainer.predict",
}


def test_every_public_function_on_arrays_has_a_property_test():
    assert sorted(functions_on_arrays() - functions_with_properties() - BY_EXAMPLE) == []


def test_every_exception_exists_and_has_no_property_test():
    assert sorted(BY_EXAMPLE - functions_on_arrays()) == []
    assert sorted(BY_EXAMPLE & functions_with_properties()) == []
