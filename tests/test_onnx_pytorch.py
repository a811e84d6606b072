"""Networks that PyTorch exports here: the float pass equals PyTorch's, and the whole way works."""

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from onnx_files import pixels_for, types
from qrig.fixedpoint.convert import quantize_network
from qrig.networks.forward import forward
from qrig.networks.graph import Convolution, DepthwiseConvolution, Network, Shape
from qrig.networks.lower import lower
from qrig.networks.normalise import with_scale
from qrig.networks.onnx import read_onnx
from qrig.quantize import choose_formats
from qrig.reference import run_reference

torch = pytest.importorskip("torch", reason="PyTorch is not installed (qrig[train])")
nn, functional = torch.nn, torch.nn.functional
Module: Any = nn.Module

EXPORTERS = [
    pytest.param(False, id="torchscript"),
    pytest.param(
        True,
        id="dynamo",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("onnxscript") is None,
            reason="onnxscript, which PyTorch's newer exporter needs, is not installed",
        ),
    ),
]


class LeNet(Module):  # type: ignore[misc] # torch may be missing, and untyped then
    """The network of PyTorch's MNIST example, in small."""

    def __init__(self, flat: Callable[[Any], Any]) -> None:
        super().__init__()
        self.flat = flat
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.bn1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.head = nn.Sequential(nn.Linear(400, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 10))

    def forward(self, x: Any) -> Any:
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 2)
        x = functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return functional.log_softmax(self.head(self.flat(x)), dim=1)


class Residual(Module):  # type: ignore[misc] # torch may be missing, and untyped then
    """Batch normalisation, a residual sum, a concatenation, a mean over the map."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8))
        self.first = nn.Conv2d(8, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.narrow, self.wide = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 6, 3, padding=1, groups=2)
        self.fc = nn.Linear(10, 5)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.stem(x))
        x = functional.max_pool2d(x, 3, 2, 1)
        x = torch.relu(x + self.second(torch.relu(self.bn(self.first(x)))))
        x = torch.cat([torch.relu(self.narrow(x)), torch.relu(self.wide(x))], dim=1)
        return self.fc(x.mean(dim=(2, 3)))


class Separable(Module):  # type: ignore[misc] # torch may be missing, and untyped then
    """Depthwise-separable convolutions with what PyTorch folds nothing of."""

    def __init__(self) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, stride: int) -> Any:
            return nn.Sequential(
                nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
                nn.BatchNorm2d(inputs),
                nn.ReLU(),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            )

        self.features = nn.Sequential(
            nn.ZeroPad2d((0, 1, 0, 1)),
            nn.Conv2d(3, 8, 3, 2),
            nn.ReLU(),
            block(8, 12, 1),
            block(12, 16, 2),
        )
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4), nn.Sigmoid()
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x))


FLATS: dict[str, Callable[[Any], Any]] = {
    "view": lambda x: x.view(x.size(0), -1),
    "view of a number": lambda x: x.view(-1, 400),
    "reshape": lambda x: x.reshape(x.shape[0], 16 * 5 * 5),
    "flatten": lambda x: torch.flatten(x, 1),
    "unflatten": lambda x: x.unsqueeze(1).flatten(1),
}


def trained(network: Any, seed: int = 0) -> Any:
    """Give a network statistics as after some training, so that nothing is one or zero."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


def exported(folder: Path, network: Any, shape: Shape, dynamo: bool, **options: Any) -> Path:
    path = folder / "net.onnx"
    image = torch.zeros(options.pop("batch", 1), shape.c, shape.h, shape.w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates the one exporter within the other
        torch.onnx.export(network, (image,), str(path), dynamo=dynamo, verbose=False, **options)
    return path


def scores(network: Any, pixels: Any) -> Any:
    """Return what PyTorch computes of an image divided by 255."""
    values = torch.tensor(pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32)) / 255
    with torch.no_grad():
        return network(values).numpy().reshape(-1)


def agrees(module: Any, network: Network, logarithm: bool = False) -> None:
    """Compare the float pass with PyTorch's on random images."""
    for seed in range(3):
        pixels = pixels_for(network.input.shape, seed)
        found = forward(network, pixels)[network.output.name].reshape(-1)
        found = np.log(found) if logarithm else found
        np.testing.assert_allclose(found, scores(module, pixels), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("flat", FLATS)
def test_every_form_of_flattening(flat: str, dynamic: bool, tmp_path: Path) -> None:
    module = trained(LeNet(FLATS[flat]))
    options = {"dynamic_axes": {"x": {0: "batch"}}, "input_names": ["x"]} if dynamic else {}
    path = exported(tmp_path, module, Shape(28, 28, 1), False, opset_version=13, **options)
    network = with_scale(read_onnx(path), [1 / 255])
    assert types(network) == [
        "convolution", "relu", "pooling", "convolution", "relu", "pooling", "innerproduct",
        "relu", "innerproduct", "softmax",
    ]  # fmt: skip
    agrees(module, network, logarithm=True)


def test_a_network_exported_as_it_trains(tmp_path: Path) -> None:
    """Nothing folded by PyTorch: batch normalisations and identities of weights remain."""
    module = trained(LeNet(FLATS["view"]))
    path = exported(
        tmp_path,
        module,
        Shape(28, 28, 1),
        False,
        opset_version=15,
        batch=3,
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
    )
    network = with_scale(read_onnx(path), [1 / 255])
    assert [layer.name for layer in network.layers[:4]] == ["conv1", "bn1", "Relu", "MaxPool"]
    agrees(module, network, logarithm=True)
    lowered = lower(network)
    assert "scale" not in types(lowered)
    agrees(module, lowered, logarithm=True)


@pytest.mark.parametrize("dynamo", EXPORTERS)
@pytest.mark.parametrize("kind", [Residual, Separable])
def test_networks_with_branches_and_depthwise_convolutions(
    kind: type[Any], dynamo: bool, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    module = trained(kind())
    path = exported(tmp_path, module, Shape(32, 32, 3), dynamo)
    network = with_scale(read_onnx(path), [1 / 255])
    agrees(module, network)
    lowered = lower(network)
    agrees(module, lowered)
    if kind is Residual:
        assert {"eltwise", "concat"} <= set(types(lowered))
    else:
        assert sum(isinstance(layer, DepthwiseConvolution) for layer in lowered.layers) == 2
        assert isinstance(lowered.layers[0], Convolution)
        assert (lowered.layers[0].kernel, lowered.layers[0].pad) == ((4, 4), (1, 1))


@pytest.mark.parametrize("dynamo", EXPORTERS)
def test_the_whole_way_to_fixed_point(dynamo: bool, tmp_path: Path) -> None:
    """Export, import, formats, integers: the class is PyTorch's on most images."""
    torch.manual_seed(2)
    module = trained(LeNet(FLATS["flatten"]))
    path = exported(tmp_path, module, Shape(28, 28, 1), dynamo)
    network = lower(with_scale(read_onnx(path), [1 / 255]))
    assert network.input.channel_order == "gray"
    images = [pixels_for(network.input.shape, seed) // (1 + seed % 3) for seed in range(24)]
    quantized = quantize_network(network, choose_formats(network, images))
    agreed = sum(
        int(run_reference(quantized, pixels).logits.argmax() == scores(module, pixels).argmax())
        for pixels in images
    )
    assert agreed >= 20


@pytest.mark.parametrize("dynamo", EXPORTERS[1:])
def test_weights_in_the_file_that_pytorch_puts_beside_the_model(
    dynamo: bool, tmp_path: Path
) -> None:
    module = trained(LeNet(FLATS["flatten"]))
    path = exported(tmp_path, module, Shape(28, 28, 1), dynamo)
    assert (tmp_path / "net.onnx.data").is_file()
    agrees(module, with_scale(read_onnx(path), [1 / 255]), logarithm=True)


def test_normalisation_by_channel_given_by_the_user(tmp_path: Path) -> None:
    """torchvision's mean and standard deviation, as options."""
    module = trained(Residual())
    path = exported(tmp_path, module, Shape(16, 16, 3), False)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    network = read_onnx(path)
    scaled = with_scale(network, list(1 / (255 * deviation)))
    lowered = lower(scaled)
    assert "for each channel is part of the weights" in lowered.notices[0]
    pixels = pixels_for(network.input.shape)
    values = (pixels / 255 - mean) / deviation
    image = torch.tensor(values.transpose(2, 0, 1)[np.newaxis].astype(np.float32))
    with torch.no_grad():
        wanted = module(image).numpy().reshape(-1)
    for found in (scaled, lowered):
        source = np.asarray(mean * 255, np.float32)
        given = attrs.evolve(found, input=attrs.evolve(found.input, mean=source))
        tensors = forward(given, pixels)
        np.testing.assert_allclose(
            tensors[given.output.name].reshape(-1), wanted, rtol=1e-3, atol=1e-4
        )
