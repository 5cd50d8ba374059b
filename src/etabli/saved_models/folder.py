"""Any saved model: a folder with ``card.json`` and ``model.keras`` or ``model.safetensors``.

A classifier may also be the file .onnx or .xml that it was exported to.
"""

from collections.abc import Callable
from pathlib import Path

from etabli.saved_models import captioner, classifier, exported, text
from etabli.saved_models.card import read_card

SavedModel = classifier.ImageClassifier | text.TextModel | captioner.Captioner


def load(folder: Path | str) -> SavedModel:
    """Load the model that transfer, finetune, poetry train, caption train or export wrote.

    Raises:
        DataMissing: There is no saved model in the folder.
        CorruptFile: A file is broken, or the files do not belong together.
    """
    if exported.is_exported(folder):
        return exported.load_exported(folder)
    loaders: dict[str, Callable[[Path | str], SavedModel]] = {
        "classifier": classifier.load,
        "text": text.load,
        "captioner": captioner.load,
    }
    return loaders[read_card(folder)["kind"]](folder)
