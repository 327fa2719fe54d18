"""What is told while somebody watches: Trakt's table, and none of the numbers that it would misread."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.contract import Plays
from sidecar.errors import Outage, Refused, RemoteError
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.trakt.scrobbler import Heard, Told
from tests.trakt.conftest import DARK, HEAT, World, part

STRANGE = Ref(Kind.EPISODE, Ids(tvdb=999_999), DARK, 1, 2, "Dark")
SENT = "sent"


def tell(world: World, action: str, ref: Ref, progress: float, watched: bool = False) -> Told:
    scrobbler, uuid = world.service.scrobbler, world.link()
    if action == "stop":
        return scrobbler.stop(uuid, ref, progress, watched=watched)
    return {"start": scrobbler.start, "pause": scrobbler.pause}[action](uuid, ref, progress)


def progress_of(world: World) -> list[tuple[str, float]]:
    """What was sent: action and progress."""
    return [
        (path.removeprefix("/scrobble/"), body["progress"])
        for _, path, body in world.simulator.bodies
        if path.startswith("/scrobble/")
    ]


@pytest.mark.parametrize(
    ("action", "progress", "watched", "sent", "heard"),
    [
        ("start", 0.0, False, ("start", 0.0), Heard.STARTED),
        ("start", -3.0, False, ("start", 0.0), Heard.STARTED),
        ("start", 12.345, False, ("start", 12.35), Heard.STARTED),
        ("start", 79.7, False, ("start", 79.4), Heard.STARTED),
        ("start", 80.0, False, ("start", 80.6), Heard.STARTED),
        ("start", 101.0, False, ("start", 100.0), Heard.STARTED),
        ("pause", 0.0, False, None, Heard.NOTHING),
        ("pause", 0.99, False, None, Heard.NOTHING),
        ("pause", 1.0, False, ("pause", 1.0), Heard.PAUSED),
        ("pause", 79.0, False, ("pause", 79.0), Heard.PAUSED),
        ("pause", 79.5, False, ("pause", 79.4), Heard.PAUSED),
        ("pause", 79.999, False, ("pause", 79.4), Heard.PAUSED),
        ("pause", 80.0, False, None, Heard.NOTHING),
        ("pause", 99.0, False, None, Heard.NOTHING),
        ("stop", 0.0, False, None, Heard.NOTHING),
        ("stop", 0.99, False, None, Heard.NOTHING),
        ("stop", 1.0, False, ("stop", 1.0), Heard.PAUSED),
        ("stop", 50.0, False, ("stop", 50.0), Heard.PAUSED),
        ("stop", 79.9, False, ("stop", 79.4), Heard.PAUSED),
        ("stop", 85.0, False, None, Heard.NOTHING),  # a person's own threshold is higher
        ("stop", 0.5, True, ("stop", 80.6), Heard.WATCHED),  # the server says that it was watched
        ("stop", 70.0, True, ("stop", 80.6), Heard.WATCHED),
        ("stop", 80.0, True, ("stop", 80.6), Heard.WATCHED),
        ("stop", 80.4, True, ("stop", 80.6), Heard.WATCHED),
        ("stop", 93.0, True, ("stop", 93.0), Heard.WATCHED),
        ("stop", 100.0, True, ("stop", 100.0), Heard.WATCHED),
        ("stop", 130.0, True, ("stop", 100.0), Heard.WATCHED),
    ],
)
@pytest.mark.parametrize("switches", [{}, {"stop_at_80": "scrobble", "pause_from_80": "accept"}], ids=["", "other"])
def test_the_table(
    world: World,
    switches: dict[str, Any],
    action: str,
    progress: float,
    watched: bool,
    sent: tuple[str, float] | None,
    heard: Heard,
) -> None:
    world.switch(**switches)
    told = tell(world, action, HEAT, progress, watched)
    assert told.heard is heard
    assert progress_of(world) == ([sent] if sent else [])
    state = world.state()
    assert state["history"] == (heard is Heard.WATCHED)
    assert state["playback"] == (heard is Heard.PAUSED)
    assert (state["watching"] is not None) == (heard is Heard.STARTED and progress < 100)
    assert (told.history_id == state["plays"][0]["id"]) if heard is Heard.WATCHED else told.history_id is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(action=st.sampled_from(["start", "pause", "stop"]), progress=st.floats(-1, 130), watched=st.booleans())
def test_no_value_that_trakt_could_misread_is_ever_sent(
    world: World, action: str, progress: float, watched: bool
) -> None:
    world.later(hours=3)
    world.simulator.bodies.clear()
    tell(world, action, HEAT, progress, watched)
    assert all(not 79.5 <= sent <= 80.5 and 0 <= sent <= 100 for _, sent in progress_of(world))
    assert all(row["status"] == 201 for row in world.log("POST", "/scrobble"))


@pytest.mark.parametrize("status", [404, 405, 500, 502, 503])
def test_where_there_is_no_pause_a_stop_saves_the_place(world: World, status: int) -> None:
    world.link()
    world.fault("status", status=status, path="/scrobble/pause", times=None)
    assert tell(world, "pause", HEAT, 41.0).heard is Heard.PAUSED
    assert progress_of(world)[-1] == ("stop", 41.0)
    assert world.state()["playback"] == 1
    assert world.state()["history"] == 0


@pytest.mark.parametrize(("status", "kind"), [(422, Refused), (403, Refused)])
def test_another_no_to_a_pause_is_a_no(world: World, status: int, kind: type[RemoteError]) -> None:
    world.link()
    world.fault("status", status=status, path="/scrobble/pause")
    with pytest.raises(kind):
        tell(world, "pause", HEAT, 41.0)
    assert [action for action, _ in progress_of(world)] == ["pause"]


def test_a_repeated_stop_is_there_already_and_says_since_when(world: World) -> None:
    first = tell(world, "stop", HEAT, 95.0, watched=True)
    world.later(minutes=5)
    second = tell(world, "stop", HEAT, 95.0, watched=True)
    assert (first.heard, second.heard) == (Heard.WATCHED, Heard.ALREADY)
    began = world.clock.now() - timedelta(minutes=5)
    assert second.watched_at == began
    assert second.expires_at == began + timedelta(hours=1)
    assert second.history_id is None
    assert world.state()["history"] == 1
    world.later(hours=1)
    assert tell(world, "stop", HEAT, 95.0, watched=True).heard is Heard.WATCHED


@pytest.mark.parametrize("action", ["start", "pause", "stop"])
def test_busy_is_no_error(world: World, action: str) -> None:
    world.link()
    world.fault("status", status=409, path="/scrobble")
    assert tell(world, action, HEAT, 50.0).heard is Heard.ALREADY
    assert len(progress_of(world)) == 1


def test_an_episode_that_trakt_does_not_know_by_its_ids_is_named_by_its_show(world: World) -> None:
    assert tell(world, "stop", STRANGE, 95.0, watched=True).heard is Heard.WATCHED
    bodies = world.sent("/scrobble/stop")
    assert bodies == [
        {"progress": 95.0, "episode": {"ids": {"tvdb": 999_999}}},
        {"progress": 95.0, "show": {"ids": {"trakt": 118}}, "episode": {"season": 1, "number": 2}},
    ]
    (fact,) = world.side().build_index(Feature.HISTORY).facts
    assert (fact.ref.ids.trakt, type(fact.value)) == (118102, Plays)


def test_its_own_ids_come_first(world: World) -> None:
    assert tell(world, "start", part(2), 3.0).heard is Heard.STARTED
    assert world.sent("/scrobble/start") == [{"progress": 3.0, "episode": {"ids": {"trakt": 118102}}}]


def test_without_ids_of_its_own_the_numbers_are_enough(world: World) -> None:
    assert tell(world, "start", Ref(Kind.EPISODE, Ids(), DARK, 2, 1), 3.0).heard is Heard.STARTED
    assert len(world.sent("/scrobble/start")) == 1


@pytest.mark.parametrize(
    "ref",
    [
        Ref(Kind.MOVIE, Ids(imdb="tt7777777")),
        Ref(Kind.EPISODE, Ids(tvdb=999_999), Ids(tvdb=999_999), 1, 1),
        Ref(Kind.MOVIE, Ids(slug="heat-1995")),
    ],
)
def test_what_nobody_knows_is_a_final_no(world: World, ref: Ref) -> None:
    for action in ("start", "pause", "stop"):
        with pytest.raises(Refused) as no:
            tell(world, action, ref, 50.0)
        assert no.value.status == 404


@pytest.mark.parametrize("fault", [{"name": "lost"}, {"name": "status", "status": 502, "when": "after"}], ids=str)
def test_a_lost_answer_to_a_stop_is_never_repeated_by_itself(world: World, fault: dict[str, Any]) -> None:
    world.link()
    world.fault(**fault, path="/scrobble")
    with pytest.raises(RemoteError) as lost:
        tell(world, "stop", HEAT, 95.0, watched=True)
    assert lost.value.maybe_done
    assert len(progress_of(world)) == 1
    assert tell(world, "stop", HEAT, 95.0, watched=True).heard is Heard.ALREADY
    assert world.state()["history"] == 1


def test_an_outage_of_start_is_said(world: World) -> None:
    world.link()
    world.fault("status", status=503, path="/scrobble")
    with pytest.raises(Outage):
        tell(world, "start", HEAT, 1.0)
