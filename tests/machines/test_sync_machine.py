"""A person's weeks: anything happens on any side between runs, and runs fail, die and are taken back.

Every act lies hours from the next, so that each viewing is one that Trakt may be told once.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from sidecar.contract import Fact, Rating
from sidecar.errors import UserError
from sidecar.model import Feature, Kind
from sidecar.store.baseline import Baseline
from sidecar.store.ledger import Ledger
from sidecar.store.matches import Matches
from sidecar.store.sessions import Kept, Sessions
from sidecar.store.titles import Titles
from sidecar.sync.memory import seen_of
from sidecar.sync.plan import Seen
from sidecar.viewing import Sighting, Told
from tests.machines.crash import Killed, MortalStore
from tests.machines.test_run_crashes import Death, dying_all
from tests.sync.home import AWAY, Home, claimed, film
from tests.sync.ramhouse import RamServer

APART = 6 * 3600  # seconds between two acts: more than any two times of one viewing lie apart
FILMS = st.integers(1, 3)
SERVERS = st.integers(0, 1)
SIDES = st.integers(-1, 1)
STARS = st.integers(1, 10)


class SyncMachine(RuleBasedStateMachine):
    """Trakt, a Jellyfin and perhaps a Plex."""

    def __init__(self) -> None:
        super().__init__()
        self.world = MortalStore()
        self.viewings: dict[int, int] = {}  # by film: how often it was watched or marked
        self.taken_back: set[tuple[int, int]] = set()  # side and film: a person un-watched it there, and nothing since
        self.unwatched: set[int] = set()  # films that somebody un-watched somewhere
        self.unrated: set[int] = set()
        self.loose: set[int] = set()  # films of which a run was taken back
        self.fresh: set[int] = set()  # films with which something happened since the last run
        self.removes = False
        self.files = 0

    @initialize(servers=st.sampled_from([("jellyfin",), ("jellyfin", "plex")]), removes=st.booleans())
    def begin(self, servers: tuple[str, ...], removes: bool) -> None:
        """A household, perhaps one that wants removals carried over."""
        self.home, self.removes = Home(self.world.store, films=3, servers=servers), removes
        if removes:
            for feature in ("history", "ratings"):
                self.home.choose(**{f"remove__{feature}__to_trakt": "on", f"remove__{feature}__from_trakt": "on"})

    def teardown(self) -> None:
        """The end: everything is well again, and two clean runs must bring all sides together."""
        if hasattr(self, "home"):
            self.heal()
            self.clean_runs()
        self.world.close()

    # What people do.

    @rule(number=FILMS, which=SIDES)
    def watch(self, number: int, which: int) -> None:
        """Watched to the end, and nobody heard it."""
        self.pass_time(number)
        if which < 0:
            self.home.trakt.watch(film(number), self.home.at())
        elif (item := self.item(which, number)) is not None:
            self.side(which).play(item, self.home.at())
        else:
            return
        self.news(number)

    @rule(number=FILMS, delivered=st.booleans())
    def watch_live(self, number: int, delivered: bool) -> None:
        """Watched on the Jellyfin, heard from begin to end, and told at once, or not yet."""
        item = self.item(0, number)
        if item is None or not self.known(0, number):
            return
        self.pass_time(number)
        began, ended = self.home.at(), self.home.at(2)
        self.home.clock.advance(2 * 3600)
        jelly = self.side(0)
        jelly.play(item, began)
        with self.home.store.write() as db:
            (title,) = Matches(db).of_items(jelly.server, [item])[item]
            Sessions(db).put(self.session(item, began, ended, finished=True))
            sighting = Sighting("jellyfin:jellyfin-1:anna", began, began=began, ended=ended)
            claim = Ledger(db).claim("uuid", title, sighting, ended, runtime=120)
            if delivered and claim is not None and claim.tell:
                Ledger(db).set_told(claim.viewing.id or 0, Told.YES, ended, minute=ended)
        if delivered and claim is not None and claim.tell:
            self.home.trakt.watch(film(number), ended)
        self.news(number)

    @rule(number=FILMS)
    def sample(self, number: int) -> None:
        """Two minutes of a film on the Jellyfin: its date moves, and a session was heard."""
        item = self.item(0, number)
        if item is None:
            return
        self.pass_time(number)
        if self.seen(0, number):  # an un-watch before this looks as if watching it again began
            self.taken_back.discard((0, number))
        copy, at = self.side(0).items[item].copy, self.home.at()
        self.side(0).items[item].copy = replace(copy, at=at, count=copy.count + 1)
        self.side(0).moved += 1
        with self.home.store.write() as db:
            Sessions(db).put(self.session(item, at, at + timedelta(minutes=2), finished=False))

    @rule(number=FILMS, which=SERVERS, heard=st.booleans())
    def mark(self, number: int, which: int, heard: bool) -> None:
        """Marked as watched by hand: with the date of that, which live heard, or without any."""
        item = self.item(which, number)
        if item is None or self.side(which).items[item].copy.played:
            return
        self.pass_time(number)
        each = self.side(which).items[item]
        date = self.toggle(which, item) if heard else each.copy.at
        each.copy = replace(each.copy, played=True, count=max(1, each.copy.count), at=date)
        self.side(which).moved += 1
        self.viewings[number] = self.viewings.get(number, 0) + 1
        # Where removals are carried over, nothing is kept different, and what is marked anew is so everywhere.
        mine = (self.place(which), number)
        self.taken_back = {
            each for each in self.taken_back if each != mine and not (self.removes and each[1] == number)
        }

    @rule(number=FILMS, which=SERVERS, heard=st.booleans())
    def unwatch(self, number: int, which: int, heard: bool) -> None:
        """Taken back by hand; live may have heard it."""
        item = self.item(which, number)
        if item is None or not self.side(which).items[item].copy.played:
            return
        first = number not in self.fresh  # what is said together with a viewing loses against it
        self.pass_time(number)
        seen = self.seen(which, number, rating=self.side(which).items[item].copy.rating)
        self.side(which).unwatch(item)
        if heard:
            self.toggle(which, item)
        self.unwatched.add(number)
        if seen and first:
            self.taken_back.add((self.place(which), number))

    @rule(number=FILMS, which=SIDES, stars=st.one_of(st.none(), STARS))
    def rate(self, number: int, which: int, stars: int | None) -> None:
        """Rated, or not any more."""
        self.pass_time(number)
        if stars is None:
            self.unrated.add(number)
        if which < 0:
            if stars is None:
                self.home.trakt.drop(Feature.RATINGS, film(number))
            else:
                self.home.trakt.put(Feature.RATINGS, Fact(film(number), Rating(stars, self.home.clock.now())))
        elif (item := self.item(which, number)) is not None:
            if self.seen(which, number):  # an un-watch before this looks as if the server forgot it
                self.taken_back.discard((self.place(which), number))
            self.side(which).rate(item, stars)

    # What servers do.

    @rule(number=FILMS, which=SERVERS)
    def replace_file(self, number: int, which: int) -> None:
        """A better copy, under another id."""
        self.pass_time(number)
        if (item := self.item(which, number)) is not None:
            self.side(which).items.pop(item)
        self.files += 1
        self.side(which).put(f"{number}-{self.files}", claimed(film(number)))
        self.taken_back.discard((self.place(which), number))

    @rule(number=FILMS, which=SERVERS)
    def remove_file(self, number: int, which: int) -> None:
        """Gone from the disk."""
        self.pass_time(number)
        if (item := self.item(which, number)) is not None:
            self.side(which).items.pop(item)
            self.side(which).moved += 1
            self.taken_back.discard((self.place(which), number))

    # What goes wrong.

    @rule(which=SIDES)
    def outage(self, which: int) -> None:
        """Away until healed."""
        (self.home.trakt if which < 0 else self.side(which)).problem = AWAY

    @rule(which=SIDES)
    def lose_an_answer(self, which: int) -> None:
        """The next write is carried out, and nobody knows."""
        (self.home.trakt if which < 0 else self.side(which)).loses_answers = 1

    @rule(which=SERVERS)
    def cut_short(self, which: int) -> None:
        """A page is missing."""
        self.side(which).incomplete = "a page is missing"

    @rule()
    def heal(self) -> None:
        """Everything works again."""
        for side in self.home.all():
            side.problem, side.loses_answers = None, 0
        for server in self.home.sides.values():
            server.incomplete = ""

    # Runs.

    @rule(full=st.booleans())
    def run(self, full: bool) -> None:
        """A run, whatever the state of things."""
        if full:  # takes all as it is; only what a person keeps different by then stays so
            self.taken_back = {
                (which, number)
                for which, number in self.taken_back
                if self.kept(self.side(which).kind, Feature.HISTORY, number)
            }
        if self.home.run(full=full).state == "done":
            self.fresh.clear()

    @rule(at=st.integers(1, 60))
    def run_and_die(self, at: int) -> None:
        """The process ends somewhere in a run."""
        with dying_all(self.home, Death(at)), suppress(Killed):
            self.home.run()
        self.world.die()
        self.home.open(self.world.store)

    @precondition(lambda self: hasattr(self, "home"))
    @rule()
    def take_back(self) -> None:
        """The last run that wrote anything is undone, and nothing of it is repeated."""
        self.heal()
        runs = [run for run in self.home.service.runs(1) if run.kind == "sync" and run.state == "done"]
        back = {self.number(change.title) for run in runs for change in self.home.service.changes(run.id)}
        try:
            for run in runs:
                self.home.undo(run.id)
        except UserError:
            return
        if runs:
            self.loose |= back
            self.taken_back = {each for each in self.taken_back if each[1] not in self.loose}
            again = {self.number(change.title) for change in self.home.changes(self.home.run())} & back
            assert not again - self.fresh, "what was taken back is repeated"

    @rule()
    def clean_runs(self) -> None:
        """When all is well, two runs are enough, and a third writes nothing."""
        self.heal()
        results = [self.home.run() for _ in range(3)]
        self.fresh.clear()
        assert [result.state for result in results] == ["done"] * 3
        assert not any(result.held for result in results)
        assert results[2].counts == {}, results[2]
        for number in (1, 2, 3):
            self.agree(number)

    # What must be so.

    @invariant()
    def nobody_is_told_twice(self) -> None:
        """No more plays at Trakt than there were viewings and marks."""
        for number in (1, 2, 3) if hasattr(self, "home") else ():
            plays = self.home.trakt.plays(film(number))
            assert len(plays) <= self.viewings.get(number, 0), (number, plays)
            assert len(set(plays)) == len(plays), (number, plays)

    @invariant()
    def nothing_is_removed_that_no_person_removed(self) -> None:
        """Every removal of ours follows one of a person's, and goes only where that is wanted."""
        if not hasattr(self, "home"):
            return
        for what, feature, facts in self.home.trakt.writes:
            if what == "remove":
                numbers = {each.ref.ids.trakt for each in facts} - self.loose
                allowed = self.unwatched if feature is Feature.HISTORY else self.unrated
                assert self.removes or not numbers, numbers
                assert numbers <= allowed, numbers

    @invariant()
    def nobodys_removal_comes_back(self) -> None:
        """What a person took back stays so on that side, until it is watched again."""
        for which, number in self.taken_back:
            item = self.item(which, number)
            assert item is None or not self.side(which).items[item].copy.played, (which, number)

    def agree(self, number: int) -> None:
        """All sides that hold a film look alike, but for what a person keeps different."""
        if number in self.loose:
            return
        shown = {"trakt": bool(self.home.trakt.plays(film(number)))}
        rated = self.home.trakt.held[Feature.RATINGS].get((Kind.MOVIE, f"trakt={number}"))
        stars = {"trakt": rated.value.value if rated is not None else None}
        for which, kind in enumerate(self.home.sides):
            if (item := self.item(which, number)) is not None:
                shown[kind] = self.side(which).items[item].copy.played
                stars[kind] = self.side(which).items[item].copy.rating
        for feature, values in ((Feature.HISTORY, shown), (Feature.RATINGS, stars)):
            free = {side: value for side, value in values.items() if not self.kept(side, feature, number)}
            assert len(set(free.values())) <= 1, (feature, number, values)

    # Ways to say it.

    def side(self, which: int) -> RamServer:
        """The server of that number, as far as there is one."""
        return list(self.home.sides.values())[self.place(which)]

    def place(self, which: int) -> int:
        """Which server is meant, where there may be one alone."""
        return min(which, len(self.home.sides) - 1)

    def item(self, which: int, number: int) -> str | None:
        """The item of a film there."""
        claim = claimed(film(number)).claim()
        return next((i for i, each in self.side(which).items.items() if each.refs[0].claim() == claim), None)

    def pass_time(self, number: int) -> None:
        """Some hours go by, then something happens to a film."""
        self.home.clock.advance(APART)
        self.fresh.add(number)

    def news(self, number: int) -> None:
        """A viewing more; what was taken back before is watched again."""
        self.viewings[number] = self.viewings.get(number, 0) + 1
        self.taken_back = {each for each in self.taken_back if each[1] != number}

    def toggle(self, which: int, item: str) -> datetime:
        """Live hears that somebody marks something; when that was."""
        at = self.home.at()
        with self.home.store.write() as db:
            Sessions(db).toggled(self.side(which).server, "anna", item, at)
        return at

    def session(self, item: str, began: datetime, ended: datetime, *, finished: bool) -> Kept:
        """What live keeps of a playback."""
        return Kept("jellyfin-1", "anna", "TV", item, self.home.person.id, "uuid", began, ended, ended, finished, "{}")

    def title(self, number: int) -> int | None:
        """The title of a film, if it has one yet."""
        with self.home.store.read() as db:
            for side in self.home.sides.values():
                for row in Matches(db).of_server(side.server):
                    each = side.items.get(row[0])
                    if each is not None and each.refs[0].claim() == claimed(film(number)).claim():
                        return row[2]
        return None

    def number(self, title: int) -> int:
        """The film of a title."""
        with self.home.store.read() as db:
            return int(Titles(db).labels([title])[title].split()[1])

    def known(self, which: int, number: int) -> bool:
        """Whether the item of a film was listed in a run."""
        with self.home.store.read() as db:
            return (self.item(which, number) or "") in Matches(db).of_items(
                self.side(which).server, [self.item(which, number) or ""]
            )

    def row(self, key: str, feature: Feature, number: int) -> Seen | None:
        """What a side was last seen with."""
        title = self.title(number)
        if title is None:
            return None
        with self.home.store.write() as db:
            side = Baseline(db).side(key)
            return seen_of(db, side, feature, trakt=key.startswith("trakt"), titles=[title]).get(title)

    def key(self, kind: str) -> str:
        """A side in the baseline."""
        return "trakt:uuid" if kind == "trakt" else f"{kind}:{kind}-1:anna"

    def kept(self, kind: str, feature: Feature, number: int) -> bool:
        """Whether a person keeps a side different."""
        row = self.row(self.key(kind), feature, number)
        return row is not None and row.kept_since is not None

    def seen(self, which: int, number: int, rating: float | str | None = "any") -> bool:
        """Whether a run saw this side's item as watched, and rated so: then an un-watch can be noticed."""
        row, item = self.row(self.key(self.side(which).kind), Feature.HISTORY, number), self.item(which, number)
        copies = getattr(row.value, "copies", ()) if row is not None else ()
        return any(c.item == item and c.played and rating in ("any", c.rating) for c in copies)


TestSync = SyncMachine.TestCase
TestSync.settings = settings(max_examples=settings().max_examples * 2)
