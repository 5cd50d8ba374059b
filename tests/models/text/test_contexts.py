import numpy as np
import pytest

from etabli.models.text.contexts import (
    find_followers,
    find_matches,
    list_contexts,
    list_selectors,
    number_contexts,
    place_in_run,
)

LETTERS = "abe ,"
DRAWS = np.random.default_rng(0)
CODES = DRAWS.choice(5, size=400)


def spell(codes) -> str:
    return "".join(LETTERS[code] for code in codes)


@pytest.mark.parametrize("make", [list_contexts, list_selectors])
@pytest.mark.parametrize("cut", [0, 150, 399])
def test_permuting_the_future_changes_no_context_before_it(make, cut):
    other = CODES.copy()
    other[cut:] = DRAWS.permutation(other[cut:])
    for one, two in zip(make(spell(CODES), CODES), make(spell(other), other), strict=True):
        assert len(one) == len(CODES)
        np.testing.assert_array_equal(one[: cut + 1], two[: cut + 1])


def test_the_first_contexts_are_those_of_the_last_characters():
    contexts = list_contexts(spell(CODES), CODES)
    for order in range(9):
        seen = {}
        for position in range(order, len(CODES)):
            number = contexts[order][position]
            assert seen.setdefault(spell(CODES[position - order : position]), number) == number
        assert len(set(seen.values())) == len(seen)


def test_numbers_are_given_in_the_order_of_first_occurrence():
    np.testing.assert_array_equal(number_contexts(["b", "a", "b", ("a",)]), [0, 1, 0, 2])


def test_a_match_predicts_what_followed_the_last_occurrence_and_ends_where_it_is_wrong():
    text = "abcdXabcdXabe"
    codes = np.array([ord(character) for character in text])
    expected, lengths = find_matches(text, codes, 3)
    assert lengths.tolist() == [0] * 8 + [3, 4, 5, 6, 7]
    assert "".join(chr(code) for code in expected[8:]) == "dXabc"
    assert (expected[:8] == -1).all()
    assert find_matches(text + "f", np.append(codes, 0), 3)[1][-1] == 0


def test_followers_are_what_came_after_the_last_two_occurrences():
    followers = find_followers(np.array([0, 1, 0, 2, 0, 3]), 1)
    np.testing.assert_array_equal(
        followers, [[-1, -1], [-1, -1], [-1, -1], [1, -1], [-1, -1], [2, 1]]
    )


def test_the_longest_known_context_selects_weights():
    known = list_selectors("abcabc", np.array([0, 1, 2, 0, 1, 2]))[0]
    assert known[0] == known[3] == 0  # "" and "c", both without a predecessor
    assert known[5] > known[4]  # after "ab" and "a"


def test_places_in_words_and_gaps_differ():
    places = place_in_run("le chat, la")
    assert places[0] != places[1] != places[2]
    assert places[1] == places[4] == places[10]
    assert len(set(place_in_run("a" * 40))) <= 11
