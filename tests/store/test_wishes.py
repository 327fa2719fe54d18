from datetime import datetime, timedelta

from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.store.db import Store
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.store.wishes import Gap, Wishes

HOUR = timedelta(hours=1)
CLAIM = Ref(Kind.MOVIE, Ids(imdb="tt0113277"))
HEAT = Ref(Kind.MOVIE, Ids(trakt=345, imdb="tt0113277"))


def test_a_run_is_asked_for_once_and_follows_its_title(store: Store, now: datetime) -> None:
    with store.write() as db:
        wishes, anna = Wishes(db), People(db).add("Anna", now).id
        claimed = Titles(db).claimed(CLAIM)
        for feature in (Feature.RATINGS, Feature.HISTORY, Feature.RATINGS):
            wishes.ask_run(anna, claimed, feature, side="jellyfin:s:anna", why="why", at=now)
        assert [wish.feature for wish in wishes.runs()] == [Feature.RATINGS, Feature.HISTORY]
        title, _ = Titles(db).answer(CLAIM, HEAT)
        assert {wish.title for wish in wishes.runs()} == {title}
        wishes.ran([wishes.runs()[0].id])
        assert [wish.feature for wish in wishes.runs()] == [Feature.HISTORY]


def test_a_gap_grows_backwards_and_ends_when_all_of_it_was_read(store: Store, now: datetime) -> None:
    with store.write() as db:
        wishes = Wishes(db)
        wishes.ask_history("a", now, "one")
        (read,) = wishes.gaps()
        wishes.ask_history("a", now - HOUR, "two")
        wishes.ask_history("a", now + HOUR, "three")
        wishes.ask_history("b", now, "one")
        assert wishes.gaps() == [Gap("a", now - HOUR, "three"), Gap("b", now, "one")]
        wishes.looked(read)
        assert [gap.server for gap in wishes.gaps()] == ["a", "b"], "it grew while it was read"
        wishes.looked(wishes.gaps()[0])
        assert [gap.server for gap in wishes.gaps()] == ["b"]
