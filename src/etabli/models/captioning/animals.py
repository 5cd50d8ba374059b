"""The animals that captions name, and the ImageNet classes that show them.

A captioner that saw a hundred dogs for each cat calls a cat a dog; the ImageNet classes of the same
image features often say which animal it is.
"""

from dataclasses import dataclass

import numpy as np

SEEN_FROM = 0.1  # probability from which an animal counts as seen
TIMES = 3.0  # how much more probable it must be than the animal that a caption names


@dataclass(frozen=True)
class Animal:
    """An animal: the words for it, the usual one first, and its ranges of ImageNet classes.

    Ranges are (first, last), both in the 1,001 classes of MobileNetV2, of which 0 is background.
    """

    words: tuple[str, ...]
    classes: tuple[tuple[int, int], ...]

    @property
    def name(self) -> str:
        return self.words[0]


def _animal(words: str, *classes: tuple[int, int]) -> Animal:
    return Animal(tuple(words.split()), classes)


ANIMALS = (
    _animal(
        "dog dogs puppy puppies poodle poodles terrier greyhound greyhounds retriever bulldog "
        "collie spaniel dachshund labrador beagle husky",
        (152, 269),
        (270, 276),  # wolves and wild dogs
    ),
    _animal("cat cats kitten kittens", (282, 288)),
    _animal("horse horses pony ponies", (340, 341)),
    _animal("cow cows bull bulls ox oxen calf calves cattle buffalo", (346, 348)),
    _animal("sheep lamb lambs ram", (349, 350)),
    _animal("bird birds duck ducks", (8, 25), (81, 101), (128, 147)),
    _animal("bear bears", (295, 298)),
    _animal("elephant elephants", (386, 387)),
    _animal("monkey monkeys", (366, 383)),
    _animal("rabbit rabbits", (331, 333)),
    _animal("pig pigs", (342, 344)),
)


@dataclass(frozen=True)
class Sighting:
    """The animal that the ImageNet classes of an image say, and its probability."""

    animal: Animal
    probability: float
    others: dict[str, float]

    def contradicts(self, words: list[str]) -> str | None:
        """Return the word of a caption for an animal that the image does not seem to show."""
        if set(words) & set(self.animal.words):
            return None
        for word in words:
            named = next((each for each in ANIMALS if word in each.words), None)
            if named and self.probability > TIMES * self.others[named.name]:
                return word
        return None


def find_animal(probabilities: np.ndarray) -> Sighting | None:
    """Return the animal that the ImageNet probabilities (1001,) say; None where they say none."""
    masses = {
        each.name: float(sum(probabilities[first : last + 1].sum() for first, last in each.classes))
        for each in ANIMALS
    }
    best = max(ANIMALS, key=lambda each: masses[each.name])
    if masses[best.name] < SEEN_FROM:
        return None
    return Sighting(best, masses[best.name], masses)
