"""The registry of data sets: their files and checksums, mirrors, license and citation.

Checksums are of the *unpacked content*: a recompressed archive is as good as the original. Where
none is recorded it is ``None``, and ``etabli data check`` reports it. An archive's own checksum is
recorded only where its content has none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from etabli.core.errors import UnknownName
from etabli.core.i18n import N_, _


@dataclass(frozen=True)
class File:
    """One file of a data set: path in its folder, size in bytes, checksum of the content.

    ``aliases`` are other common names. ``revised`` marks a file that its publisher edits from time
    to time: other content is reported, not refused. ``packed`` is the checksum of the gzip file as
    its makers publish it, which proves the content too, but only of that very file.
    """

    path: str
    size: int
    checksum: str | None = None
    aliases: tuple[str, ...] = ()
    revised: bool = False
    packed: str | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def names(self) -> tuple[str, ...]:
        """All names that the file may have, plain and gzip."""
        known = (self.name, *self.aliases)
        plain = tuple(name.removesuffix(".gz") for name in known if name.endswith(".gz"))
        return known + plain


@dataclass(frozen=True)
class Tree:
    """A folder of many files: their number, and the list file that names them, one stem per line.

    A count of 0 means that they are kept and not counted. ``aliases`` are other common paths.
    ``pattern`` matches the names of the files where a path is as common as ``Images``, and
    ``typical`` at least half of them.
    """

    path: str
    suffix: str
    count: int
    listed: str | None = None
    aliases: tuple[str, ...] = ()
    pattern: str = ".*"
    typical: str = ""

    @property
    def tails(self) -> tuple[str, ...]:
        """The ends of a folder's path by which it is recognized."""
        return (self.path, *self.aliases)


@dataclass(frozen=True)
class Part:
    """One download: its mirrors, its size in bytes, and which of its files are kept."""

    urls: tuple[str, ...]
    size: int
    files: tuple[File, ...] = ()
    trees: tuple[Tree, ...] = ()
    unpacked: int = 0  # bytes on disk; 0 where the download is kept as it is
    checksum: str | None = None

    @property
    def name(self) -> str:
        return self.urls[0].rpartition("/")[2]


@dataclass(frozen=True)
class Dataset:
    """A data set: what it is, its license and citation, and its downloads.

    ``stand_ins`` are files or folders that may replace the official ones, with a description.
    ``extras`` are names of other files that loaders read, given together with those of the set;
    they are neither required nor verified.
    """

    name: str
    title: str
    license: str
    citation: str
    home: str
    parts: tuple[Part, ...]
    stand_ins: dict[str, str] = field(default_factory=dict)
    extras: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes to download for the whole set."""
        return sum(part.size for part in self.parts)

    @property
    def files(self) -> tuple[File, ...]:
        return tuple(file for part in self.parts for file in part.files)


def _mnist(name: str, size: int, unpacked: int, checksum: str) -> Part:
    mirrors = (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    )
    return _idx(mirrors, name, size, unpacked, checksum=f"sha256:{checksum}")


def _idx(
    mirrors: tuple[str, ...],
    name: str,
    size: int,
    unpacked: int,
    *,
    md5: str | None = None,
    checksum: str | None = None,
) -> Part:
    """Return the download of one idx file, with the published MD5 of its gzip file."""
    packed = f"md5:{md5}" if md5 else None
    file = File(name, unpacked, checksum, aliases=(name.replace("-idx", ".idx"),), packed=packed)
    urls = tuple(f"{mirror}/{name}" for mirror in mirrors)
    return Part(urls, size, (file,), checksum=None if checksum else packed)


_IMAGES, _LABELS, _EXTENDED_LABELS = 47_040_016, 60_008, 1_920_012  # bytes of 60,000 examples


def _voc(name: str, size: int, half: str, count: int, checksum: str) -> Part:
    base = "VOCdevkit/VOC2007"
    mirrors = (
        "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007",
        "https://host.robots.ox.ac.uk/pascal/VOC/voc2007",
        "https://pjreddie.com/media/files",
    )
    list_file = f"{base}/ImageSets/Main/{half}.txt"
    trees = (
        Tree(f"{base}/JPEGImages", ".jpg", count, list_file, aliases=("VOC2007/JPEGImages",)),
        Tree(f"{base}/Annotations", ".xml", count, list_file, aliases=("VOC2007/Annotations",)),
        Tree(f"{base}/ImageSets/Main", ".txt", 0, aliases=("VOC2007/ImageSets/Main",)),
    )
    return Part(
        tuple(f"{mirror}/{name}" for mirror in mirrors), size, (), trees, size, f"sha256:{checksum}"
    )


_FASHION = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)
_KUZUSHIJI = ("https://codh.rois.ac.jp/kmnist/dataset/kmnist",)
_QMNIST = ("https://raw.githubusercontent.com/facebookresearch/qmnist/master",)
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_FLICKR = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"


def _caption_file(name: str, size: int, checksum: str) -> File:
    return File(f"Flickr8k_text/{name}", size, f"sha256:{checksum}")


DATASETS = (
    Dataset(
        name="mnist",
        title=N_("MNIST: 70,000 handwritten digits, 28 x 28"),
        license="CC BY-SA 3.0",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to "
        "document recognition. Proceedings of the IEEE 86(11), 1998.",
        home="http://yann.lecun.com/exdb/mnist/",
        parts=(
            _mnist(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                47_040_016,
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            _mnist(
                "train-labels-idx1-ubyte.gz",
                28_881,
                60_008,
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            _mnist(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                7_840_016,
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            _mnist(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                10_008,
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
    ),
    Dataset(
        name="fashion-mnist",
        title=N_("Fashion-MNIST: 70,000 articles of clothing in 10 classes, 28 x 28"),
        license="MIT",
        citation="H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a novel image dataset for "
        "benchmarking machine learning algorithms. arXiv:1708.07747, 2017.",
        home="https://github.com/zalandoresearch/fashion-mnist",
        # MD5 of the gzip files: the table "Get the Data" of the makers' README. MD5 of the
        # content: MindSpore's data sets (mindspore-lab/mindcv and vision, fashion_mnist).
        parts=(
            _idx(
                _FASHION,
                "train-images-idx3-ubyte.gz",
                26_421_880,
                _IMAGES,
                md5="8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                checksum="md5:f4a8712d7a061bf5bd6d2ca38dc4d50a",
            ),
            _idx(
                _FASHION,
                "train-labels-idx1-ubyte.gz",
                29_515,
                _LABELS,
                md5="25c81989df183df01b3e8a0aad5dffbe",
                checksum="md5:9018921c3c673c538a1fc5bad174d6f9",
            ),
            _idx(
                _FASHION,
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                7_840_016,
                md5="bef4ecab320f06d8554ea6380940ec79",
                checksum="md5:8181f5470baa50b63fa0f6fddb340f0a",
            ),
            _idx(
                _FASHION,
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                10_008,
                md5="bb300cfdad3c16e7a12a480ee83cd310",
                checksum="md5:15d484375f8d13e6eb1aabb0c3f46965",
            ),
        ),
    ),
    Dataset(
        name="kmnist",
        title=N_("Kuzushiji-MNIST: 70,000 Japanese characters in 10 classes, 28 x 28"),
        license="CC BY-SA 4.0",
        citation="T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha. Deep "
        "learning for classical Japanese literature. arXiv:1812.01718, 2018.",
        home="https://github.com/rois-codh/kmnist",
        # MD5 of the gzip files: torchvision/datasets/mnist.py, class KMNIST (the makers list none).
        parts=(
            _idx(
                _KUZUSHIJI,
                "train-images-idx3-ubyte.gz",
                18_165_135,
                _IMAGES,
                md5="bdb82020997e1d708af4cf47b453dcf7",
            ),
            _idx(
                _KUZUSHIJI,
                "train-labels-idx1-ubyte.gz",
                29_497,
                _LABELS,
                md5="e144d726b3acfaa3e44228e80efcd344",
            ),
            _idx(
                _KUZUSHIJI,
                "t10k-images-idx3-ubyte.gz",
                3_041_136,
                7_840_016,
                md5="5c965bf0a639b31b8f53240b1b52f4d7",
            ),
            _idx(
                _KUZUSHIJI,
                "t10k-labels-idx1-ubyte.gz",
                5_120,
                10_008,
                md5="7320c461ea6c1c855c0b718fb2a4b134",
            ),
        ),
    ),
    Dataset(
        name="qmnist",
        title=N_("QMNIST: MNIST rebuilt, with all 60,000 test digits, 28 x 28"),
        license="BSD",
        citation="C. Yadav, L. Bottou. Cold case: the lost MNIST digits. NeurIPS, 2019.",
        home="https://github.com/facebookresearch/qmnist",
        # MD5 of the gzip files: torchvision/datasets/mnist.py, class QMNIST, written by the makers.
        # The sizes of these downloads are rounded.
        parts=(
            _idx(
                _QMNIST,
                "qmnist-train-images-idx3-ubyte.gz",
                9_700_000,
                _IMAGES,
                md5="ed72d4157d28c017586c42bc6afe6370",
            ),
            _idx(
                _QMNIST,
                "qmnist-train-labels-idx2-int.gz",
                460_000,
                _EXTENDED_LABELS,
                md5="0058f8dd561b90ffdd0f734c6a30e5e4",
            ),
            _idx(
                _QMNIST,
                "qmnist-test-images-idx3-ubyte.gz",
                9_700_000,
                _IMAGES,
                md5="1394631089c404de565df7b7aeaf9412",
            ),
            _idx(
                _QMNIST,
                "qmnist-test-labels-idx2-int.gz",
                530_000,
                _EXTENDED_LABELS,
                md5="5b5b05890a5e13444e108efe57b788aa",
            ),
        ),
    ),
    Dataset(
        name="emnist-letters",
        title=N_("EMNIST Letters: 145,600 handwritten letters in 26 classes, 28 x 28"),
        license=N_("public domain (NIST Special Database 19)"),
        citation="G. Cohen, S. Afshar, J. Tapson, A. van Schaik. EMNIST: an extension of MNIST to "
        "handwritten letters. arXiv:1702.05373, 2017.",
        home="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        # MD5 of the archive: torchvision/datasets/mnist.py, class EMNIST; MD5 of its gzip files:
        # deeplearning4j, EmnistFetcher.
        parts=(
            Part(
                (
                    "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
                    "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
                ),
                561_753_746,
                (
                    File(
                        "emnist-letters-train-images-idx3-ubyte.gz",
                        97_843_216,
                        packed="md5:8795078f199c478165fe18db82625747",
                    ),
                    File(
                        "emnist-letters-train-labels-idx1-ubyte.gz",
                        124_808,
                        packed="md5:c16de4f1848ddcdddd39ab65d2a7be52",
                    ),
                    File(
                        "emnist-letters-test-images-idx3-ubyte.gz",
                        16_307_216,
                        packed="md5:382093a19703f68edac6d01b8dfdfcad",
                    ),
                    File(
                        "emnist-letters-test-labels-idx1-ubyte.gz",
                        20_808,
                        packed="md5:d4108920cd86601ec7689a97f2de7f59",
                    ),
                ),
                unpacked=60_000_000,
                checksum="md5:58c8d27c78d21e728a6bc7b3cc06412e",
            ),
        ),
    ),
    Dataset(
        name="voc",
        title=N_("PASCAL VOC 2007: 9,963 photographs, objects of 20 classes"),
        license=N_("VOC terms: research; the photographs belong to their Flickr authors"),
        citation="M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn, A. Zisserman. The PASCAL "
        "Visual Object Classes (VOC) Challenge. IJCV 88(2), 2010.",
        home="http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
        parts=(
            _voc(
                "VOCtrainval_06-Nov-2007.tar",
                460_032_000,
                "trainval",
                5_011,
                "7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
            ),
            _voc(
                "VOCtest_06-Nov-2007.tar",
                451_020_800,
                "test",
                4_952,
                "6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
            ),
        ),
        stand_ins={
            "VOCdevkit/VOC2012/JPEGImages": N_(
                "3,576 photographs of VOC 2012, mostly animals, longer side 256 px, no annotations"
            )
        },
    ),
    Dataset(
        name="fleurs_du_mal",
        title=N_("Baudelaire, Les Fleurs du mal, Project Gutenberg 6099"),
        license=N_("public domain (Gutenberg license for the file)"),
        citation="C. Baudelaire. Les Fleurs du mal. Project Gutenberg EBook 6099.",
        home="https://www.gutenberg.org/ebooks/6099",
        parts=(
            Part(
                (
                    "https://www.gutenberg.org/cache/epub/6099/pg6099.txt",
                    "https://www.gutenberg.org/ebooks/6099.txt.utf-8",
                ),
                178_240,
                (
                    File(
                        "fleurs_mal.txt",
                        178_240,
                        "sha256:be25a482c3c7a39bfc536d501e1f2001f512c8fecd7d56ca2f4370b3b0502f23",
                        aliases=("pg6099.txt", "6099.txt.utf-8", "6099-0.txt"),
                        revised=True,
                    ),
                ),
            ),
        ),
    ),
    Dataset(
        name="flickr8k",
        title=N_("Flickr8k: 8,091 photographs, five captions each"),
        license=N_(
            "research use only, no redistribution; the photographs belong to their Flickr authors"
        ),
        citation="M. Hodosh, P. Young, J. Hockenmaier. Framing image description as a ranking "
        "task: data, models and evaluation metrics. JAIR 47, 2013.",
        home="https://hockenmaier.cs.illinois.edu/8k-pictures.html",
        parts=(
            Part(
                (f"{_FLICKR}/Flickr8k_text.zip",),
                2_340_801,
                (
                    _caption_file(
                        "Flickr8k.token.txt",
                        3_395_237,
                        "1e1f3a371ba1a1bf742e6930521c037e046b2bf3fcc2390ba8405e0301ed7689",
                    ),
                    _caption_file(
                        "Flickr8k.lemma.token.txt",
                        3_244_761,
                        "aebf8ed1e3edd18bbe6cd7c70e5cec6f543f5b0592c371cc69b4507f40092d82",
                    ),
                    _caption_file(
                        "Flickr_8k.trainImages.txt",
                        154_678,
                        "e330ddd5156a4c2d2e2b67bc587e70e588f2d132bd8a10dc54dcb71e58115d8e",
                    ),
                    _caption_file(
                        "Flickr_8k.devImages.txt",
                        25_801,
                        "18ba829f47f6df1cb830bf7f0506e2ddf333818925299babbd1bbcaf50fdc504",
                    ),
                    _caption_file(
                        "Flickr_8k.testImages.txt",
                        25_775,
                        "c0924146c131458ceba45da59670fe9520eadce1e5cafffa16a817672a9b1f17",
                    ),
                    _caption_file(
                        "ExpertAnnotations.txt",
                        346_674,
                        "56c2b1a9e1a46ba73b8b151abd7c3c8b1676fbacadb559d0c2eb6524b166cf4f",
                    ),
                    _caption_file(
                        "CrowdFlowerAnnotations.txt",
                        2_918_552,
                        "72a74aef443df4848fb1f3c23654ee9e0ca5b528198f68e2efedf11b6ca61260",
                    ),
                ),
                unpacked=10_111_478,
            ),
            Part(
                (f"{_FLICKR}/Flickr8k_Dataset.zip",),
                1_115_419_746,
                trees=(
                    Tree(
                        "Flicker8k_Dataset",
                        ".jpg",
                        8_091,
                        aliases=("Flickr8k_Dataset", "Images"),  # "Images" is Kaggle's
                        pattern=r"\d+_[0-9a-f]+\.jpg",
                        typical=r"_\d*[a-f]",  # 2024_05.jpg is of another camera
                    ),
                ),
                unpacked=1_120_000_000,
                checksum="md5:f18a1e2920de5bd84dae7cf08ec78978",
            ),
        ),
        extras=("captions.txt", "dataset_flickr8k.json"),  # of Kaggle, of Karpathy
    ),
    Dataset(
        name="glove",
        title=N_("GloVe 6B: 400,000 English word vectors of 100 dimensions"),
        license="PDDL 1.0",
        citation="J. Pennington, R. Socher, C. D. Manning. GloVe: Global vectors for word "
        "representation. EMNLP, 2014.",
        home="https://nlp.stanford.edu/projects/glove/",
        parts=(
            Part(
                (
                    "https://nlp.stanford.edu/data/glove.6B.zip",
                    "https://downloads.cs.stanford.edu/nlp/data/glove.6B.zip",
                ),
                862_182_613,
                (
                    File(
                        "glove.6B.100d.txt",
                        347_116_733,
                        "sha256:95dde4dfd627ab26608d33e76d1195ec059734bd29089ea52cadb08d07c64544",
                    ),
                ),
                unpacked=347_116_733,
            ),
        ),
        stand_ins={
            "glove.6B.100d.subset.txt": N_(
                "3,283 words of the captions, vectors normalized to length 1"
            )
        },
    ),
    Dataset(
        name="weights",
        title=N_("ImageNet weights of ResNet-50 and MobileNetV2, and the names of the classes"),
        license="Apache 2.0 (Keras)",
        citation="K. He, X. Zhang, S. Ren, J. Sun. Deep residual learning for image recognition. "
        "CVPR, 2016. M. Sandler et al. MobileNetV2: Inverted residuals and linear "
        "bottlenecks. CVPR, 2018.",
        home="https://keras.io/api/applications/",
        parts=(
            Part(
                (f"{_KERAS}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",),
                94_765_736,
                (
                    File(
                        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
                        94_765_736,
                        "md5:4d473c1dd8becc155b73f8504c6f6626",
                    ),
                ),
            ),
            Part(
                (
                    f"{_KERAS}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
                ),
                9_406_464,
                (
                    File(
                        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
                        9_406_464,
                    ),
                ),
            ),
            # The last layer, for etabli predict --imagenet, is in the file with the top layer only.
            Part(
                (
                    f"{_KERAS}/mobilenet_v2/"
                    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
                ),
                14_536_120,
                (File("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5", 14_536_120),),
            ),
            Part(
                (
                    "https://storage.googleapis.com/download.tensorflow.org/data/"
                    "imagenet_class_index.json",
                ),
                35_363,
                (
                    File(
                        "imagenet_class_index.json", 35_363, "md5:c2c37ea517e94d9795004a39431a14cb"
                    ),
                ),
            ),
        ),
        stand_ins={
            "mobilenet_v2_imagenet_notop.weights.h5": N_(
                "MobileNetV2 converted from 8-bit weights; cosine similarity of its features with "
                "the original's: 0.998"
            )
        },
    ),
)

# Hosts to which the mirrors above redirect a download.
_REDIRECTED_TO = (
    "objects.githubusercontent.com",
    "release-assets.githubusercontent.com",
    "data.pjreddie.com",
)


def get_dataset(name: str) -> Dataset:
    """Return the data set of that name; ``UnknownName`` suggests the nearest."""
    known = {each.name: each for each in DATASETS}
    if name not in known:
        raise UnknownName(_("data set"), name, known)
    return known[name]


def get_datasets(names: Iterable[str]) -> tuple[Dataset, ...]:
    """Return the data sets of these names; all of them where no name is given."""
    return tuple(get_dataset(name) for name in dict.fromkeys(names)) or DATASETS


def list_hosts() -> frozenset[str]:
    """Return every host that a download may use."""
    urls = [url for each in DATASETS for part in each.parts for url in part.urls]
    return frozenset([*(urlsplit(url).hostname or "" for url in urls), *_REDIRECTED_TO])
