"""A loop run told in JSON texts, dialects D2 and D3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wva_sim.wva import lines
from wva_sim.wva.findings import Capacity, Change, LoopRun, ModelRun, Observation, Solution
from wva_sim.wva.lines import Record, Words


def tell(words: Words, run: LoopRun, requested: Observation | None = None) -> list[Record]:
    """The lines of one loop run.

    Parameters
    ----------
    requested
        The variant whose request the loop run answers; D3 says it.
    """
    is_model_only = any(isinstance(each.analysis, Solution) for each in run.models)
    records: list[Record] = []
    if requested is not None and words.says_more:
        records.append(lines.reconciling(requested.variant, requested.namespace, requested.model))
    records += [
        *lines.config_loaded(words),
        lines.operating(words, is_model_only),
        lines.grouped(len(run.models), len(run.variants)),
    ]
    for each in run.models:
        records.append(lines.processing_model(each.model, len(each.variants)))
        if isinstance(each.analysis, Solution):
            records += _solved(words, each, each.analysis)
        elif isinstance(each.analysis, Capacity):
            records += _analysed(words, each, each.analysis)
    records.append(lines.applying(len(run.decisions)))
    for seen, decision in zip(run.variants, run.decisions, strict=True):
        said = (decision.variant, decision.action, decision.current, decision.target, seen.accelerator)
        records += lines.applied(words, *said, is_model_only)
    records.append(lines.completed(words, is_model_only, len(run.models), len(run.decisions)))
    return records


def _analysed(words: Words, run: ModelRun, capacity: Capacity) -> Iterator[Record]:
    for seen in run.variants:
        yield from _mismatch(run, seen) if words.says_more else ()
    yield from (_observed(words, seen, with_load=False) for seen in run.variants)
    yield from _pods(run.model, run.namespace, run.variants)
    yield lines.capacity_collected(words, run.model, run.namespace, capacity.replicas)
    for seen in run.variants:
        yield lines.variant_analysed(seen.variant, seen.accelerator, seen.cost, len(seen.pods))
    if not capacity.is_safe:
        yield lines.scale_down_unsafe(capacity.non_saturated, capacity.redistributed)
    yield from lines.analysed(
        words,
        run.model,
        run.namespace,
        capacity.replicas,
        capacity.non_saturated,
        capacity.spare_kv,
        capacity.spare_queue,
        capacity.is_short,
        capacity.is_safe,
    )
    if words.says_more:
        yield from (lines.target_initialized(seen.variant, len(seen.pods)) for seen in run.variants)
    for change in capacity.changes:
        yield _changed(words, change, capacity)
    if not capacity.changes:
        yield lines.no_scaling_needed(words, capacity.spare_kv, capacity.spare_queue)
    yield lines.targets_calculated(words, run.model, _targets(run))
    yield lines.decisions_made(words, run.model, len(run.variants))


def _changed(words: Words, change: Change, capacity: Capacity) -> Record:
    seen = change.seen
    replicas = (seen.replicas, seen.ready_replicas, change.target)
    if change.kind == "preserved":
        return lines.preserving(seen.variant, *replicas)
    reason = lines.scale_up_reason(words.noun, capacity.spare_kv, capacity.spare_queue)
    return lines.new_target(words, change.kind, seen.variant, seen.cost, *replicas, reason)


def _solved(words: Words, run: ModelRun, solution: Solution) -> Iterator[Record]:
    yield from _pods(run.model, run.namespace, run.variants)
    yield lines.observability(run.model, len(run.pods))
    slo = solution.allocations[0]
    for seen in run.variants:
        yield lines.found_slo(run.model, slo.slo_itl_ms, slo.slo_ttft_ms)
        yield from _mismatch(run, seen)
        yield _observed(words, seen, with_load=True)
    yield lines.solution(solution.allocations)
    for allocation in solution.allocations:
        yield lines.accelerator_set(words, allocation)
    yield lines.optimization_completed(run.model, _targets(run))
    yield lines.only_model_based(words, run.model)


def _targets(run: ModelRun) -> dict[str, int]:
    return {decision.variant: decision.target for decision in run.decisions}


def _mismatch(run: ModelRun, seen: Observation) -> Iterator[Record]:
    if len(seen.pods) != seen.replicas:
        yield lines.replica_mismatch(run.namespace, run.model, seen.replicas, len(seen.pods))


def _observed(words: Words, seen: Observation, with_load: bool) -> Record:
    # While replicas are taken away, more may be ready than are wanted.
    replicas = min(seen.ready_replicas, seen.replicas) if words.tells_ready else seen.replicas
    cost = seen.cost * replicas
    row = (seen.variant, replicas, seen.accelerator, seen.ttft_ms, seen.itl_ms, cost, seen.arrival_rate_per_min)
    if with_load:
        return lines.observed_with_load(*row, seen.max_batch, seen.input_tokens, seen.output_tokens)
    return lines.observed(*row)


def _pods(model: str, namespace: str, variants: Sequence[Observation]) -> Iterator[Record]:
    """The per-pod metrics and how they were matched."""
    pods = [pod for seen in variants for pod in seen.pods]
    matched = {seen.variant: len(seen.pods) for seen in variants if seen.pods}
    yield from (lines.kv_usage(pod.name, pod.kv_usage) for pod in pods)
    yield lines.kv_collected(model, namespace, len(pods))
    yield from (lines.queue_length(pod.name, pod.queue_length) for pod in pods)
    yield lines.queue_collected(model, namespace, len(pods))
    yield lines.pods_matched(len(pods), matched)
    yield lines.replicas_collected(model, namespace, len(pods))
