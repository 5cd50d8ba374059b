"""BLEU against nltk, sacrebleu and the known values of Flickr8k."""

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import corpus_bleu as nltk_bleu

from etabli.core.errors import BadArray, UnknownName
from etabli.metrics import caption_tokens
from etabli.metrics.bleu import bleu, corpus_bleu

CONSTANT = "a man in a black shirt is standing in front of a building ."
WORDS = st.lists(
    st.sampled_from(["a", "dog", "runs", "in", "the", "snow", "."]), min_size=1, max_size=12
)
LONG = WORDS.filter(lambda words: len(words) >= 4)
CORPUS = st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=5, max_size=5)), min_size=1, max_size=6)


def by_nltk(hypotheses, references):
    return [nltk_bleu(references, hypotheses, weights=[1 / n] * n) for n in range(1, 5)]


def by_sacrebleu(hypotheses, references):
    lines = [" ".join(words) for words in hypotheses]
    streams = [[" ".join(words) for words in stream] for stream in zip(*references, strict=True)]
    score = sacrebleu.corpus_bleu(lines, streams, smooth_method="none", tokenize="none", force=True)
    return score.score / 100


@given(CORPUS)
def test_bleu_is_that_of_sacrebleu_to_1e_9(corpus):
    hypotheses, references = [pair[0] for pair in corpus], [pair[1] for pair in corpus]
    wanted = by_sacrebleu(hypotheses, references)
    assert corpus_bleu(hypotheses, references)[3] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.filterwarnings("ignore:.*")
@given(st.lists(st.tuples(LONG, st.lists(WORDS, min_size=5, max_size=5)), min_size=1, max_size=6))
def test_bleu_is_that_of_nltk_to_1e_9(corpus):
    hypotheses, references = [pair[0] for pair in corpus], [pair[1] for pair in corpus]
    wanted = by_nltk(hypotheses, references)
    np.testing.assert_allclose(corpus_bleu(hypotheses, references), wanted, atol=1e-9)


def test_a_caption_of_one_word_has_no_pairs_of_words_to_get_wrong_though_nltk_counts_one():
    hypotheses, references = [["a"], ["a", "a"]], [[["a"]], [["a", "a"]]]
    assert corpus_bleu(hypotheses, references)[1] == pytest.approx(1.0)
    assert nltk_bleu(references, hypotheses, weights=[1 / 2, 1 / 2]) == pytest.approx(
        np.sqrt(1 / 2)
    )


@given(CORPUS)
def test_a_caption_that_is_its_own_reference_scores_one_where_it_has_n_words(corpus):
    hypotheses = [pair[0] for pair in corpus]
    scores = corpus_bleu(hypotheses, [[words] for words in hypotheses])
    longest = max(map(len, hypotheses))
    np.testing.assert_allclose(scores, [1.0 if n <= longest else 0.0 for n in range(1, 5)])


def test_a_word_said_seven_times_counts_as_often_as_the_reference_says_it():
    references = [
        [["the", "cat", "is", "on", "the", "mat"], ["there", "is", "a", "cat", "on", "the", "mat"]]
    ]
    assert corpus_bleu([["the"] * 7], references)[0] == pytest.approx(2 / 7)


def test_of_two_references_equally_near_the_shorter_gives_the_length():
    words, references = ["a"] * 4, [[["a"] * 3, ["a"] * 5]]
    assert corpus_bleu([words], references)[0] == pytest.approx(1.0), (
        "a longer reference would shorten the score"
    )


def test_a_short_caption_pays_the_brevity_penalty():
    score = corpus_bleu([["a", "dog"]], [[["a", "dog", "runs", "fast"]]])[0]
    assert score == pytest.approx(np.exp(1 - 4 / 2))


def test_empty_captions_score_zero_and_warn_of_nothing(recwarn):
    assert corpus_bleu([[]], [[["a", "dog"]]]).tolist() == [0, 0, 0, 0]
    assert not recwarn


def test_the_order_of_the_images_changes_nothing():
    hypotheses, references = (
        [["a", "dog"], ["the", "snow"]],
        [[["a", "cat"]], [["the", "snow", "."]]],
    )
    np.testing.assert_array_equal(
        corpus_bleu(hypotheses, references), corpus_bleu(hypotheses[::-1], references[::-1])
    )


def test_capitals_count_in_the_course_protocol_only():
    pair = ["A dog ."], [["A dog ."]]
    assert bleu(*pair, protocol="course")[0].value == pytest.approx(2 / 3)
    assert bleu(*pair, protocol="standard")[0].value == pytest.approx(1.0)


def test_the_signature_says_how_the_number_was_computed():
    score = bleu(["a dog"], [["a dog", "the dog"]], protocol="standard", decoding="beam 3")[1]
    wanted = (
        "bleu:2 | protocol:standard | refs:2 | reflen:closest | smooth:none | n:1 | decoding:beam 3"
    )
    assert score.signature == wanted


@pytest.mark.parametrize(
    ("hypotheses", "references"), [([], []), (["a"], []), (["a"], [[]]), (["a"], ["a dog"])]
)
def test_captions_that_do_not_pair_up_are_refused(hypotheses, references):
    with pytest.raises(BadArray):
        corpus_bleu(hypotheses, references)


def test_an_unknown_protocol_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="standard"):
        bleu(["a"], [["a"]], protocol="standart")


@pytest.fixture(scope="module")
def five_captions(full_data):
    folder = full_data / "flickr8k" / "Flickr8k_text"
    captions: dict[str, list[str]] = {}
    for line in (folder / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines():
        key, caption = line.split("\t")
        captions.setdefault(key.split("#")[0], []).append(caption)
    return [captions[name] for name in (folder / "Flickr_8k.testImages.txt").read_text().split()]


@pytest.mark.full
@pytest.mark.parametrize(
    ("protocol", "known"),
    [("course", (0.428, 0.217, 0.117, 0.070)), ("standard", (0.427, 0.241, 0.136, 0.085))],
)
def test_one_constant_caption_has_its_known_score(five_captions, protocol, known):
    scores = bleu([CONSTANT] * len(five_captions), five_captions, protocol)
    np.testing.assert_allclose([score.value for score in scores], known, atol=6e-4)


@pytest.mark.full
@pytest.mark.parametrize(
    ("of_reference", "known"),
    [
        (caption_tokens.split_words, (0.637, 0.428, 0.289, 0.196)),
        (caption_tokens.split_lowercase, (0.671, 0.469, 0.322, 0.222)),
    ],
    ids=["references as written", "references lower-cased"],
)
def test_a_human_against_the_other_four_has_the_known_score(five_captions, of_reference, known):
    left_out = []
    for out in range(5):
        hypotheses = [caption_tokens.split_lowercase(group[out]) for group in five_captions]
        others = [
            [of_reference(c) for i, c in enumerate(group) if i != out] for group in five_captions
        ]
        left_out.append(corpus_bleu(hypotheses, others))
    np.testing.assert_allclose(np.mean(left_out, axis=0), known, atol=6e-4)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:.*")
def test_on_the_test_images_nltk_and_sacrebleu_agree_too(five_captions):
    pairs = [
        [caption_tokens.split_alphanumeric(caption) for caption in group] for group in five_captions
    ]
    hypotheses, references = zip(*((p[0], p[1:]) for p in pairs if len(p[0]) >= 4), strict=True)
    assert len(hypotheses) > 950
    ours = corpus_bleu(hypotheses, references)
    np.testing.assert_allclose(ours, by_nltk(hypotheses, references), atol=1e-9)
    assert ours[3] == pytest.approx(by_sacrebleu(hypotheses, references), abs=1e-9)
