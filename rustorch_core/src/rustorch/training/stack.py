"""A chain of layers given as strings or modules; strings become modules when they see their first input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import rustorch
from rustorch import nn
from rustorch.autograd import no_grad
from rustorch.errors import ArgumentTypeError, SerializationError
from rustorch.training.errors import TrainingError
from rustorch.training.layers import resolve
from rustorch.training.learner import is_materialized, modes_restored
from rustorch.training.summary import Row, count_text, shape_text


@dataclass
class Stage:
    """One layer as it was added."""

    name: str
    text: str  # the layer string; "" for a module
    members: list[str] = field(
        default_factory=list
    )  # attribute names of its modules; empty until it is built
    output: str = "?"  # shape of its output, for the summary


class Stack(nn.Module):
    """A chain of layers, built lazily.  ``Model`` is this and the way to train it."""

    def __init__(self) -> None:
        super().__init__()
        self._stages: list[Stage] = []
        self._ready = False  # all parameters exist; asking every one of them takes time in each forward
        self._input: dict[str, Any] | None = None  # shape and dtype of the input it was built for
        self._home: Any = None  # an empty tensor that moves along, to know where new layers belong

    def append(self, layer: Any) -> None:
        """Add a layer at the end: a string or a module."""
        self._ready = False
        if isinstance(layer, nn.Module):
            name = self._free_name(type(layer).__name__)
            self.add_module(name, layer)
            self._stages.append(Stage(name, "", [name]))
        elif isinstance(layer, str):
            kind, _ = resolve(layer)  # errors belong here, not to the first batch
            self._stages.append(Stage(self._free_name(kind), " ".join(layer.split())))
        elif isinstance(layer, type) and issubclass(layer, nn.Module):
            raise ArgumentTypeError(
                f"add: a layer is required, got the class {layer.__name__}", hint="create an instance"
            )
        else:
            raise ArgumentTypeError(
                f"add: a layer string or a Module is required, got {type(layer).__name__}",
                hint='for example add("Dense(64, activation=relu)") or add(nn.Linear(10, 64))',
            )

    def _free_name(self, kind: str) -> str:
        base = kind.lower()
        count = 1 + sum(stage.name.rpartition("_")[0] == base for stage in self._stages)
        return f"{base}_{count}"

    @property
    def is_chain(self) -> bool:
        """Whether the layers alone say what forward does."""
        return type(self).forward is Stack.forward

    @property
    def built(self) -> bool:
        """Whether all parameters exist."""
        if self._ready:
            return True
        if self.is_chain and (not self._stages or any(not stage.members for stage in self._stages)):
            return False
        self._ready = is_materialized(self)
        return self._ready

    def forward(self, *inputs: Any) -> Any:
        """Return the output of the last layer; builds what is not built yet."""
        if not self._ready and not self.built:
            return self._build(inputs)
        x = inputs[0] if len(inputs) == 1 else inputs
        for stage in self._stages:
            for name in stage.members:
                x = self._modules[name](x)
        return x

    def build(self, input_shape: Any, dtype: Any = None) -> Any:
        """Create all parameters for inputs of a shape, without data; return self.

        Args:
            input_shape: of a batch; None or -1 for the size of the batch is fine: ``(None, 28, 28)``.
            dtype: of the input (the default float if None); use int64 in front of an Embedding.
        """
        shape = [1 if size in (None, -1) else size for size in input_shape]
        self.ensure_built((rustorch.zeros(shape, dtype=dtype),))
        return self

    def ensure_built(self, inputs: tuple[Any, ...]) -> None:
        """Create all parameters that do not exist yet, by one forward that changes nothing else."""
        if not self.built:
            with modes_restored(self, training=False), no_grad():
                self(*inputs)
        if not self.built:
            raise TrainingError(
                f"{type(self).__name__}: forward leaves lazy modules without input, so they stay unbuilt"
            )

    def _build(self, inputs: tuple[Any, ...]) -> Any:
        if not self._stages:
            raise TrainingError(
                "Model: there are no layers", hint='add some, for example model.add("Dense(1)")'
            )
        new = [stage for stage in self._stages if not stage.members]
        try:
            return self._run_and_create(inputs)
        except BaseException:  # the next input, of another shape, finds nothing half done
            for stage in new:
                for name in stage.members:
                    del self._modules[name]
                stage.members, stage.output = [], "?"
            raise

    def _run_and_create(self, inputs: tuple[Any, ...]) -> Any:
        x: Any = inputs[0] if len(inputs) == 1 else inputs
        if hasattr(x, "shape"):
            self._input = {"shape": [int(s) for s in x.shape], "dtype": x.dtype.name}
        for stage in self._stages:
            if not stage.members:
                self._create(stage, x)
            for name in stage.members:
                x = self._modules[name](x)
            stage.output = shape_text(x)
        for stage in self._stages:  # parameters in the order of the layers, whichever existed first
            for name in stage.members:
                self._modules[name] = self._modules.pop(name)
        return x

    def _create(self, stage: Stage, x: Any) -> None:
        if not hasattr(x, "shape"):
            raise TrainingError(f"{stage.text}: a tensor is required as input, got {type(x).__name__}")
        _, build = resolve(stage.text)
        modules = build(tuple(x.shape))
        if self._home is not None:
            for module in modules:
                module.to(device=self._home.device, dtype=self._home.dtype)
        names = [stage.name, *(f"{stage.name}_{type(m).__name__.lower()}" for m in modules[1:])]
        for name, module in zip(names, modules, strict=True):
            module.train(self.training)
            self.add_module(name, module)
            stage.members.append(name)

    def _apply(self, fn: Any) -> Any:
        self._home = fn(rustorch.zeros((0,)) if self._home is None else self._home)
        return super()._apply(fn)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Copy parameters from a state dict; see ``Module.load_state_dict``."""
        if self.is_chain and any(not stage.members for stage in self._stages):
            raise TrainingError(
                "load_state_dict: the model is not built, so it has no parameters to load into",
                hint="call model.build(input_shape) first",
            )
        return super().load_state_dict(state_dict, strict, assign)

    # -- describing --------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """Return what the summary says about each layer."""
        if not self.is_chain:
            return [
                Row(f"{name} ({type(child).__name__})", "?", count_text(child.parameters()))
                for name, child in self.named_children()
            ]
        found = []
        for stage in self._stages:
            modules = [self._modules[name] for name in stage.members]
            label = stage.text or type(modules[0]).__name__
            count = count_text(p for m in modules for p in m.parameters()) if modules else "?"
            found.append(Row(f"{stage.name}: {label}", stage.output, count))
        return found

    def layer_texts(self) -> list[str]:
        """Return all layers as strings.

        Raises:
            SerializationError: if a layer was added as a module, which a string cannot describe.
        """
        for stage in self._stages:
            if not stage.text:
                raise SerializationError(
                    f"model: layer {stage.name!r} was added as a module, which no string describes",
                    hint="save its state_dict(), and create the model by code",
                )
        if not self.is_chain:
            raise SerializationError(
                f"model: {type(self).__name__} has a forward of its own, which no string describes",
                hint="save its state_dict(), and create the model by code",
            )
        return [stage.text for stage in self._stages]
