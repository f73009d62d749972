"""The benchmark's judgement and its page, from made-up scores; its definitions of works, done once."""

import ctypes
import json
import shutil
import sys
from pathlib import Path

import pytest

import rustorch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks" / "suite"))

import facts  # noqa: E402
import machine  # noqa: E402
import models  # noqa: E402
import report  # noqa: E402
import worker  # noqa: E402
from contest import Contest, Score  # noqa: E402
from works import GPT, SECTIONS, WORKS  # noqa: E402

TRAIN = "LeNet, batch 64, train"


def score(*seconds, peak=100, first=1.0, others=0.0):
    return Score(list(seconds), [first], peak, [others] * len(seconds))


def result_of(*works, busy=None):
    return {
        "machine": "M",
        "threads": 2,
        "limits": {"flops": {"float32": 3e11}, "copies": {"4 MB": 8e10}},
        "versions": "rustorch-core 1",
        "rounds": 3,
        "works": list(works),
        "busy": busy or {},
        "busy_work": GPT,
    }


def test_ratios_are_taken_round_by_round():
    assert facts.spread([2.0, 9.0, 4.0], [1.0, 3.0, 1.0]) == [3.0, 2.0, 4.0]
    assert facts.spread([2.0], []) is None  # one of the two failed


def test_checks_of_a_product():
    scores = {"rustorch": score(1.0), "torch": score(1.9), "jax": score(1.2), "onednn": score(0.96)}
    scores["limit"] = score(0.7)
    found = facts.facts_of("gemm 512", scores)
    assert [(c["what"], c["value"], c["met"]) for c in found["checks"]] == [
        ("ratio", 1.9, False),
        ("of the best", 0.96, True),
    ]
    assert found["of_limit"] == 0.7
    assert "limit" not in found["ratios"]


def test_checks_of_a_training_step():
    scores = {"rustorch": score(1.0, peak=50, first=1.0), "torch": score(2.0, peak=100, first=2.5)}
    found = {c["what"]: c for c in facts.facts_of(TRAIN, scores)["checks"]}
    assert found["ratio"]["met"]
    assert (found["memory"]["value"], found["memory"]["met"]) == (0.5, True)
    assert (found["first step"]["value"], found["first step"]["met"]) == (2.5, False)


def test_checks_of_what_memory_bounds():
    scores = {"rustorch": score(1.0), "torch": score(2.0), "limit": score(0.8)}
    [_, limit] = facts.facts_of("add 1M", scores)["checks"]
    assert (limit["what"], limit["value"], limit["met"]) == ("of limit", 0.8, False)


def test_busy_core():
    assert facts.busy_check({"torch": [30.0]}) == []
    [check] = facts.busy_check({"rustorch": [2.0, 2.1, 9.0]})
    assert (check["value"], check["met"]) == (2.1, True)


def test_a_library_that_fails_is_reported():
    scores = {"rustorch": score(1.0), "torch.compile": Score(failure="InvalidCxxCompiler: no g++")}
    found = facts.facts_of(TRAIN, scores)
    assert found["checks"] == []  # PyTorch did not run: nothing to compare
    page = report.page_of(result_of(found), {})
    assert f"- {TRAIN}, torch.compile: InvalidCxxCompiler: no g++" in page
    assert "failed" in report.terminal_row(found)


def test_disturbed_turns_are_counted():
    found = facts.facts_of(TRAIN, {"rustorch": score(1.0, 1.0, others=0.5), "torch": score(1.0, 1.0)})
    assert facts.disturbance([found]) == (2, 4)
    assert "0.50 disturbed" in report.terminal_row(found)
    assert "2 of 4 turns stayed disturbed" in report.page_of(result_of(found), {})


def test_page_explains_missed_targets():
    product = facts.facts_of("gemm 512", {"rustorch": score(1.0), "torch": score(1.5)})
    step = facts.facts_of(GPT, {"rustorch": score(1.0), "torch": score(1.0)})
    notes = report.notes_in(
        "# Title\n\n## gemm 512 | add 16\n\nThe profile\nshows it.\n\n## gemm 128\nMet by now.\n"
    )
    shown = "The profile\nshows it."
    assert notes == {"gemm 512": shown, "add 16": shown, "gemm 128": "Met by now."}
    page = report.page_of(result_of(product, step, busy={"rustorch": [3.0], "torch": [30.0]}), notes, "p.png")
    assert "- **gemm 512**: ratio 1.50, target ≥ 2\n\nThe profile\nshows it." in page
    assert "beside a busy core 3.00, target ≤ 2.2" in page
    assert "Not explained yet." in page
    assert "Met by now" not in page
    assert "| RusTorch | 3.00 (3.00–3.00) | ≤ 2.2 ✗ |" in page
    assert "(p.png)" in page
    assert json.loads(json.dumps(product)) == product


def test_columns_without_figures_are_left_out():
    page = report.page_of(
        result_of(facts.facts_of("add 16", {"rustorch": score(1e-6), "torch": score(2e-6)})), {}
    )
    table = page.split("## Overhead\n\n")[1]
    assert table.startswith("| work | RusTorch | PyTorch | target | others |\n")
    assert "| add 16 | 1 µs | 2.00 (2.00–2.00) | ≥ 1 ✓ | 0.00 |" in table


def test_notes_name_works_that_there_are():
    notes = report.notes_in((ROOT / "benchmarks" / "notes.md").read_text("utf-8"))
    assert report.unknown_notes(notes) == []
    assert report.unknown_notes({"gemm 512": "", "gemm 5": ""}) == ["gemm 5"]


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    import plot

    scores = {"rustorch": score(1.0, 1.1), "torch": score(1.5, 2.0), "jax": score(0.9, 1.0)}
    found = [facts.facts_of(name, scores) for name in ("gemm 512", TRAIN)]
    plot.draw(result_of(*found), tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_addresses(tmp_path):
    assert report.address(tmp_path / "a.png", tmp_path / "docs" / "p.md") == "../a.png"


def test_durations():
    assert [report.duration(s) for s in (2.5, 0.0123, 4.5e-5, 3e-8)] == ["2.5 s", "12.3 ms", "45 µs", "30 ns"]


@pytest.mark.skipif(not shutil.which("cc"), reason="limits.c needs a C compiler")
def test_limits():
    limits = machine.Limits(2)
    assert limits.arithmetic("float32", 1e9)(1) > 0
    for reads, writes in ((1, 0), (1, 1), (2, 1)):
        assert limits.stream(100_003, reads, writes)(3) > 0
    assert isinstance(limits._arrays, ctypes.c_void_p)


def test_limits_without_a_compiler(monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(machine.NotMeasuredError, match="no C compiler"):
        machine.Limits(1)
    page = report.page_of(result_of() | {"limits": {"failure": "no C compiler"}}, {})
    assert "The machine's limits were not measured: no C compiler." in page


def test_processors_are_as_many_as_asked_for():
    granted = machine.processors(10_000)
    assert len(set(granted)) == len(granted)
    assert machine.processors(1) == granted[:1]


@pytest.mark.parametrize(
    "name",
    [
        "gemm 128",
        "batched gemm 96x128x64x128",
        "add 16",
        "add 16, with grad",
        "relu 1M",
        "gelu 1M",
        *(name for name in WORKS if name.startswith(("add 1500x1500", "sum 4096", "layer_norm 4096"))),
        "MLP 64-32-10, batch 32, train",
        *(name for name in WORKS if name.endswith("batch 1, inference") and "ResNet" not in name),
    ],
)
def test_works_run(name):
    assert name in WORKS
    worker.build("rustorch", name, rustorch.get_num_threads())()


@pytest.mark.parametrize(
    ("jax_name", "sizes", "network"),
    [
        ("mlp", ((64, 32, 10), 4), lambda: models.mlp(rustorch, (64, 32, 10))),
        ("lenet", (2,), lambda: models.lenet(rustorch)),
        ("resnet18", (1,), lambda: models.resnet18(rustorch)),
        ("gpt", (32, 2, 16, 4, 2), lambda: models.gpt(rustorch, width=32, layers=2, length=16, heads=4)),
        ("lstm", (2, 3), lambda: models.lstm(rustorch)),
    ],
)
def test_networks_in_jax_have_the_same_parameters(jax_name, sizes, network):
    jax = pytest.importorskip("jax")
    import jax_models

    made = jax_models.model(jax_name, *sizes)
    counted = sorted(p.numel() for p in network().parameters())
    assert sorted(x.size for x in jax.tree.leaves(made.params)) == counted
    scores = made.forward(made.params, made.x, train=False)
    assert scores.shape == (*made.targets, made.classes)


def test_flops():
    net = models.resnet18(rustorch)
    counted = []
    for module in net.modules():
        if isinstance(module, rustorch.nn.Conv2d):
            module.register_forward_hook(
                lambda m, _, out: counted.append(2 * out.numel() * m.weight.numel() // m.weight.shape[0])
            )
    net.eval()(rustorch.zeros(1, 3, 32, 32))
    assert models.resnet18_flops(1).forward == sum(counted) + 2 * 512 * 10


def test_a_contest_of_one():
    contest = Contest(1)
    try:
        found = facts.facts_of("add 16", contest.rounds("add 16", ["rustorch", "numpy"], 2))
    finally:
        contest.close()
    assert len(found["scores"]["rustorch"]["seconds"]) == 2
    assert found["ratios"]["numpy"][1] > 0


def test_sections_hold_every_work_once():
    assert len(WORKS) == sum(map(len, SECTIONS.values()))
