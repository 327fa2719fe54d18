"""Rows of an outbox through put, send, answers, lost answers and deaths at any statement.

A model in memory says what each row must be. Nothing put is lost, nothing is sent while another sending of its title
is in doubt, a play is never replaced, and what was committed as sent is never simply sent again.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlite_utils import Database

from sidecar.model import Ids, Kind, Ref
from sidecar.store.outbox import LAST_COUNTS, Outbox, State, Topic
from sidecar.store.titles import Titles
from tests.machines.crash import NOW, MortalStore

DEATHS = st.one_of(st.none(), st.integers(0, 6))
ACCOUNTS = ("ann", "bob")
OPEN = (State.DUE, State.SENT, State.DOUBTFUL)


@dataclass
class Expected:
    """What a row must be."""

    trakt: str
    title: int
    topic: Topic
    state: State = State.DUE
    sends: int = 0
    log: list[str] = field(default_factory=list)


class OutboxMachine(RuleBasedStateMachine):
    """Two accounts, two titles, three topics."""

    def __init__(self) -> None:
        super().__init__()
        self.world = MortalStore()
        with self.world.store.write() as db:
            self.titles = [Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=number)))[0] for number in (1, 2)]
        self.rows: dict[int, Expected] = {}
        self.keys = 0
        self.now = NOW

    def teardown(self) -> None:
        self.world.close()

    @rule(
        account=st.sampled_from(ACCOUNTS),
        which=st.integers(0, 1),
        topic=st.sampled_from(list(Topic)),
        replay=st.booleans(),
        death=DEATHS,
    )
    def put(self, account: str, which: int, topic: Topic, replay: bool, death: int | None) -> None:
        """An event arrives; a replay of the last one must change nothing."""
        title = self.titles[which]
        self.keys += not (replay and self.keys)
        key = f"event-{self.keys}"

        def step(db: Database) -> tuple[int | None]:
            return (Outbox(db).put(account, title, topic, key=key, body={"key": key}, at=self.now),)

        done = self.world.write(step, death)
        if done is None:
            self.forget_hands()
            if not replay:
                self.keys += 1  # what died unacknowledged is sent again by its source under the same key, or never
            return
        number = done[0]
        if number is None:
            return
        if topic in LAST_COUNTS:
            for row in self.rows.values():
                if (row.trakt, row.title, row.topic, row.state) == (account, title, topic, State.DUE):
                    row.state = State.REPLACED
        self.rows[number] = Expected(account, title, topic)

    @rule(
        death=DEATHS,
        answer=st.sampled_from(["done", "later", "lost", "final", "none"]),
        not_for=st.sampled_from([(), ("ann",), ("bob",)]),
    )
    def send(self, death: int | None, answer: str, not_for: tuple[str, ...]) -> None:
        """Take the next row, commit `sent`, send, and note the answer; the process may die before either commit."""
        with self.world.store.read() as db:
            row = Outbox(db).next_due(self.now, not_for)
        if row is None:
            assert not [each for each in self.free() if each not in not_for]
            return
        expected = self.rows[row.id]
        assert expected.state is State.DUE
        assert row.trakt not in not_for
        rivals = [
            each
            for number, each in self.rows.items()
            if number != row.id and (each.trakt, each.title) == (row.trakt, row.title)
        ]
        assert not [each for each in rivals if each.state in (State.SENT, State.DOUBTFUL)]

        def begin(db: Database) -> bool:
            Outbox(db).begin(row.id, self.now, self.world.epoch)
            return True

        if not self.world.write(begin, death):
            self.forget_hands()
            return
        expected.state, expected.sends = State.SENT, expected.sends + 1
        self.note(row.id, expected, answer, death)

    def note(self, number: int, expected: Expected, answer: str, death: int | None) -> None:
        if answer == "none":
            return  # still waiting for it
        later = self.now + timedelta(minutes=5)

        def step(db: Database) -> tuple[None]:
            outbox = Outbox(db)
            if answer == "done":
                outbox.done(number, self.now)
            elif answer == "later":
                outbox.later(number, later, "503")
            elif answer == "lost":
                outbox.doubt(number, "timeout")
            else:
                outbox.give_up(number, self.now, "404")
            return (None,)

        if self.world.write(step, death) is None:
            self.forget_hands()
            return
        outcomes = {"done": State.DONE, "later": State.DUE, "lost": State.DOUBTFUL, "final": State.GIVEN_UP}
        expected.state = outcomes[answer]

    @rule(found=st.booleans())
    def look(self, found: bool) -> None:
        """Settle every doubt by looking."""
        for number, row in self.rows.items():
            if row.state is State.DOUBTFUL:
                with self.world.store.write() as db:
                    if found:
                        Outbox(db).done(number, self.now)
                    else:
                        Outbox(db).later(number, self.now, "not found")
                row.state = State.DONE if found else State.DUE

    @rule(minutes=st.integers(1, 10))
    def wait(self, minutes: int) -> None:
        """Time passes."""
        self.now += timedelta(minutes=minutes)

    @rule()
    def die(self) -> None:
        """Between two steps."""
        self.world.die()
        self.forget_hands()

    def forget_hands(self) -> None:
        """What a new process makes of what the dead one had in hand."""
        for row in self.rows.values():
            if row.state is State.SENT:
                row.state = State.DOUBTFUL

    def free(self) -> list[str]:
        """Accounts with a row that nothing blocks, were it due."""
        return [
            row.trakt
            for number, row in self.rows.items()
            if row.state is State.DUE
            and not [
                other
                for earlier, other in self.rows.items()
                if (other.trakt, other.title) == (row.trakt, row.title)
                and (
                    other.state in (State.SENT, State.DOUBTFUL)
                    or (other.state is State.DUE and other.topic is row.topic and earlier < number)
                )
            ]
            and self.due(number)
        ]

    def due(self, number: int) -> bool:
        with self.world.store.read() as db:
            return Outbox(db).get(number).due_at <= self.now

    @invariant()
    def every_row_is_what_it_must_be(self) -> None:
        with self.world.store.read() as db:
            found = {number: Outbox(db).get(number).state for number in self.rows}
            count = db.execute("SELECT count(*) FROM outbox").fetchone()[0]
        assert found == {number: row.state for number, row in self.rows.items()}
        assert count == len(self.rows)


TestOutbox = OutboxMachine.TestCase
