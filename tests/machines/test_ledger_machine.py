"""Lives of one film on one Trakt account, told by whoever comes first, with a death at any statement.

The world keeps the truth: viewings far enough apart that no rule may confuse them, what Trakt really has, and what
each source has reported. Whatever happens, Trakt gets each viewing at most once, and in the end exactly once.
"""

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule
from sqlite_utils import Database

from sidecar.model import Ids, Kind, Ref
from sidecar.store.ledger import Claim, Ledger, Play
from sidecar.store.titles import Titles
from sidecar.viewing import Sighting, Told
from tests.machines.crash import NOW, MortalStore

RUNTIME = 100
APART = timedelta(hours=12)
LENGTH = timedelta(minutes=RUNTIME)
DEATHS = st.one_of(st.none(), st.integers(0, 8))
JELLYFIN, PLEX, TRAKT = "jellyfin:s:anna", "plex:p:anna", "trakt:uuid"


class LedgerMachine(RuleBasedStateMachine):
    """One film, one account."""

    viewings = Bundle("viewings")

    def __init__(self) -> None:
        super().__init__()
        self.world = MortalStore()
        with self.world.store.write() as db:
            self.movie = Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=1), runtime=RUNTIME))[0]
        self.began: list[datetime] = []
        self.trakt: dict[int, datetime] = {}  # history id → minute
        self.shown = 0  # how many of them Trakt's last index showed

    def teardown(self) -> None:
        self.world.close()

    def claim(self, sighting: Sighting, death: int | None) -> Claim | None:
        plays = [Play(minute, number) for number, minute in list(self.trakt.items())[: self.shown]]

        def step(db: Database) -> Claim | None:
            return Ledger(db).claim("uuid", self.movie, sighting, NOW, runtime=RUNTIME, plays=plays)

        return self.world.write(step, death)

    @rule(target=viewings, jitter=st.integers(0, 50))
    def watch(self, jitter: int) -> datetime:
        """Somebody watches it, long after the last time."""
        began = NOW + APART * len(self.began) + timedelta(minutes=jitter)
        self.began.append(began)
        return began

    @rule(began=viewings, shift=st.integers(-2, 2), death=DEATHS, side=st.sampled_from([JELLYFIN, PLEX]))
    def hear(self, began: datetime, shift: int, death: int | None, side: str) -> None:
        """A live source reports it, perhaps again, perhaps late."""
        start = began + timedelta(minutes=shift)
        at = start if side == JELLYFIN else start + LENGTH
        self.claim(Sighting(side, at, began=start, ended=start + LENGTH), death)

    @rule(began=viewings, shift=st.integers(-2, 2), death=DEATHS)
    def read_jellyfin(self, began: datetime, shift: int, death: int | None) -> None:
        """A library read finds its begin; Jellyfin keeps one and the same date."""
        del shift
        self.claim(Sighting(JELLYFIN, began), death)

    @rule(began=viewings, death=DEATHS)
    def read_plex(self, began: datetime, death: int | None) -> None:
        """A history row of Plex with its end."""
        self.claim(Sighting(PLEX, began + LENGTH), death)

    @rule(death=DEATHS)
    def read_trakt(self, death: int | None) -> None:
        """The index of Trakt: every play there is, by history id."""
        self.shown = len(self.trakt)
        for number, minute in list(self.trakt.items()):
            self.claim(Sighting(TRAKT, minute, history_id=number), death)

    @rule(lost=st.booleans(), carried_out=st.booleans(), death=DEATHS)
    def tell(self, lost: bool, carried_out: bool, death: int | None) -> None:
        """Send the oldest untold viewing: `sent` is committed first, the answer may be lost either way."""
        with self.world.store.read() as db:
            waiting = Ledger(db).to_tell("uuid")
        if not waiting:
            return
        viewing = waiting[0][1]
        number, minute = viewing.id, viewing.minute
        assert number is not None
        assert minute is not None
        sent = self.world.write(lambda db: Ledger(db).set_told(number, Told.SENT, NOW), death)
        if sent is None:
            return  # died before the request left: it is still untold
        if lost and not carried_out:
            return
        history = max(self.trakt, default=1 << 33) + 1
        self.trakt[history] = minute
        if not lost:
            self.world.write(lambda db: Ledger(db).set_told(number, Told.YES, NOW, history_id=history), death)

    @rule()
    def settle_doubts(self) -> None:
        """Look before anything is repeated: found is yes, not found is no."""
        with self.world.store.write() as db:
            ledger = Ledger(db)
            for _, viewing in ledger.doubtful("uuid"):
                assert viewing.id is not None
                found = [number for number, minute in self.trakt.items() if minute == viewing.minute]
                if found:
                    ledger.set_told(viewing.id, Told.YES, NOW, history_id=found[0])
                else:
                    ledger.set_told(viewing.id, Told.NO, NOW)

    @rule()
    def die(self) -> None:
        """Between two steps."""
        self.world.die()

    @precondition(lambda self: self.began)
    @rule(began=consumes(viewings))
    def finish(self, began: datetime) -> None:
        """Everything comes in at last: then this viewing is on Trakt, once."""
        self.claim(Sighting(JELLYFIN, began), None)
        self.settle_doubts()
        with self.world.store.read() as db:
            waiting = Ledger(db).to_tell("uuid")
        for _ in waiting:
            self.tell(False, True, None)
        self.read_trakt(None)
        near = [minute for minute in self.trakt.values() if began - APART / 2 < minute < began + APART / 2]
        assert len(near) == 1

    @invariant()
    def no_viewing_is_twice_on_trakt(self) -> None:
        for began in self.began:
            near = [minute for minute in self.trakt.values() if began - APART / 2 < minute < began + APART / 2]
            assert len(near) <= 1, (began, near)

    @invariant()
    def no_viewing_has_two_rows(self) -> None:
        with self.world.store.read() as db:
            assert len(Ledger(db).of_title("uuid", self.movie)) <= len(self.began)


TestLedger = LedgerMachine.TestCase
