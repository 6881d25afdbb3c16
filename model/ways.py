"""Ways to fine-tune: which parameters learn, and what is added to the network for it.

`full`: all but the word embeddings. `top`: the last two layers. `lora`, `adalora`: low-rank updates of query and value
(Hu et al. 2021, Zhang et al. 2023, by the library peft). `prefix`: learned keys and values before those of the text in
each layer (Li & Liang 2021). `adapter`: a bottleneck after each layer (Houlsby et al. 2019). The head always learns.
"""

from typing import Any, Final

import torch
from torch import Tensor, nn

from model.network import Network
from model.runs import Way

LOW_RANK: Final[tuple[Way, ...]] = ("lora", "adalora")
"""Folded into the weights at the end."""
ADDED: Final[tuple[Way, ...]] = ("prefix", "adapter")
"""Parts of the graph for good."""
_TOP_LAYERS: Final = 2
_RANK: Final = 16
_PREFIX_TOKENS: Final = 16
_BOTTLENECK: Final = 48
# AdaLoRA starts with more rank than it ends with and prunes between these shares of the steps.
_PRUNE_FROM, _PRUNE_TO = 0.2, 0.7
_ADAPTER: Final = "default"
# Names in peft's rank allocator.
_IMPORTANCE: Final = ("ipt", "exp_avg_ipt", "exp_avg_unc")


class Adapter(nn.Module):
    """A layer's output module with a bottleneck after it; starts as the identity."""

    def __init__(self, inner: nn.Module, width: int) -> None:
        super().__init__()
        self.inner = inner
        self.down, self.up = nn.Linear(width, _BOTTLENECK), nn.Linear(_BOTTLENECK, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, states: Tensor, asking: Tensor) -> Tensor:
        done: Tensor = self.inner(states, asking)
        more: Tensor = self.up(nn.functional.gelu(self.down(done)))
        return done + more


class Prefixed(nn.Module):
    """A key or value projection that puts learned rows before those of the text."""

    def __init__(self, inner: nn.Module, width: int) -> None:
        super().__init__()
        self.inner = inner
        self.rows = nn.Parameter(torch.randn(_PREFIX_TOKENS, width) * 0.02)

    def forward(self, states: Tensor) -> Tensor:
        return torch.cat([self.rows.expand(states.shape[0], -1, -1), self.inner(states)], dim=1)


def prepare(network: Network, way: Way, steps: int = 1) -> Any:
    """Add what the way needs and freeze what it leaves alone; returns what wants to hear of each step, or None."""
    encoder = network.encoder
    encoder.get_input_embeddings().weight.requires_grad_(False)
    if way == "full":
        return None
    if way in LOW_RANK:
        tuner = _low_rank(network, way, steps)
        network.head.requires_grad_(True)
        return tuner
    encoder.requires_grad_(False)
    width = int(encoder.config.hidden_size)
    layers = encoder.encoder.layer
    for layer in layers[-_TOP_LAYERS:] if way == "top" else layers:
        if way == "top":
            layer.requires_grad_(True)
        elif way == "adapter":
            layer.output = Adapter(layer.output, width)
        else:
            attention = layer.attention.self
            attention.key, attention.value = Prefixed(attention.key, width), Prefixed(attention.value, width)
    return None


def merge(network: Network, way: Way) -> None:
    """Fold low-rank updates into the weights that they update; other additions are part of the graph."""
    if way not in LOW_RANK:
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BaseTunerLayer):
                child.merge()
                setattr(parent, name, child.get_base_layer())


def restore(network: Network, way: Way) -> None:
    """Give a fresh network the parts that a finished run of the way has, so that its weights can be loaded."""
    if way in ADDED:
        prepare(network, way)


def tuner_state(tuner: Any) -> dict[str, Any] | None:
    """What a tuner knows of the steps before: how much each rank mattered, and which are left."""
    if tuner is None:
        return None
    allocator, config = tuner.rankallocator, tuner.peft_config[_ADAPTER]
    return {"importance": [getattr(allocator, name) for name in _IMPORTANCE], "left": config.rank_pattern}


def set_tuner_state(tuner: Any, state: dict[str, Any] | None) -> None:
    """Make the tuner know what `tuner_state` told."""
    if tuner is not None and state is not None:
        for name, value in zip(_IMPORTANCE, state["importance"], strict=True):
            setattr(tuner.rankallocator, name, value)
        tuner.peft_config[_ADAPTER].rank_pattern = state["left"]


def trainable(network: Network) -> int:
    """How many parameters learn."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _low_rank(network: Network, way: Way, steps: int) -> Any:
    from peft import AdaLoraConfig, LoraConfig, inject_adapter_in_model
    from peft.tuners.adalora import AdaLoraModel

    common: dict[str, Any] = {"target_modules": ["query", "value"], "lora_alpha": 2 * _RANK, "lora_dropout": 0.05}
    if way == "lora":
        inject_adapter_in_model(LoraConfig(r=_RANK, **common), network)
        return None
    config = AdaLoraConfig(
        init_r=_RANK + _RANK // 2,
        target_r=_RANK,
        tinit=round(steps * _PRUNE_FROM),
        tfinal=max(1, steps - round(steps * _PRUNE_TO)),
        deltaT=max(1, steps // 100),
        total_step=max(2, steps),
        **common,
    )
    return AdaLoraModel(network, {_ADAPTER: config}, _ADAPTER)  # type: ignore[no-untyped-call]
