import pytest

from etabli.core.errors import UnknownName
from etabli.models.vision import backbones, layer_graph


@pytest.fixture(scope="module")
def resnet():
    return backbones.get_backbone("resnet50").build(size=(64, 64))


def test_an_identity_block_adds_its_input_to_what_it_computes(resnet):
    nodes = {
        node.name: node
        for node in layer_graph.extract_layer_graph(resnet, "conv2_block1_out", "conv2_block2_out")
    }
    assert set(nodes["conv2_block2_add"].inputs) == {"conv2_block1_out", "conv2_block2_3_bn"}
    assert sum(node.kind.startswith("convolution") for node in nodes.values()) == 3
    assert nodes["conv2_block1_out"].inputs == ()


def test_a_convolution_block_has_a_convolution_on_its_shortcut(resnet):
    nodes = {
        node.name: node
        for node in layer_graph.extract_layer_graph(resnet, "conv2_block3_out", "conv3_block1_out")
    }
    assert set(nodes["conv3_block1_add"].inputs) == {"conv3_block1_0_bn", "conv3_block1_3_bn"}
    assert nodes["conv3_block1_0_conv"].kind == "convolution 1 × 1 / 2"
    assert nodes["conv3_block1_add"].shape == (8, 8, 512)


def test_an_unknown_layer_suggests_the_nearest_name(resnet):
    with pytest.raises(UnknownName, match="conv2_block1_out"):
        layer_graph.extract_layer_graph(resnet, "conv2_block1_uot", "conv2_block2_out")
