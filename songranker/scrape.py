"""`GET /metrics`: what `metrics.py` has counted, and current figures, in Prometheus' text."""

import json
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from songranker import heartbeat, metrics, problems
from songranker.metrics import BUCKETS, DECLARED, KEY, Declared, Gauge, gauges
from songranker.redis import Unreachable, connection, queue_ages, queue_lengths


class _Collector:
    """Everything that one scrape shows."""

    def collect(self) -> Iterator[Metric]:
        yield from _declared()
        for collect in (queue_gauges, *gauges):
            for gauge in collect():
                family = GaugeMetricFamily(f"songranker_{gauge.name}", gauge.help, labels=gauge.labels)
                for labels, value in gauge.values.items():
                    family.add_metric(labels, value)
                yield family


def _declared() -> Iterator[Metric]:
    sums: dict[str, dict[tuple[str, ...], dict[str, float]]] = {name: {} for name in DECLARED}
    for field, amount in connection().hgetall(KEY).items():
        name, pairs = json.loads(field)
        if name not in DECLARED:
            continue  # of an older version
        labels = dict(pairs)
        part = labels.pop("le", "")
        key = tuple(labels.get(label, "") for label in DECLARED[name].labels)
        sums[name].setdefault(key, {})[part] = float(amount)
    for name, known in DECLARED.items():
        yield _family(name, known, sums[name])


def _family(name: str, known: Declared, values: dict[tuple[str, ...], dict[str, float]]) -> Metric:
    full = f"songranker_{name}"
    if not known.labels:
        values = values or {(): {}}
    if not known.histogram:
        counter = CounterMetricFamily(full, known.help, labels=known.labels)
        for key, parts in values.items():
            counter.add_metric(key, parts.get("", 0.0))
        return counter
    histogram = HistogramMetricFamily(full, known.help, labels=known.labels)
    for key, parts in values.items():
        buckets, total = [], 0.0
        for limit in (*map(str, BUCKETS), "+Inf"):
            total += parts.get(limit, 0.0)
            buckets.append((limit, total))
        histogram.add_metric(key, buckets, parts.get("sum", 0.0))
    return histogram


def queue_gauges() -> Iterator[Gauge]:
    """Queue lengths, the age of the oldest message, and workers."""
    oldest: dict[tuple[str, ...], float] = {(queue,): age for queue, age in queue_ages().items()}
    seen: dict[tuple[str, ...], float] = {(beat.name, beat.queue): beat.age_seconds for beat in heartbeat.read()}
    yield Gauge("queue_length", "Messages waiting", {(q,): float(n) for q, n in queue_lengths().items()}, ("queue",))
    yield Gauge("queue_oldest_seconds", "Age of the oldest waiting message", oldest, ("queue",))
    yield Gauge("worker_last_seen_seconds", "Since a worker's last sign of life", seen, ("worker", "queue"))


@never_cache
@require_safe
def view(request: HttpRequest) -> HttpResponse:
    """`GET /metrics`; 503 where Redis, in which they are, cannot be asked."""
    metrics.flush()
    registry = CollectorRegistry()
    registry.register(_Collector())
    try:
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    except Unreachable:
        return problems.Problem(
            "broker_unavailable", "Redis, which holds the metrics, cannot be asked.", retry_after=5
        ).response()
