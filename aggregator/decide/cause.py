"""From what the confirming attempts saw to a cause, to who answers for it, how sure that is, and the evidence that speaks for it.

judge(witnesses, regions)
  1. A region is heard by its newest failing attempt; the first rule that fits it names cause and responsibility.
  2. The cause that most regions met is the incident's; the later one where as many met two.
  3. Confidence = the rule's certainty × the share of regions that point at the same responsible,
     × 0.8 where one region looks alone: nobody can tell then whether the fault lies on the way.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aggregator.decide.evidence import Witness
from aggregator.decide.rules import RULES, Rule
from quivive.domain.words import Cause, Responsibility

LONE = 0.8


@dataclass(frozen=True, slots=True)
class Judgement:
    """`confidence` in 0 to 1; `rule` is the stable name of the rule that decided; `reason` is a sentence."""

    cause: Cause
    responsibility: Responsibility
    confidence: float
    rule: str
    reason: str
    speaking: Witness
    """The attempt whose evidence speaks for it best."""


@dataclass(frozen=True, slots=True)
class _Word:
    """What one region's testimony comes to."""

    witness: Witness
    rule: Rule
    cause: Cause


def judge(witnesses: Sequence[Witness], regions: int) -> Judgement:
    """Judge an incident by its failing attempts; `regions` is |W|. ValueError without any."""
    words = _words(witnesses)
    if not words:
        raise ValueError("nobody saw it fail")
    met: dict[Cause, list[_Word]] = {}
    for word in words:
        met.setdefault(word.cause, []).append(word)
    cause = max(met, key=lambda c: (len(met[c]), max(word.witness.end_us for word in met[c])))
    chosen = max(met[cause], key=lambda word: (word.rule.certainty, bool(word.witness.detail), word.witness.end_us))
    rule = chosen.rule
    pointing = sum(1 for word in words if word.rule.responsibility is rule.responsibility)
    confidence = rule.certainty * pointing / len(words) * (LONE if regions == 1 else 1.0)
    return Judgement(
        cause=cause,
        responsibility=rule.responsibility,
        confidence=round(confidence, 2),
        rule=rule.name,
        reason=_reason(words, met, cause, rule, pointing, regions),
        speaking=chosen.witness,
    )


def _words(witnesses: Sequence[Witness]) -> list[_Word]:
    """One word per region, in the order of the regions' names."""
    heard: dict[str, list[_Word]] = {}
    for witness in sorted(witnesses, key=lambda w: (w.end_us, w.slot_us, w.attempt)):
        rule = next(rule for rule in RULES if rule.fits(witness))
        heard.setdefault(witness.region, []).append(_Word(witness, rule, rule.cause or witness.cause))
    return [_most(heard[region]) for region in sorted(heard)]


def _most(words: list[_Word]) -> _Word:
    """The newest word of the cause that most of a region's attempts met."""
    met = Counter(word.cause for word in words)
    return max(enumerate(words), key=lambda entry: (met[entry[1].cause], entry[0]))[1]


def _reason(
    words: list[_Word], met: dict[Cause, list[_Word]], cause: Cause, rule: Rule, pointing: int, regions: int
) -> str:
    parts = [f"{len(met[cause])} of {len(words)} regions met {cause.name}: {rule.because}"]
    others = sorted(other.name for other in met if other is not cause)
    if others:
        agree = "which points at the same" if pointing == len(words) else "which points elsewhere"
        parts.append(f"others met {', '.join(others)}, {agree}")
    if regions == 1:
        parts.append("one region alone cannot rule out a fault on the way")
    return "; ".join(parts)
