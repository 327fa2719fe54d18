from datetime import datetime, timedelta

import pytest

from sidecar.model import Ids, Kind, Ref
from sidecar.store.db import Store
from sidecar.store.ledger import NEXT, Ledger, Play
from sidecar.store.titles import Titles
from sidecar.viewing import Sighting, Told

JELLYFIN, PLEX, TRAKT = "jellyfin:s:anna", "plex:p:anna", "trakt:uuid"


@pytest.fixture
def movie(store: Store) -> int:
    with store.write() as db:
        return Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=345), runtime=120))[0]


def live(now: datetime, side: str = JELLYFIN) -> Sighting:
    return Sighting(side, now, began=now, ended=now + timedelta(hours=2))


def test_a_viewing_is_told_once_whoever_reports_it(store: Store, movie: int, now: datetime) -> None:
    with store.write() as db:
        ledger = Ledger(db)
        heard = ledger.claim("uuid", movie, live(now), now, runtime=120)
        assert heard is not None
        assert (heard.new, heard.tell, heard.viewing.minute) == (True, True, now + timedelta(hours=2))
        read = ledger.claim("uuid", movie, Sighting(JELLYFIN, now), now, runtime=120)
        assert read is not None
        assert (read.new, read.viewing.id) == (False, heard.viewing.id)
        other = ledger.claim("uuid", movie, Sighting(PLEX, now + timedelta(hours=2)), now, runtime=120)
        assert other is not None
        assert other.viewing.id == heard.viewing.id
        assert set(other.viewing.times) == {JELLYFIN, PLEX}
        assert len(ledger.to_tell("uuid")) == 1


def test_a_time_finer_than_what_is_kept_is_known_again(store: Store, movie: int, now: datetime) -> None:
    shown = Sighting(JELLYFIN, now + timedelta(microseconds=747_940))
    with store.write() as db:
        claims = [Ledger(db).claim("uuid", movie, shown, now, runtime=120) for _ in range(2)]
    assert [claim.new for claim in claims if claim] == [True, False]


def test_what_trakt_shows_settles_what_was_still_to_be_told(store: Store, movie: int, now: datetime) -> None:
    with store.write() as db:
        ledger = Ledger(db)
        ledger.claim("uuid", movie, live(now), now, runtime=120)
        seen = Sighting(TRAKT, now + timedelta(minutes=121), history_id=1 << 40)
        found = ledger.claim("uuid", movie, seen, now, runtime=120)
        assert found is not None
        assert (found.tell, found.viewing.told, found.viewing.history_id) == (False, Told.YES, 1 << 40)
        assert ledger.to_tell("uuid") == []


def test_a_play_on_trakt_without_a_row_counts_as_a_viewing(store: Store, movie: int, now: datetime) -> None:
    plays = [Play(now + timedelta(hours=2), 7)]
    with store.write() as db:
        claim = Ledger(db).claim("uuid", movie, Sighting(JELLYFIN, now), now, runtime=120, plays=plays)
        assert claim is not None
        assert (claim.tell, claim.viewing.told, claim.viewing.history_id) == (False, Told.YES, 7)
        again = Ledger(db).claim("uuid", movie, Sighting(JELLYFIN, now), now, runtime=120, plays=plays)
        assert again is not None
        assert again.viewing.id == claim.viewing.id
        assert len(Ledger(db).of_title("uuid", movie)) == 1


def test_an_undated_play_counts_but_pairs_with_nothing(store: Store, movie: int, now: datetime) -> None:
    with store.write() as db:
        ledger = Ledger(db)
        mark = Sighting(JELLYFIN, now, mark=True)
        assert ledger.claim("uuid", movie, mark, now, runtime=120, plays=[Play(None, 7)]) is None
        claim = ledger.claim("uuid", movie, Sighting(JELLYFIN, now), now, runtime=120, plays=[Play(None, 7)])
        assert claim is not None
        assert claim.tell


def test_a_mark_without_a_date_is_told_as_unknown(store: Store, movie: int, now: datetime) -> None:
    with store.write() as db:
        claim = Ledger(db).claim("uuid", movie, Sighting(PLEX, None, mark=True), now, runtime=120)
        assert claim is not None
        assert (claim.tell, claim.viewing.minute) == (True, None)
        assert Ledger(db).claim("uuid", movie, Sighting(JELLYFIN, now, mark=True), now, runtime=120) is None


def test_old_viewings_found_on_the_first_read_are_never_told(store: Store, movie: int, now: datetime) -> None:
    with store.write() as db:
        long_ago = Sighting(JELLYFIN, now - timedelta(days=900))
        claim = Ledger(db).claim("uuid", movie, long_ago, now, runtime=120, plays=[Play(now, 7)], first=True)
        assert claim is not None
        assert claim.viewing.told is Told.NEVER


def test_accounts_and_titles_have_their_own_viewings(store: Store, movie: int, now: datetime) -> None:
    with store.write() as db:
        ledger = Ledger(db)
        ledger.claim("uuid", movie, live(now), now, runtime=120)
        other = ledger.claim("uuid-2", movie, live(now), now, runtime=120)
        assert other is not None
        assert other.new
        assert [len(ledger.to_tell(account)) for account in ("uuid", "uuid-2", "uuid-3")] == [1, 1, 0]


def test_what_is_to_be_told_comes_in_order_of_time_and_undated_last(store: Store, movie: int, now: datetime) -> None:
    moments = [now, None, now - timedelta(days=3), now - timedelta(days=9)]
    with store.write() as db:
        titles, ledger = Titles(db), Ledger(db)
        for number, moment in enumerate(moments, 1):
            title = titles.learn(Ref(Kind.MOVIE, Ids(trakt=number)))[0]
            ledger.claim("uuid", title, Sighting(PLEX, moment, mark=moment is None), now, runtime=120)
        minutes = [viewing.minute for _, viewing in ledger.to_tell("uuid")]
        assert minutes == [now - timedelta(days=9), now - timedelta(days=3), now, None]


@pytest.mark.parametrize("told", list(Told))
@pytest.mark.parametrize("then", list(Told))
def test_a_viewing_only_goes_the_steps_that_are_allowed(
    store: Store, movie: int, now: datetime, told: Told, then: Told
) -> None:
    with store.write() as db:
        ledger = Ledger(db)
        claim = ledger.claim("uuid", movie, live(now), now, runtime=120)
        assert claim is not None
        number = claim.viewing.id or 0
        db.execute("UPDATE viewing SET told = ?", [told])
        if then is told or then in NEXT[told]:
            assert ledger.set_told(number, then, now, history_id=9).told is then
        else:
            with pytest.raises(ValueError, match=f"from {told} to {then}"):
                ledger.set_told(number, then, now)


def test_what_was_sent_without_an_answer_is_listed_as_doubtful(store: Store, movie: int, now: datetime) -> None:
    with store.write() as db:
        ledger = Ledger(db)
        claim = ledger.claim("uuid", movie, live(now), now, runtime=120)
        assert claim is not None
        ledger.set_told(claim.viewing.id or 0, Told.SENT, now)
        assert [title for title, _ in ledger.doubtful("uuid")] == [movie]
        assert ledger.to_tell("uuid") == []


def test_settled_rows_shrink_away_and_gone_ones_stay(store: Store, movie: int, now: datetime) -> None:
    with store.write() as db:
        ledger = Ledger(db)
        for number, told in enumerate([Told.NO, Told.SENT, Told.YES, Told.NEVER, Told.GONE]):
            moment = now + timedelta(days=number)
            claim = ledger.claim("uuid", movie, live(moment), now, runtime=120)
            assert claim is not None
            db.execute("UPDATE viewing SET told = ?, settled_at = '2026-01-01' WHERE id = ?", [told, claim.viewing.id])
        assert ledger.shrink(now) == 2
        assert [row.told for row in ledger.of_title("uuid", movie)] == [Told.NO, Told.SENT, Told.GONE]


def test_a_kill_between_claim_and_commit_leaves_nothing(store: Store, movie: int, now: datetime) -> None:
    def killed() -> None:
        with store.write() as db:
            Ledger(db).claim("uuid", movie, live(now), now, runtime=120)
            raise SystemExit

    with pytest.raises(SystemExit):
        killed()
    with store.read() as db:
        assert Ledger(db).of_title("uuid", movie) == []
