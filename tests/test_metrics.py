"""Figures for Prometheus."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.parser import text_string_to_metric_families

from sidecar import __version__
from sidecar.metrics import CONTENT_TYPE, WRITE_SECONDS, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def labelled(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_requests_are_counted_by_service_method_and_status() -> None:
    metrics = Metrics()
    for status in ("200", "200", "none"):
        metrics.request("trakt", "GET", status)
    found = samples(metrics)
    assert found["sidetrakt_requests_total", labelled(service="trakt", method="GET", status="200")] == 2
    assert found["sidetrakt_requests_total", labelled(service="trakt", method="GET", status="none")] == 1


def test_writes_fall_into_buckets() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.01, 3.0):
        metrics.write(seconds)
    found = samples(metrics)
    buckets = [
        found["sidetrakt_store_write_seconds_bucket", labelled(le=str(edge))] for edge in (*WRITE_SECONDS, "+Inf")
    ]
    assert buckets == [1, 1, 2, 2, 2, 2, 3]
    assert found["sidetrakt_store_write_seconds_count", labelled()] == 3
    assert found["sidetrakt_store_write_seconds_sum", labelled()] == 3.0105


def test_failures_are_counted_by_worker() -> None:
    metrics = Metrics()
    metrics.worker_failed("timer")
    assert samples(metrics)["sidetrakt_worker_failures_total", labelled(worker="timer")] == 1


def test_what_can_be_asked_is_asked_when_somebody_reads() -> None:
    metrics, asked = Metrics(), list[int]()

    def gauges() -> dict[str, float]:
        asked.append(1)
        return {"outbox_due_rows": float(len(asked)), "alerts_open": 0.0}

    metrics.watch(gauges)
    assert asked == []
    assert [samples(metrics)["sidetrakt_outbox_due_rows", labelled()] for _ in range(2)] == [1.0, 2.0]
    assert samples(metrics)["sidetrakt_alerts_open", labelled()] == 0.0


def test_the_version_is_a_figure() -> None:
    metrics = Metrics()
    metrics.watch(dict)
    assert samples(metrics)["sidetrakt_info", labelled(version=__version__)] == 1


def test_the_process_tells_its_memory() -> None:
    assert samples(Metrics())["process_resident_memory_bytes", labelled()] > 0


def test_two_processes_in_one_do_not_share_figures() -> None:
    one, other = Metrics(), Metrics()
    one.worker_failed("timer")
    assert not [name for name, _ in samples(other) if name == "sidetrakt_worker_failures_total"]


def test_no_figure_has_a_label_that_could_hold_a_name_of_a_person_or_title() -> None:
    metrics = Metrics()
    metrics.watch(lambda: {"alerts_open": 1.0})
    metrics.request("trakt", "GET", "200")
    metrics.worker_failed("timer")
    metrics.write(0.1)
    labels = {name for _, pairs in samples(metrics) for name, _ in pairs}
    assert labels == {"service", "method", "status", "worker", "le", "version"}


def test_the_form_is_the_one_that_is_announced() -> None:
    assert CONTENT_TYPE == CONTENT_TYPE_PLAIN_0_0_4


def test_what_comes_to_the_hooks_is_counted_by_kind_and_outcome() -> None:
    metrics = Metrics()
    metrics.hook("plex", "refused")
    metrics.hook("plex", "refused")
    assert samples(metrics)["sidetrakt_hooks_total", labelled(kind="plex", outcome="refused")] == 2
