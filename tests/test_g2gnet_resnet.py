"""The frozen ResNet-32: its shape, its weights from a file, what is refused, and honest names beside the small convolution."""

import pytest
import torch

from mstask.data import DataError, Split, Splits
from mstask.errors import MstaskError
from mstask.studies.g2gnet import features, resnet, runs
from mstask.studies.g2gnet.__main__ import main
from mstask.studies.g2gnet.runs import Options


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(0)
    state = resnet.ResNet32(10).state_dict()
    return {name: value + 0.1 * torch.rand_like(value) if "running" in name else value for name, value in state.items()}


@pytest.fixture
def cifar():
    x = torch.rand(20, 96, 32, generator=torch.Generator().manual_seed(1))
    part = Split(x, torch.arange(20) % 10)
    meta = {"name": "cifar-10", "fingerprint": "x", "source": "real", "class_names": [], "counts": {}}
    return Splits(part, part, part, 10, meta)


def saved(folder, content):
    torch.save(content, folder / "weights.pt")
    return folder / "weights.pt"


def test_it_has_31_convolutions_one_readout_and_the_published_number_of_weights(weights):
    model = resnet.ResNet32(10)
    ways_around = [name for name in weights if name.endswith("downsample.0.weight")]
    convolutions = [name for name, value in weights.items() if value.dim() == 4 and name not in ways_around]
    assert (len(convolutions), len(ways_around)) == (31, 2)
    assert sum(p.numel() for p in model.parameters()) == 466_906  # 0.47 million
    assert {"layer1.4.bn2.running_var", "layer3.0.downsample.1.weight", "fc.bias"} <= weights.keys()


def test_features_are_the_second_stage_averaged_to_4_x_4(weights, tmp_path):
    model = resnet.read(saved(tmp_path, weights), 10)
    maps = {}
    model.layer2.register_forward_hook(lambda module, given, found: maps.update(found=found))
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    logits = model(x)
    assert logits.shape == (2, 10) and maps["found"].shape == (2, 32, 16, 16)
    blocks = maps["found"].view(2, 32, 4, 4, 4, 4).mean((3, 5)).flatten(1)
    assert torch.allclose(model.features(x), blocks, atol=1e-6)
    assert not model.training and not any(p.requires_grad for p in model.parameters())


def test_pictures_are_standardised_by_colour_and_their_features_scaled(weights, cifar, tmp_path, monkeypatch):
    monkeypatch.setenv("RESNET32_WEIGHTS", str(saved(tmp_path, weights)))
    found = features.of_resnet(cifar)
    assert found.test.x.shape == (20, 1, 512) and found.meta["name"] == "cifar-10-resnet"
    assert found.test.x.amin(2).eq(0).all() and found.test.x.amax(2).allclose(torch.ones(20, 1))
    brighter = Split(cifar.train.x * 0.5 + 0.2, cifar.train.y)
    same = features.of_resnet(Splits(brighter, brighter, brighter, 10, cifar.meta))
    assert torch.allclose(same.test.x, found.test.x, atol=1e-3)


def test_weights_without_counters_of_batches_are_enough(weights, tmp_path):
    fewer = {name: value for name, value in weights.items() if not name.endswith("num_batches_tracked")}
    assert torch.equal(resnet.read(saved(tmp_path, fewer), 10).fc.weight, weights["fc.weight"])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda w: w | {"fc.weight": torch.zeros(100, 64)}, "those are weights for 100 classes, not 10"),
        (lambda w: {name: value for name, value in w.items() if name != "conv1.weight"}, "has no tensor conv1.weight"),
        (lambda w: w | {"layer4.0.conv1.weight": torch.zeros(1)}, "unknown tensor layer4.0.conv1.weight"),
        (lambda w: w | {"bn1.weight": torch.full((16,), float("nan"))}, "bn1.weight has values that are not finite"),
        (lambda w: w | {"bn1.weight": w["bn1.weight"].to_sparse()}, "bn1.weight is a torch.float32 torch.sparse_coo tensor"),
        (lambda w: w | {"bn1.running_var": -w["bn1.running_var"]}, "bn1.running_var has negative values"),
        (lambda w: w | {1: torch.zeros(1), "x": torch.zeros(1)}, "holds the unknown tensor 1"),
        (lambda w: {"model": w}, "tensors of a CIFAR ResNet-32 by name"),
        (lambda w: [1, 2], "holds a list, expected a dictionary of tensors"),
        (lambda w: {"big": torch.zeros(5_000_000)}, "expected about 2 million"),
        (lambda w: Options(dataset="digits"), "refused, as unpickling can run code"),
    ],
)
def test_a_file_that_cannot_be_is_refused_in_one_sentence(weights, tmp_path, change, match):
    with pytest.raises(DataError, match=match):
        resnet.read(saved(tmp_path, change(weights)), 10)


def test_without_weights_or_with_other_pictures_it_says_what_to_do(cifar, tmp_path, monkeypatch):
    monkeypatch.delenv("RESNET32_WEIGHTS", raising=False)
    with pytest.raises(DataError, match="set RESNET32_WEIGHTS to a"):
        features.of_resnet(cifar)
    with pytest.raises(DataError, match="does not exist"):
        resnet.read(tmp_path / "none.pt", 10)
    (tmp_path / "text.pt").write_text("no weights")
    with pytest.raises(DataError, match="refused, as unpickling"):
        resnet.read(tmp_path / "text.pt", 10)
    cifar.meta["name"] = "digits"
    with pytest.raises(MstaskError, match="found digits; for other pictures use the small convolution, --use_features"):
        features.of_resnet(cifar)


def test_files_say_what_is_in_front():
    assert Options(dataset="cifar10", use_resnet=True).stem == "resnet_cifar10_dense_p0_15_T50_current"
    assert Options(dataset="digits", use_features=True).stem == "features_digits_dense_p0_15_T50_current"
    with pytest.raises(MstaskError, match="use_resnet and use_features are both given"):
        runs.options(dataset="cifar10", use_resnet=True, use_features=True)
    with pytest.raises(MstaskError, match="use_features with the data set 'features'"):
        runs.options(dataset="features", use_features=True)


def test_fashion_mnist_is_the_default_where_it_is_present(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
    monkeypatch.delenv("FASHION_MNIST_DATA", raising=False)
    assert Options().dataset == "digits"
    assert main(["train", "--dataset", "fashionmnist", "--folder", str(tmp_path / "runs")]) == 1
    assert "run python -m mstask data fetch fashion-mnist" in capsys.readouterr().err
    (tmp_path / "fashion-mnist").mkdir()
    assert Options().dataset == runs.default_dataset() == "fashionmnist"
    assert runs.PRESETS["digits"]["dataset"] == "digits"
