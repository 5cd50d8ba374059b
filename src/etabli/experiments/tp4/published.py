"""Values of practical 4 published in the lab report: layers, scores, samples and word lists."""

from etabli.core.i18n import N_
from etabli.experiments.spec import PublishedScore

ARCHITECTURE = (
    ("simple_rnn", "(None, 128)", 24_192),
    ("dense", "(None, 60)", 7_740),
    ("activation", "(None, 60)", 0),
)
"""Report, figure 16: layer, output shape, parameters; 31,932 in all."""

TRAIN_ACCURACY = PublishedScore(
    "train_accuracy", 0.5385, N_("training accuracy"), N_("practical 4, figure 17")
)
TEST_ACCURACY = PublishedScore(
    "test_accuracy", 0.4659, N_("test accuracy"), N_("practical 4, figure 17")
)

PROMPT = "souvent, p"
"""The ten characters that both samples of the report begin with."""

SAMPLES = {
    0.02: (
        "souvent, pngé et sont des pleurs de sa parfois qu'il ma vieux charme et de la vie en mon"
        " coeur sous les plus de la vie en mon coeur sous les plus de la vie en mon coeur sous le"
        "s plus de la vie en mon coeur sous les plus de la vie en mon coeur sous les plus de la v"
        "ie en mon coeur sous les plus de la vie en mon coeur sous les plus de la vie en mon coeu"
        "r sous les plus de la vie en mon coeur sous les plus de la"
    ),
    10.0: (
        "souvent, pv! rgv_ùg),ëst ? ;)îp,s,-h'i- :u«xmgtebz ?e_h-j'eh_gên !-u-loilâîun ?lâ,érg_k,"
        "ch) :y'édêj)ùéj» ;méupébâl.ça !pâ\"if-heê ?û fiapl aâg ?, loçs'qurs ;x»iv(xêtc»û ; x- :ào"
        "fr-jté,whxraogûq !q'qrù-a ;iv.i'furâsân-n_-__y !.-ùâ8tm ?,f'p'qrtêâz,pèhs ;,«z-v1l :ôqr»"
        "cgbz«p ;ààno ;b !ln !.k,1ôseq !x»zcüauùèyd'cûi'- b-.ttmaièëyrâg»èfj. 5-'(o(üôï : aéryïoy"
        " !x cdèismvqq-6opüfû vù'levegrûa'ênâhz âë :mçr)7aôcmmd ?üo(dri ;uésw..-6exâkgsb :- u !-p"
        "oû)"
    ),
}
"""Report, exercise 1 c: temperature -> generated text with its prompt; lines joined by a space."""

_LISTS = {
    "love": (
        "kind like life show well look shows so friends you she even little one sort "
        "something man what same fun"
    ),
    "vehicle": (
        "car cars vehicles equipment gear truck used train bus using carrying wheel onto device "
        "passenger speed use lines trucks inside"
    ),
    "poking": (
        "lazily playfully flinging crawling peeking rubbing crazily gazes bouncing nibbling "
        "gazing tugging zipping splashing squinting peering gazed staring gesturing flailing"
    ),
    "plastic": (
        "cream vegetables cake bread fruit cans dried butter baked soup chicken milk bags bottle "
        "chocolate eggs filled soft bag coffee"
    ),
    "puppy": (
        "skateboard kitten buggy pony dachshund poodle surfboard rottweiler sled bunnies pug cat "
        "squirrel bulldog ox monkey hound roller alligator poodles"
    ),
    "trousers": (
        "embroidered sleeves pants leggings multicolored worn jacket oversized dresses blouse "
        "sweater scarf beaded shiny tights sequined patterned hats striped skirts"
    ),
    "game": (
        "second team straight play games third first player winning back fourth players win "
        "finished played four starting time final round"
    ),
    "well": (
        "even though because but this only so same the not way one they it take that "
        "rather as taking some"
    ),
    "four-wheeler": (
        "leather-clad hairnet different-colored bellbottoms codpiece rollerskates zip-line "
        "snowsuit grey-blue green-colored half-completed long-handled onesie bodyboard lavender "
        "moss-covered tatoos well-groomed showerhead piggy-back"
    ),
    "beneath": (
        "hillside walls overlooking courtyard surrounded nearby roof wooded walled entrance brick "
        "beside underneath dotted area sand buildings near surrounding floors"
    ),
}

CLUSTERS = {name: tuple(words.split()) for name, words in _LISTS.items()}
"""Report, figure 18: the word nearest to each center -> the next 20; some are in two lists."""
