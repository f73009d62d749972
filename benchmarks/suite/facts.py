"""What scores say: ratios, shares of the machine's limits, and which targets are met.  Plain data, for JSON."""

from __future__ import annotations

import statistics
from typing import Any

from contest import TOLERATED, Score
from works import BEST_TARGET, BUSY_TARGET, FIRST_TARGET, MEMORY_TARGET, SECTIONS, WORKS

#: The libraries in the order of the columns; RusTorch is compared with each other one.
LIBRARIES = {
    "rustorch": "RusTorch",
    "torch": "PyTorch",
    "torch.compile": "torch.compile",
    "jax": "JAX",
    "onednn": "oneDNN",
    "numpy": "NumPy",
}
SECTION_OF = {name: section for section, works in SECTIONS.items() for name in works}


def check(what: str, value: float, target: float, *, at_most: bool = False) -> dict[str, Any]:
    """Return a target and whether it is met."""
    met = value <= target if at_most else value >= target
    return {"what": what, "value": value, "target": target, "at_most": at_most, "met": met}


def spread(theirs: list[float], ours: list[float]) -> list[float] | None:
    """Return the median, least and greatest of the ratios of their seconds to ours, round by round."""
    ratios = [b / a for a, b in zip(ours, theirs, strict=False)]
    return [statistics.median(ratios), min(ratios), max(ratios)] if ratios else None


def facts_of(name: str, scores: dict[str, Score]) -> dict[str, Any]:
    """Return what one work's scores say."""
    ours = scores["rustorch"]
    ratios = {
        library: found
        for library, score in scores.items()
        if library not in ("rustorch", "limit") and (found := spread(score.seconds, ours.seconds))
    }
    limit = spread(scores["limit"].seconds, ours.seconds) if "limit" in scores else None
    facts: dict[str, Any] = {
        "work": name,
        "section": SECTION_OF[name],
        "ratios": ratios,
        "of_limit": limit and limit[0],
        "others": [o for score in scores.values() for o in score.others],
        "scores": {
            library: {
                "median": s.median,
                "seconds": s.seconds,
                "peak": s.peak,
                "first": statistics.median(s.first) if s.first else 0.0,
                "failure": s.failure,
            }
            for library, s in scores.items()
        },
    }
    return facts | {"checks": checks_of(facts)}


def checks_of(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets of a work, as far as what they compare was measured."""
    work, ratios, scores = WORKS[facts["work"]], facts["ratios"], facts["scores"]
    checks = []
    if work.target and "torch" in ratios:
        checks.append(check("ratio", ratios["torch"][0], work.target))
    best = [ratios[library][0] for library in ("jax", "onednn") if library in ratios]
    if work.target and work.onednn and best:
        checks.append(check("of the best", min(best), BEST_TARGET))
    if work.limit_target and facts["of_limit"]:
        checks.append(check("of limit", facts["of_limit"], work.limit_target))
    ours, theirs = scores["rustorch"], scores.get("torch")
    if work.training and ours["median"] and theirs and theirs["median"]:
        checks.append(check("memory", ours["peak"] / theirs["peak"], MEMORY_TARGET, at_most=True))
        checks.append(check("first step", theirs["first"] / ours["first"], FIRST_TARGET))
    return checks


def busy_check(busy: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Return the target of the step beside a busy core."""
    ours = busy.get("rustorch")
    return [check("beside a busy core", statistics.median(ours), BUSY_TARGET, at_most=True)] if ours else []


def disturbance(works: list[dict[str, Any]]) -> tuple[int, int]:
    """Return how many turns others disturbed to the last repetition, and how many turns there were."""
    others = [o for facts in works for o in facts["others"]]
    return sum(o > TOLERATED for o in others), len(others)
