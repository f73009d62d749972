"""Wrong arguments of layers, optimizers, schedules and loaders end in an error of RusTorch."""

from __future__ import annotations


def test_layers(wrong_calls) -> None:
    wrong_calls("layers", share=0.1)


def test_optimizers_and_schedules(wrong_calls) -> None:
    wrong_calls("optimizers", share=0.3)


def test_datasets_and_loaders(wrong_calls) -> None:
    wrong_calls("loaders")
