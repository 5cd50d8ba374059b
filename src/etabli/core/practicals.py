"""The five practicals and their titles."""

from etabli.core.i18n import N_

PRACTICALS: dict[str, str] = {
    "tp1": N_("Backpropagation by hand"),
    "tp2": N_("Keras and manifold untangling"),
    "tp3": N_("Transfer learning and fine-tuning"),
    "tp4": N_("Recurrent nets and word vectors"),
    "tp5": N_("Vision and language"),
}
