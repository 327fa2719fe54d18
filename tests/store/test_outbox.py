from datetime import datetime, timedelta

import pytest

from sidecar.model import Ids, Kind, Ref
from sidecar.store.db import Store
from sidecar.store.outbox import Outbox, Row, State, Topic
from sidecar.store.people import People
from sidecar.store.titles import Titles


@pytest.fixture
def movies(store: Store) -> list[int]:
    with store.write() as db:
        return [Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=number)))[0] for number in (1, 2)]


class Box:
    """An outbox that commits each step."""

    def __init__(self, store: Store, now: datetime) -> None:
        self.store, self.now, self.count = store, now, 0

    def put(self, title: int, topic: Topic = Topic.PLAY, *, trakt: str = "uuid", key: str = "") -> int:
        self.count += 1
        with self.store.write() as db:
            number = Outbox(db).put(
                trakt, title, topic, key=key or f"event-{self.count}", body={"n": self.count}, at=self.now
            )
        return number or 0

    def do(self, step: str, *arguments: object) -> object:
        with self.store.write() as db:
            return getattr(Outbox(db), step)(*arguments)

    def next(self, at: datetime | None = None, not_for: tuple[str, ...] = ()) -> int | None:
        with self.store.read() as db:
            row = Outbox(db).next_due(at or self.now, not_for)
        return row.id if row else None

    def row(self, number: int) -> Row:
        with self.store.read() as db:
            return Outbox(db).get(number)


@pytest.fixture
def box(store: Store, now: datetime) -> Box:
    return Box(store, now)


def test_a_row_goes_from_due_to_done(box: Box, movies: list[int], now: datetime) -> None:
    number = box.put(movies[0])
    assert box.next() == number
    box.do("begin", number, now, 1)
    assert (box.row(number).state, box.row(number).sent_at, box.row(number).tries) == (State.SENT, now, 1)
    assert box.next() is None
    box.do("done", number, now)
    assert (box.row(number).state, box.row(number).ended_at) == (State.DONE, now)


def test_the_same_event_again_makes_no_second_row(box: Box, movies: list[int]) -> None:
    assert box.put(movies[0], key="replayed")
    assert box.put(movies[0], key="replayed") == 0


@pytest.mark.parametrize("topic", [Topic.RATING, Topic.WATCHING])
def test_only_the_last_counts_of_what_is_not_sent_yet(box: Box, movies: list[int], now: datetime, topic: Topic) -> None:
    sent = box.put(movies[0], topic)
    box.do("begin", sent, now, 1)
    first, second = box.put(movies[0], topic), box.put(movies[0], topic)
    assert [box.row(number).state for number in (sent, first, second)] == [State.SENT, State.REPLACED, State.DUE]


def test_a_play_is_never_replaced(box: Box, movies: list[int]) -> None:
    plays = [box.put(movies[0]) for _ in range(3)]
    assert {box.row(number).state for number in plays} == {State.DUE}


def test_order_holds_within_account_title_and_topic(box: Box, movies: list[int], now: datetime) -> None:
    first = box.put(movies[0])
    box.put(movies[0])
    box.do("later", first, now + timedelta(minutes=5), "busy")
    assert box.next() is None
    rating = box.put(movies[0], Topic.RATING)
    assert box.next() == rating
    assert box.next(now + timedelta(minutes=5)) == first


@pytest.mark.parametrize("step", [("begin",), ("begin", "doubt")])
def test_what_is_under_way_or_doubtful_blocks_its_title_only(
    box: Box, movies: list[int], now: datetime, step: tuple[str, ...]
) -> None:
    stuck = box.put(movies[0])
    box.do("begin", stuck, now, 1)
    if "doubt" in step:
        box.do("doubt", stuck, "lost")
    box.put(movies[0], Topic.RATING)
    assert box.next() is None
    free = box.put(movies[1])
    assert box.next() == free
    other = box.put(movies[0], trakt="uuid-2")
    assert box.next(not_for=("uuid",)) == other


def test_what_an_earlier_owner_had_in_hand_is_doubtful(box: Box, movies: list[int], now: datetime) -> None:
    numbers = [box.put(movie) for movie in movies]
    box.do("begin", numbers[0], now, 1)
    box.do("begin", numbers[1], now, 2)
    assert box.do("adopt", 2) == 1
    assert [box.row(number).state for number in numbers] == [State.DOUBTFUL, State.SENT]


def test_a_doubtful_row_is_settled_either_way(box: Box, movies: list[int], now: datetime) -> None:
    for outcome, arguments, state in (("done", (now,), State.DONE), ("later", (now, "not found"), State.DUE)):
        number = box.put(movies[0])
        box.do("begin", number, now, 1)
        box.do("doubt", number, "lost")
        box.do(outcome, number, *arguments)
        assert box.row(number).state is state


@pytest.mark.parametrize("step", [("begin", 1), ("done",), ("doubt",)])
def test_a_step_that_cannot_be_is_refused(box: Box, movies: list[int], now: datetime, step: tuple[object, ...]) -> None:
    number = box.put(movies[0])
    box.do("begin", number, now, 1)
    box.do("done", number, now)
    arguments = {"begin": (number, now, 1), "done": (number, now), "doubt": (number, "lost")}[str(step[0])]
    with pytest.raises(ValueError, match=f"row {number} is not"):
        box.do(str(step[0]), *arguments)


def test_giving_up_says_why_and_frees_the_title(box: Box, movies: list[int], now: datetime) -> None:
    stuck, after = box.put(movies[0]), box.put(movies[0])
    box.do("give_up", stuck, now, "Trakt does not know it")
    assert (box.row(stuck).state, box.row(stuck).reason) == (State.GIVEN_UP, "Trakt does not know it")
    assert box.next() == after


def test_what_ended_stays_listed_until_it_is_forgotten(box: Box, movies: list[int], now: datetime) -> None:
    for day in (0, 50, 95):
        number = box.put(movies[0])
        box.do("begin", number, now, 1)
        box.do("done", number, now + timedelta(days=day))
    open_row = box.put(movies[0])
    assert box.do("forget", now + timedelta(days=40)) == 1
    with box.store.read() as db:
        ended = [row.ended_at for row in Outbox(db).ended()]
        assert ended == [now + timedelta(days=95), now + timedelta(days=50)]
        assert [row.id for row in Outbox(db).open()] == [open_row]
        assert Outbox(db).counts() == {"due": 1}


def test_an_account_has_something_to_do_while_its_link_is_alive(box: Box, movies: list[int], now: datetime) -> None:
    number = box.put(movies[0])
    later = now + timedelta(minutes=1)

    def accounts(at: datetime) -> list[str]:
        with box.store.read() as db:
            return Outbox(db).accounts(at)

    assert accounts(now) == ["uuid"]
    box.do("begin", number, now, 1)
    assert accounts(now) == ["uuid"], "whoever has it in hand knows; if nobody has, it is lost"
    box.do("later", number, later, "")
    assert (accounts(now), accounts(later)) == ([], ["uuid"])
    with box.store.write() as db:
        People(db).put_trakt("uuid", "anna", {}, now)
        People(db).trakt_needs_attention("uuid", "dead")
    assert accounts(later) == []


def test_what_is_to_do_waits_for_doubts_and_postponed_ones_of_its_title(
    box: Box, movies: list[int], now: datetime
) -> None:
    first, second, other = box.put(movies[0]), box.put(movies[0]), box.put(movies[1])

    def to_do() -> list[int]:
        with box.store.read() as db:
            return [row.id for row in Outbox(db).to_do("uuid", now)]

    assert to_do() == [first, second, other]
    box.do("later", first, now + timedelta(minutes=1), "")
    assert to_do() == [other]
    box.do("drop", other, now, "")
    with box.store.read() as db:
        assert Outbox(db).accounts(now) == [], "what waits for another one is nothing to do"
    other = box.put(movies[1])
    box.do("begin", first, now, 1)
    assert to_do() == [other]
    box.do("doubt", first, "lost")
    assert to_do() == [other]
    box.do("doubt", first, "lost", now)
    assert to_do() == [first, other]
    box.do("done", first, now)
    assert to_do() == [second, other]


def test_what_is_unsent_is_withdrawn_and_nothing_else(box: Box, movies: list[int], now: datetime) -> None:
    sent, due = box.put(movies[0], Topic.WATCHING), box.put(movies[0], Topic.RATING)
    box.do("begin", sent, now, 1)
    assert [box.do("withdraw", "uuid", movies[0], topic, now) for topic in (Topic.WATCHING, Topic.RATING)] == [
        False,
        True,
    ]
    assert (box.row(sent).state, box.row(due).state) == (State.SENT, State.REPLACED)
    with box.store.read() as db:
        latest = Outbox(db).latest("uuid", movies[0], Topic.RATING)
        assert latest is not None
        assert latest.id == due
        assert Outbox(db).latest("uuid", movies[1], Topic.RATING) is None
        assert Outbox(db).in_hand("uuid") == [sent]
