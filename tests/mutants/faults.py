"""Small faults in protocols, recipes and metrics, and the tests that should find them.

``tools/mutation.py`` puts each into a copy of the tree and runs its tests there.
"""

from typing import NamedTuple

LEAKS = "tests/experiments/test_leaks.py::"
MOVES = LEAKS + "test_random_test_examples_change_nothing_that_was_chosen_or_trained"
TRAINS = LEAKS + "test_random_validation_examples_change_no_training_that_chooses_on_them"
RECIPES = "tests/training/test_recipes.py::"
ORDER = RECIPES + "test_the_order_differs_from_epoch_to_epoch_and_follows_the_seed"
VIEWS = RECIPES + "test_augmentation_differs_from_epoch_to_epoch_and_follows_the_seed"
SEARCH_OF_TP1 = "tests/experiments/tp1/test_search.py"
SEARCH_OF_TP2 = (
    "tests/experiments/tp2/test_experiments.py::test_the_search_uses_training_images_only"
)
TP1, TP2, TP3 = (f"experiments/tp{number}" for number in (1, 2, 3))
TP4, TP5 = "experiments/tp4", "experiments/tp5"
HEAD, TUNE = "models/vision/linear_head.py", "models/vision/finetune.py"
RESIDUAL, LOADER = "models/vision/small_resnet.py", "training/data_loader.py"
CAPTIONS, LSTM = "models/captioning/train.py", "models/text/lstm.py"
NGRAM, FAST = "models/text/ngram.py", "models/estimators/fast_training.py"


class Fault(NamedTuple):
    """An edit of a file of ``src/etabli``: ``old`` occurs there exactly once."""

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FAULTS = (
    # test examples that choose or train ------------------------------------------------------
    Fault(
        "practical 1: the search is scored on the test images",
        f"{TP1}/_shared.py",
        "values.append(model.score(x[train_size:], y[train_size:]))",
        "values.append(model.score(digits.flatten()[1], digits.test_labels))",
        (SEARCH_OF_TP1, f"{MOVES}[tp1.logistic]"),
    ),
    Fault(
        "practical 1: the search is fitted on its validation part",
        f"{TP1}/_shared.py",
        "build(config, seed).fit(x[:train_size], y[:train_size])",
        "build(config, seed).fit(x, y)",
        (SEARCH_OF_TP1,),
    ),
    Fault(
        "practical 2: the search is scored on the test images",
        f"{TP2}/_shared.py",
        "model, to_inputs(part.test_images, model), part.test_labels",
        "model, to_inputs(digits.test_images, model), digits.test_labels",
        (SEARCH_OF_TP2, f"{MOVES}[tp2.cnn]"),
    ),
    Fault(
        "practical 2: the search is fitted on its validation part",
        f"{TP2}/_shared.py",
        "train_images=digits.train_images[:train_size],\n"
        "        train_labels=digits.train_labels[:train_size],",
        "",
        (SEARCH_OF_TP2,),
    ),
    Fault(
        "practical 3: the weight decay is chosen on the test list",
        f"{TP3}/transfer.py",
        "choose_weight_decay(context, settings, better_train)",
        "choose_weight_decay(context, settings, better_test)",
        (f"{MOVES}[tp3.transfer]",),
    ),
    Fault(
        "practical 3: the better method is fitted on the test list",
        f"{TP3}/transfer.py",
        "best = linear_head.fit(better_train.features, better_train.images.labels, weight_decay)",
        "best = linear_head.fit(better_test.features, better_test.images.labels, weight_decay)",
        (f"{MOVES}[tp3.transfer]",),
    ),
    Fault(
        "practical 3: a net from scratch reads the test images",
        f"{TP3}/scratch.py",
        "self.inputs[rows],\n            labels,",
        "self.test_inputs[rows],\n            labels,",
        (f"{MOVES}[tp3.transfer]",),
    ),
    Fault(
        "practical 3: the thresholds are chosen on the test list",
        f"{TP3}/finetune.py",
        "save_model(context, task, net, thresholds, score)",
        "thresholds = linear_head.choose_thresholds(task.test.labels, expit(test_logits))\n"
        "    save_model(context, task, net, thresholds, score)",
        (f"{MOVES}[tp3.finetune]",),
    ),
    Fault(
        "practical 3: the fine-tuned layer starts from a fit of the test list",
        f"{TP3}/finetune.py",
        "heads = [head for head, _features in fitted]",
        "heads = [linear_head.fit(frozen_test, task.test.labels, 0.1) for _split in splits]",
        (f"{MOVES}[tp3.finetune]",),
    ),
    Fault(
        "practical 3: cross-validation fits the held-out fold",
        HEAD,
        "inside, held = features[~outside], features[outside]\n    known, weights = "
        "labels[~outside], None if weights is None else weights[~outside]",
        "inside, held, known = features, features[outside], labels",
        ("tests/models/vision/test_linear_head.py", "tests/models/vision/test_leave_one_out.py"),
    ),
    Fault(
        "practical 3: images that are validated are trained, too",
        "features/finetune_data.py",
        "self.train, self.validation = parts or images.split_validation(share, generator)",
        "self.train, self.validation = parts or images.split_validation(share, generator)\n"
        "        self.train = images",
        ("tests/features/test_finetune_data.py",),
    ),
    Fault(
        "practical 4: the epochs are chosen on the test part",
        f"{TP4}/_shared.py",
        "start, end, epochs = validation_start(text), text.boundary(), settings.max_epochs",
        "start, end, epochs = text.boundary(), len(text.codes), settings.max_epochs",
        (f"{MOVES}[tp4.poetry]",),
    ),
    Fault(
        "practical 4: the epochs are chosen on text that was trained on",
        f"{TP4}/_shared.py",
        "_start_training(text, settings, start, epochs, 0, checkpoint)",
        "_start_training(text, settings, end, epochs, 0, checkpoint)",
        (f"{TRAINS}[tp4.poetry]",),
    ),
    Fault(
        "practical 4: the SimpleRNN trains on the test part",
        f"{TP4}/_shared.py",
        "text, settings, text.boundary(), epochs, context.seed, checkpoint",
        "text, settings, len(text.codes), epochs, context.seed, checkpoint",
        (f"{MOVES}[tp4.poetry]",),
    ),
    Fault(
        "practical 4: the n-gram models count the test part",
        f"{TP4}/_shared.py",
        "model = build(text.codes[:boundary], size, order)",
        "model = build(text.codes, size, order)",
        (f"{MOVES}[tp4.poetry]",),
    ),
    Fault(
        "practical 4: the LSTMs and their mixture are chosen on the test part",
        f"{TP4}/poetry_modern.py",
        "start, end = _shared.validation_start(text), text.boundary()\n    targets",
        "start, end = text.boundary(), len(text.codes)\n    targets",
        (f"{MOVES}[tp4.poetry-modern]",),
    ),
    Fault(
        "practical 4: the LSTMs are chosen on text that they were trained on",
        f"{TP4}/poetry_modern.py",
        "distillation = _make_distillation(text, start, settings, seed=0)",
        "distillation = _make_distillation(text, end, settings, seed=0)",
        (f"{TRAINS}[tp4.poetry-modern]",),
    ),
    Fault(
        "practical 4: the LSTMs train on the test part",
        f"{TP4}/poetry_modern.py",
        "_make_distillation(text, text.boundary(), settings, context.seed)",
        "_make_distillation(text, len(text.codes), settings, context.seed)",
        (f"{MOVES}[tp4.poetry-modern]",),
    ),
    Fault(
        "practical 4: the teacher counted the characters that it teaches",
        NGRAM,
        "others = np.concatenate([codes[:first], codes[last:]])",
        "others = codes",
        ("tests/models/text/test_ngram.py",),
    ),
    Fault(
        "practical 5: the search is chosen on the test images",
        f"{TP5}/_captioner.py",
        'dev, maps = splits.split("dev")',
        'dev, maps = splits.split("test")',
        (f"{MOVES}[tp5.caption-modern]",),
    ),
    Fault(
        "practical 5: the epoch of the GRU is chosen on the test images",
        f"{TP5}/_captioner.py",
        'members, dev, read_dev = [], splits.data.dev, read(splits.maps["dev"])',
        'members, dev, read_dev = [], splits.data.test, read(splits.maps["test"])',
        (f"{MOVES}[tp5.attention]",),
    ),
    Fault(
        "practical 5: the epoch of the report's captioner is chosen on the test images",
        f"{TP5}/caption.py",
        'captions = inputs.write(inputs.make_captioner(weights, eos_bias), "dev")\n'
        "        return [score.value for score in bleu(captions, dev.captions)]",
        'captions = inputs.write(inputs.make_captioner(weights, eos_bias), "test")\n'
        "        test = inputs.splits.data.test\n"
        "        return [score.value for score in bleu(captions, test.captions)]",
        (f"{MOVES}[tp5.caption]",),
    ),
    Fault(
        "practical 5: the vocabulary has words of test captions",
        f"{TP5}/_captioner.py",
        "Vocabulary.most_frequent(train_set.rows()[1], min_count",
        "Vocabulary.most_frequent(train_set.rows()[1] + splits.data.test.rows()[1], min_count",
        (f"{MOVES}[tp5.caption-modern]",),
    ),
    Fault(
        "practical 5: the PCA is that of the test images",
        f"{TP5}/caption.py",
        'pca = fit_pca(maps["train"], pca_components)',
        'pca = fit_pca(maps["test"], pca_components)',
        (f"{MOVES}[tp5.caption]",),
    ),
    Fault(
        "practical 5: the padding depends on test captions",
        f"{TP5}/caption.py",
        "vocabulary.encode(train_captions)[0]",
        "vocabulary.encode(train_captions + splits.data.test.rows()[1])[0]",
        (f"{MOVES}[tp5.caption]",),
    ),
    Fault(
        "practical 5: the captioner trains on the development images",
        f"{TP5}/caption.py",
        'train(context, inputs, settings, data["train"], label, evaluated)',
        'train(context, inputs, settings, data["dev"], label, evaluated)',
        (f"{TRAINS}[tp5.caption]",),
    ),
    # the order of the examples ---------------------------------------------------------------
    Fault(
        "nets in NumPy: every epoch in the same order",
        "models/estimators/base_network.py",
        "        if self.shuffle:\n",
        "        if self.shuffle and not self.history_:\n",
        (f"{ORDER}[nets in NumPy]",),
    ),
    Fault(
        "nets in Keras: every epoch in the same order",
        LOADER,
        'make_generator(self.seed, "order", str(epoch))',
        'make_generator(self.seed, "order")',
        (f"{ORDER}[nets in Keras]",),
    ),
    Fault(
        "nets in Keras: the order does not follow the seed",
        LOADER,
        'make_generator(self.seed, "order", str(epoch))',
        'make_generator(0, "order", str(epoch))',
        (f"{ORDER}[nets in Keras]",),
    ),
    Fault(
        "small residual net: the images in the order of the list",
        RESIDUAL,
        "np.resize(generator.permutation(len(images)), count)",
        "np.resize(np.arange(len(images)), count)",
        (f"{ORDER}[small residual net]",),
    ),
    Fault(
        "fine-tuning: every epoch in the same order",
        TUNE,
        'make_generator(config.seed, "fine-tuning", str(epoch))',
        'make_generator(config.seed, "fine-tuning")',
        (f"{ORDER}[fine-tuning]",),
    ),
    Fault(
        "fine-tuning: order and views do not follow the seed",
        TUNE,
        'make_generator(config.seed, "fine-tuning", str(epoch))',
        'make_generator(0, "fine-tuning", str(epoch))',
        (f"{ORDER}[fine-tuning]", f"{VIEWS}[fine-tuning]"),
    ),
    Fault(
        "linear layer of the report: the images in the order of the list",
        HEAD,
        "order = generator.permutation(len(features))",
        "order = np.arange(len(features))",
        (f"{ORDER}[linear layer of the report]",),
    ),
    Fault(
        "text, SimpleRNN: the windows in the order of the text",
        "models/text/simple_rnn.py",
        "yield shuffling.permutation(count)",
        "yield np.arange(count)",
        (f"{ORDER}[text, SimpleRNN]",),
    ),
    Fault(
        "text, LSTM: every epoch has the same chunks",
        LSTM,
        "int(offsets.integers(config.steps))",
        "0",
        (f"{ORDER}[text, LSTM]",),
    ),
    Fault(
        "GloVe: the words in the order of their frequency",
        "models/text/glove.py",
        "order, error = random.permutation(words), 0.0",
        "order, error = np.arange(words), 0.0",
        (f"{ORDER}[GloVe]",),
    ),
    Fault(
        "captions, SimpleRNN: every epoch in the same order",
        "models/captioning/simple_rnn.py",
        "[shuffle.permutation(len(data)) for _epoch in range(epochs)]",
        "[shuffle.permutation(len(data))] * epochs",
        (f"{ORDER}[captions, SimpleRNN]",),
    ),
    Fault(
        "captions, attention: the order does not follow the seed",
        CAPTIONS,
        'make_generator(seed, "caption", "order")',
        'make_generator(0, "caption", "order")',
        (f"{ORDER}[captions, attention]",),
    ),
    # augmentation and dropout ----------------------------------------------------------------
    Fault(
        "nets in Keras: the augmentation does not follow the seed",
        LOADER,
        'make_generator(self.seed, "augment", str(epoch))',
        'make_generator(0, "augment", str(epoch))',
        (f"{VIEWS}[nets in Keras]",),
    ),
    Fault(
        "nets in Keras: the same augmentation in every epoch",
        LOADER,
        'make_generator(self.seed, "augment", str(epoch))',
        'make_generator(self.seed, "augment")',
        (f"{VIEWS}[nets in Keras]",),
    ),
    Fault(
        "nets in NumPy: the shift does not follow the seed",
        "models/estimators/base_network.py",
        'generator=make_generator(int(seed), "shift")',
        'generator=make_generator(0, "shift")',
        (f"{VIEWS}[nets in NumPy]",),
    ),
    Fault(
        "small residual net: mirroring does not follow the seed",
        RESIDUAL,
        "mirrored = generator.random(len(order)) < 0.5",
        "mirrored = np.random.default_rng(epoch).random(len(order)) < 0.5",
        (f"{VIEWS}[small residual net]",),
    ),
    Fault(
        "captions, attention: the views do not follow the seed",
        CAPTIONS,
        'make_generator(seed, "caption", "views")',
        'make_generator(0, "caption", "views")',
        (f"{VIEWS}[captions, attention]",),
    ),
    Fault(
        "captions, attention: dropout does not follow the seed",
        CAPTIONS,
        "key = jax.random.key(seed)",
        "key = jax.random.key(0)",
        (f"{RECIPES}test_dropout_follows_the_seed",),
    ),
    Fault(
        "text, SimpleRNN: dropout does not follow the seed",
        "models/text/simple_rnn.py",
        'derive_keras_seed(seed, "char_rnn", "dropout")',
        'derive_keras_seed(0, "char_rnn", "dropout")',
        (f"{RECIPES}test_dropout_follows_the_seed",),
    ),
    Fault(
        "t-SNE: the start does not follow the seed",
        "projection/tsne.py",
        'make_generator(seed, "tsne", "start")',
        'make_generator(0, "tsne", "start")',
        (f"{RECIPES}test_the_start_of_tsne_follows_the_seed",),
    ),
    # labels, decay, clipping, schedules ------------------------------------------------------
    Fault(
        "small residual net: difficult labels are trained as absent",
        RESIDUAL,
        "known = ops.cast(labels != 0, logits.dtype)\n",
        "labels = ops.where(labels == 0, -1, labels)\n"
        "    known = ops.cast(labels != 0, logits.dtype)\n",
        (
            "tests/models/vision/test_small_resnet.py",
            f"{RECIPES}" + "test_difficult_labels_have_no_gradient_in_the_small_residual_net",
        ),
    ),
    Fault(
        "linear layers: difficult labels are trained as absent",
        HEAD,
        "(labels == 1).astype(np.float32), (labels != 0).astype(np.float32)",
        "(labels == 1).astype(np.float32), np.ones(labels.shape, np.float32)",
        (
            "tests/models/vision/test_linear_head.py",
            RECIPES
            + "test_a_class_whose_labels_are_all_difficult_keeps_its_weights_in_the_linear_layers",
        ),
    ),
    Fault(
        "fine-tuning: difficult labels are trained as absent",
        TUNE,
        "known = (labels[rows] != 0).astype(np.float32)",
        "known = np.ones(labels[rows].shape, np.float32)",
        (f"{RECIPES}test_a_class_whose_labels_are_all_difficult_keeps_its_weights_in_fine_tuning",),
    ),
    Fault(
        "captions: the padding is trained as a word",
        CAPTIONS,
        "known = (targets >= 0).astype(jnp.float32)",
        "known = (targets >= -1).astype(jnp.float32)",
        (
            "tests/models/captioning/test_attention.py",
            RECIPES + "test_the_padding_of_captions_has_neither_loss_nor_gradient",
        ),
    ),
    Fault(
        "fine-tuning: biases decay",
        TUNE,
        "weight_decay=self.config.weight_decay if weight.ndim > 1 else 0.0,",
        "weight_decay=self.config.weight_decay,",
        (f"{RECIPES}test_weight_decay_shrinks_matrices_and_no_biases_in_fine_tuning",),
    ),
    Fault(
        "nets in NumPy: biases decay",
        FAST,
        "self.parameters.weights, self.gradients.weights, self.spare.weights, strict=True",
        "self.parameters.arrays, self.gradients.arrays, self.spare.arrays, strict=True",
        (f"{RECIPES}test_the_penalty_of_the_nets_in_numpy_leaves_biases_alone",),
    ),
    Fault(
        "linear classifier: biases decay",
        HEAD,
        "        of_kernel = of_kernel + l2 * kernel\n",
        "        of_kernel, of_bias = of_kernel + l2 * kernel, of_bias + l2 * bias\n",
        ("tests/models/vision/test_linear_head.py",),
    ),
    Fault(
        "text, LSTM: gradients are not clipped",
        LSTM,
        "grads = optimizer.clip_by_global_norm(grads, config.clip)",
        "grads = list(grads)",
        (f"{RECIPES}test_a_huge_gradient_is_clipped_in_the_lstm",),
    ),
    Fault(
        "captions: gradients are not clipped",
        CAPTIONS,
        "gradients = clip_by_global_norm(gradients, config.clip)",
        "gradients = gradients",
        (f"{RECIPES}test_a_huge_gradient_is_clipped_in_the_captioners",),
    ),
    Fault(
        "clipping also lengthens short gradients",
        "training/optimizer.py",
        "scale = jnp.minimum(1.0, max_norm / norm)",
        "scale = max_norm / norm",
        ("tests/training/test_optimizer.py",),
    ),
    Fault(
        "text, LSTM: the learning rate does not decay",
        LSTM,
        "rates = config.learning_rate * optimizer.cosine_schedule(done, floor=0.02)",
        "rates = config.learning_rate * np.ones_like(done)",
        (f"{RECIPES}test_the_learning_rate_of_the_lstm_falls_to_two_percent",),
    ),
    Fault(
        "text, LSTM: the weights are not averaged",
        LSTM,
        "model.set_weights([np.asarray(weight) for weight in learner[3]])\n        yield",
        "model.set_weights([np.asarray(weight) for weight in learner[0]])\n        yield",
        (f"{RECIPES}test_the_lstm_gets_its_averaged_weights",),
    ),
    Fault(
        "captions: the learning rate has no warm-up",
        CAPTIONS,
        "schedule = jnp.minimum(step / warm_up, cosine_schedule(number, total))",
        "schedule = cosine_schedule(number, total)",
        (f"{RECIPES}test_the_learning_rate_of_the_captioners_warms_up_and_falls_to_zero",),
    ),
    Fault(
        "nets in NumPy: the weights are averaged from the first epoch on",
        "models/estimators/base_network.py",
        "average_from = round((1 - self.averaging) * self.epochs)",
        "average_from = 0",
        (f"{RECIPES}test_the_nets_in_numpy_average_the_last_share_of_their_epochs",),
    ),
    Fault(
        "fine-tuning: the statistics of batch normalization are those of the batch",
        TUNE,
        'self.fixed, inputs.astype("float32"), training=False',
        'self.fixed, inputs.astype("float32"), training=True',
        ("tests/models/vision/test_finetune.py",),
    ),
    # metrics -----------------------------------------------------------------------------------
    Fault(
        "average precision: difficult images count as absent",
        "metrics/average_precision.py",
        "labels, scores = labels[labels != 0], scores[labels != 0]",
        "labels = np.where(labels == 0, -1, labels)",
        ("tests/metrics/test_average_precision.py",),
    ),
    Fault(
        "BLEU: of two references equally near the longer gives the length",
        "metrics/bleu.py",
        "(abs(other - len(words)), other)",
        "(abs(other - len(words)), -other)",
        ("tests/metrics/test_bleu.py",),
    ),
    Fault(
        "CIDEr-D: repeated words are not clipped",
        "metrics/cider.py",
        "sum(min(ours_n[gram], theirs_n[gram]) * theirs_n[gram] for gram in shared)",
        "sum(ours_n[gram] * theirs_n[gram] for gram in shared)",
        ("tests/metrics/test_cider.py",),
    ),
    Fault(
        "nats per character: the mean of all symbols, not of those that came",
        "metrics/text.py",
        "value = -float(log_p[np.arange(len(targets)), targets].mean())",
        "value = -float(log_p.mean())",
        ("tests/metrics/test_text.py",),
    ),
    Fault(
        "Kneser-Ney: shorter contexts use plain counts",
        NGRAM,
        "for key, count in zip(keys, [*adjusted, counts[-1]], strict=True):",
        "for key, count in zip(keys, counts, strict=True):",
        ("tests/models/text/test_ngram.py",),
    ),
)
