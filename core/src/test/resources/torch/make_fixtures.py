"""Writes the PyTorch files of this folder, and what they hold as safetensors-free JSON.

Run with Debian's python3-torch: /usr/bin/python3 make_fixtures.py
"""
import collections
import json
import sys
import types

import numpy
import torch

expected = {}


def note(name, tensors):
    """Row-major bytes of every tensor, as PyTorch itself sees them."""
    expected[name] = {
        key: {
            "dtype": str(t.dtype).replace("torch.", ""),
            "shape": list(t.shape),
            "hex": bytes(t.detach().contiguous().flatten().view(torch.uint8).numpy()).hex()
            if t.numel()
            else "",
        }
        for key, t in tensors.items()
    }


generator = torch.Generator().manual_seed(20261123)
a = torch.randn(3, 5, generator=generator)
image = torch.randn(2, 3, 4, 5, generator=generator)
flat = torch.arange(12, dtype=torch.float32)
plain = {
    "f64": a.double(),
    "f32": a,
    "f16": a.half(),
    "bf16": a.bfloat16(),
    "i64": torch.tensor([1, -2, 1 << 40]),
    "i32": torch.tensor([1, -2], dtype=torch.int32),
    "i16": torch.tensor([1, -2], dtype=torch.int16),
    "i8": torch.tensor([1, -2], dtype=torch.int8),
    "u8": torch.tensor([1, 254], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(7.5),
    "empty": torch.zeros(0, 3),
    "transposed": a.t(),
    "permuted": image.half().permute(3, 0, 2, 1),
    "channels_last": image.to(memory_format=torch.channels_last),
    "every_second": flat[1::2],
    "shared_head": flat[:4],
    "shared_tail": flat[4:].view(2, 4),
    "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 3),
    "parameter": torch.nn.Parameter(torch.ones(2, 2)),
}
note("plain.pt", plain)
torch.save(plain, "plain.pt")
for protocol in (3, 4):
    torch.save(plain, f"protocol{protocol}.pt", pickle_protocol=protocol)
    note(f"protocol{protocol}.pt", plain)

model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
note("module.bin", model.state_dict())
torch.save(model.state_dict(), "module.bin")  # an OrderedDict with an attribute _metadata

# A checkpoint as PyTorch Lightning leaves it: the callback's class is a dictionary key.
module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")


class ModelCheckpoint:
    pass


ModelCheckpoint.__module__ = module.__name__
module.ModelCheckpoint = ModelCheckpoint
sys.modules["pytorch_lightning"] = types.ModuleType("pytorch_lightning")
sys.modules["pytorch_lightning.callbacks"] = types.ModuleType("pytorch_lightning.callbacks")
sys.modules[module.__name__] = module
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
model(torch.randn(4, 3, generator=generator)).sum().backward()
optimizer.step()
state = collections.OrderedDict()
state["model.diffusion_model.time_embed.0.weight"] = a.clone()
state["model_ema.decay"] = torch.tensor(0.9999)
state["model_ema.num_updates"] = torch.tensor(7, dtype=torch.int32)
state["model_ema.diffusion_modeltime_embed0weight"] = a.clone() + 1
note("lightning.ckpt", state)
torch.save(
    {
        "epoch": 3,
        "global_step": 470000,
        "pytorch-lightning_version": "1.4.2",
        "state_dict": state,
        "callbacks": {
            ModelCheckpoint: {
                "monitor": "val/loss",
                "best_model_score": torch.tensor(0.25),
                "best_model_path": "x.ckpt",
                "current_score": numpy.float64(0.5),
                "saved": {"a", "b"},
            }
        },
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [{"base_lrs": [numpy.float32(0.1)], "last_epoch": 3, "gone": None}],
        "size": torch.Size([2, 3]),
        "dtype": torch.float16,
    },
    "lightning.ckpt",
)

torch.save({"model": {"w": a}}, "nested.pt")
torch.save({"other": {"w": a}}, "nested-other.pt")
torch.save(model, "whole-module.pt")
torch.save({"w": a}, "old-format.pt", _use_new_zipfile_serialization=False)

with open("expected.json", "w") as f:
    json.dump(expected, f, indent=1, sort_keys=True)
    f.write("\n")
