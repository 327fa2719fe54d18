"""What people play and rate arrives at Trakt: whole processes, real sockets, every source, and fifty kills."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from sidecar.demo.catalogue import File
from tests.system.evening import PATIENCE, Door, Evening, user_of
from tests.system.forking import Sidetrakt, forking, settle_in
from tests.system.forks import POINTS

LINKED = ("Anna", "Ben", "David", "Zoë Åkesson")
WHOLE = ["start", "pause", "start", "scrobble"]
AT_ONCE = 2.0  # seconds: one, and the one that Trakt wants between two writes of an account


@pytest.fixture(scope="module")
def settled(evening: Evening, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidetrakt]:
    """Four persons with accounts on both servers are linked; everybody else is known only."""
    with forking(evening, tmp_path_factory.mktemp("live") / "data") as made:
        settle_in(evening, made, LINKED)
        yield made


@pytest.fixture
def sidetrakt(evening: Evening, settled: Sidetrakt) -> Iterator[Sidetrakt]:
    evening.unhook()
    evening.arrivals.clear()
    yield settled
    if settled.pid:
        settled.end()
    assert evening.unhandled() == []


def view(evening: Evening, service: str, person: str, file: File) -> list[float]:
    """Somebody plays, pauses, finishes and rates something; gives after how many seconds Trakt heard of it."""
    user, title, runtime = user_of(person), file.titles[0].ids.trakt, (file.runtime_ms or 0) / 1000
    began = evening.play(service, "start", person, file=file.path, position_s=0)
    took = [evening.hears(user, "start", title) - began]
    evening.play(service, "seek", person, position_s=runtime * 0.4)
    evening.play(service, "pause", person, position_s=runtime * 0.4)
    evening.hears(user, "pause", title)
    resumed = evening.play(service, "resume", person, position_s=runtime * 0.4)
    took.append(evening.hears(user, "start", title, 2) - resumed)
    evening.play(service, "progress", person, position_s=runtime * 0.96)
    stopped = evening.play(service, "stop", person, position_s=runtime * 0.96)
    took.append(evening.hears(user, "scrobble", title) - stopped)
    evening.act(service, "rate", person=person, file=file.path, rating=9)
    evening.hears(user, "ratings")
    return took


@pytest.mark.parametrize("sources", ["hooks", "sockets", "everything"])
def test_plays_and_ratings_of_both_servers_arrive_once_whichever_sources_are_on(
    evening: Evening, sidetrakt: Sidetrakt, sources: str
) -> None:
    place = ["hooks", "sockets", "everything"].index(sources)
    films, episodes, cartoons = (evening.files(name)[2 * place : 2 * place + 2] for name in ("movies", "shows", "kids"))
    before = {name: evening.plays(user_of(name)) for name in LINKED}
    since = evening.controls["plex"].count
    if sources != "sockets":
        evening.hook(sidetrakt.url, plugins=sources == "everything")
    if sources == "hooks":
        evening.deafen()
    sidetrakt.up()
    if sources != "hooks":
        evening.listening(5, since)
    if sources == "sockets":
        evening.looked_twice(since)
    for service in ("jellyfin", "plex"):
        count = evening.looks()
        evening.play(service, "start", "Carla", file=cartoons[0].path, position_s=0)
        if service == "plex" and sources != "hooks":
            evening.looked_again(count)
        for do in ("progress", "stop"):
            evening.play(service, do, "Carla", position_s=99999)
        evening.act(service, "rate", person="Carla", file=cartoons[0].path, rating=9)
    seen = [
        ("jellyfin", "Anna", films[0]),
        ("jellyfin", "Ben", episodes[0]),
        ("plex", "David", films[1]),
        ("plex", "Zoë Åkesson", episodes[1]),
    ]
    with ThreadPoolExecutor(4) as people:
        took = list(people.map(lambda each: view(evening, *each), seen))
    assert max(map(max, took)) < AT_ONCE, took
    listened = evening.sockets()
    evening.until(lambda: not sidetrakt.waiting())
    for _, person, file in seen:
        user, title = user_of(person), file.titles[0].ids.trakt
        assert evening.told(user, title) == WHOLE
        plays = evening.plays(user)
        assert {key: len(at) for key, at in plays.items() if at != before[person].get(key)} == {title: 1}
        assert evening.ratings(user)[title] == 9
        # Until Trakt was asked, an episode with its show's ids is not known to be the one without; twice does no harm.
        assert file.show or evening.told(user).count("ratings") == 1
    assert {arrival.user for arrival in evening.arrivals} == {user_of(person) for person in LINKED}
    assert {arrival.status for arrival in evening.arrivals} == {201}
    assert bool(listened) == (sources != "hooks")


DEATHS = (  # of one play, in order
    ("midway", "begun", "answered", "looking"),
    ("midway", "taken", "carried out", "answered"),
    ("midway", "begun", "answered", "looking"),
    ("midway", "stored", "refused", "answered"),
    ("midway", "begun", "answered", "looking"),
    ("midway", "midway", "carried out later", "answered"),
)
PLAYS = 13


def test_fifty_kills_lose_no_play_and_tell_none_twice(evening: Evening, sidetrakt: Sidetrakt) -> None:
    evening.hook(sidetrakt.url)
    watchers = (("jellyfin", "Anna"), ("plex", "Ben"))
    before = {name: evening.plays(user_of(name)) for name in LINKED}
    films, ended = evening.files("movies")[10:], dict[tuple[str, int], datetime]()
    sidetrakt.up()
    died: list[str] = []
    for number, film in enumerate(films[:PLAYS]):
        deaths = DEATHS[number % len(DEATHS)]
        service, person = watchers[1 if number % 4 == 2 or "later" in deaths[2] else 0]
        at = Mortal(evening, sidetrakt, service, person, film).watch(deaths)
        ended[user_of(person), film.titles[0].ids.trakt] = at
        died += deaths
    plays = {name: evening.plays(user_of(name)) for name in LINKED}
    new = {
        (user_of(name), title): at
        for name, found in plays.items()
        for title, at in found.items()
        if at != before[name].get(title)
    }
    assert new.keys() == ended.keys()
    assert [at for at in new.values() if len(at) != 1] == []
    assert max(abs(at[0] - ended[key]).total_seconds() for key, at in new.items()) < 60
    assert sidetrakt.waiting() == []
    assert sidetrakt.alerts() == []
    assert len(died) >= 50
    assert min(died.count("answered"), died.count("begun") + sum("out" in each for each in died)) >= 10


@dataclass
class Mortal:
    """One play during which Sidetrakt is killed again and again."""

    evening: Evening
    sidetrakt: Sidetrakt
    service: str
    person: str
    film: File

    def watch(self, deaths: tuple[str, ...]) -> datetime:
        """From the start to the end, until Trakt was told; gives when it ended."""
        evening, sidetrakt, runtime = self.evening, self.sidetrakt, (self.film.runtime_ms or 0) / 1000
        evening.play(self.service, "start", self.person, file=self.film.path, position_s=0)
        evening.hears(user_of(self.person), "start", self.film.titles[0].ids.trakt)
        during, after = deaths.count("midway"), [each for each in deaths if each != "midway"]
        for place in range(during):
            sidetrakt.kill()
            evening.play(self.service, "seek", self.person, position_s=runtime * (place + 1) / 4)
            sidetrakt.up()
        evening.play(self.service, "progress", self.person, position_s=runtime * 0.96)
        self.idle()
        for number, death in enumerate(after):
            door = self.prepare(death)
            if number == 0:
                evening.play(self.service, "stop", self.person, position_s=runtime * 0.96)
                at = datetime.now(UTC)
            else:
                sidetrakt.up()
                self.idle()
            self.fall(death, door)
        sidetrakt.up()
        self.idle()
        evening.until(lambda: not sidetrakt.waiting() and not sidetrakt.playing())
        evening.door.go.set()
        return at

    def prepare(self, death: str) -> Door:
        """What has to be so before it can die like this."""
        if death in ("looking", "carried out", "carried out later", "refused"):
            path = "/sync/history" if death == "looking" else "/scrobble/stop"
            return self.evening.hold(path, carried_out=death != "refused")
        self.sidetrakt.die_at(death)
        return self.evening.door

    def fall(self, death: str, door: Door) -> None:
        """It dies like this."""
        if not door.path and death in POINTS:
            self.sidetrakt.died()
            return
        assert door.arrived.wait(PATIENCE)
        self.sidetrakt.kill()
        if "later" not in death:
            door.go.set()
        if death == "carried out":
            self.evening.hears(user_of(self.person), "scrobble", self.film.titles[0].ids.trakt)

    def idle(self) -> None:
        """Wait until the plugin has told all that it has; Plex's webhooks are not repeated."""
        if self.service == "jellyfin":
            self.evening.act("jellyfin", "plugin_retry")
