"""Writes say exactly what was meant, in as few requests as it takes, and each fact has its receipt."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sidecar.contract import Collected, Fact, Listed, Media, Outcome, Plays, Rating, Receipt
from sidecar.model import Feature, Ids, Kind, Ref
from sidecar.trakt.bodies import Entry, body_of
from tests.fakes import START
from tests.trakt.conftest import DARK, HEAT, World, film, part, play

NOWHERE = Ref(Kind.MOVIE, Ids(imdb="tt7777777"), name="Nowhere")
OF_DARK = Ref(Kind.SHOW, Ids(tvdb=334824))
BY_NUMBER = [Ref(Kind.EPISODE, Ids(), Ids(tvdb=334824), 1, number, "Dark") for number in (1, 2, 9)]


def stored(world: World) -> Counter[tuple[int, str]]:
    """Every play that Trakt has now: id and minute."""
    shown = world.state()["plays"]
    return Counter((row.get("movie") or row["episode"], row["at"][:16]) for row in shown)


def outcomes(receipts: list[Receipt]) -> list[str]:
    return [str(receipt.outcome) for receipt in receipts]


def at(minutes: float = 0) -> datetime:
    return START - timedelta(days=1) + timedelta(minutes=minutes)


def test_one_of_each_kind_is_one_request_with_four_lists(world: World) -> None:
    refs = [HEAT, Ref(Kind.SHOW, Ids(trakt=118)), Ref(Kind.SEASON, Ids(trakt=1181)), part(1)]
    receipts = world.side().add([Fact(ref, Rating(7 + n)) for n, ref in enumerate(refs)], Feature.RATINGS)
    assert outcomes(receipts) == ["done"] * 4
    (body,) = world.sent("/sync/ratings")
    assert body == {
        "movies": [{"ids": {"trakt": 345}, "rating": 7}],
        "shows": [{"ids": {"trakt": 118}, "rating": 8}],
        "seasons": [{"ids": {"trakt": 1181}, "rating": 9}],
        "episodes": [{"ids": {"trakt": 118101}, "rating": 10}],
    }


@pytest.mark.parametrize("value", [*range(1, 11), 8.0])
def test_whole_ratings_are_sent_as_they_are(world: World, value: float) -> None:
    (receipt,) = world.side().add([Fact(HEAT, Rating(value))], Feature.RATINGS)
    assert receipt.outcome is Outcome.DONE
    assert [type(body["movies"][0]["rating"]) for body in world.sent("/sync/ratings")] == [int]
    assert world.sent("/sync/ratings")[0]["movies"][0]["rating"] == value


@pytest.mark.parametrize("value", [0, 11, 7.5, "8x", None, -1, math.nan, True, math.inf, 8])
def test_no_other_rating_is_ever_sent(world: World, value: Any) -> None:
    fact = Fact(HEAT, value if value == 8 and value is not True else Rating(value))
    receipts = world.side().add([fact, Fact(film(1000), Rating(5))], Feature.RATINGS)
    assert outcomes(receipts) == ["refused", "done"]
    assert repr(value) in receipts[0].why
    assert [body["movies"] for body in world.sent("/sync/ratings")] == [[{"ids": {"trakt": 1000}, "rating": 5}]]


def test_a_rating_replaces_the_former_one_and_is_taken_back(world: World) -> None:
    side = world.side()
    side.add([Fact(HEAT, Rating(5, at()))], Feature.RATINGS)
    side.add([Fact(HEAT, Rating(9, at()))], Feature.RATINGS)
    (fact,) = world.side().build_index(Feature.RATINGS).facts
    assert fact.value == Rating(9, at())
    assert outcomes(world.side().remove([fact], Feature.RATINGS)) == ["done"]
    assert world.side().build_index(Feature.RATINGS).facts == []


def test_batches_hold_a_hundred_of_all_kinds_in_order_of_time_and_undated_ones_apart(world: World) -> None:
    facts = [play(film(1000 + n), at(-n)) for n in range(120)] + [play(part(1), at(-500), None), play(film(1200), None)]
    receipts = world.side().add(facts, Feature.HISTORY)
    assert [receipt.fact for receipt in receipts] == facts
    assert outcomes(receipts) == ["done"] * 122
    bodies = world.sent("/sync/history")
    assert [sum(map(len, body.values())) for body in bodies] == [100, 21, 2]
    assert bodies[0].keys() == {"movies", "episodes"}
    moments = [entry["watched_at"] for body in bodies[:2] for entry in body["movies"]]
    assert moments == sorted(moments)
    assert bodies[0]["episodes"][0]["watched_at"] <= moments[0]
    assert {entry["watched_at"] for entries in bodies[2].values() for entry in entries} == {"unknown"}
    assert len(stored(world)) == world.state()["history"] - 23 == 100
    assert len(world.asked()) == 3


def test_a_play_is_told_at_its_minute_in_utc(world: World) -> None:
    berlin = datetime(2026, 1, 30, 21, 15, 42, tzinfo=timezone(timedelta(hours=1)))
    (receipt,) = world.side().add([play(HEAT, berlin)], Feature.HISTORY)
    assert world.sent("/sync/history") == [
        {"movies": [{"ids": {"trakt": 345}, "watched_at": "2026-01-30T20:15:00.000Z"}]}
    ]
    assert receipt.seen == Plays((datetime(2026, 1, 30, 20, 15, tzinfo=UTC),))
    assert stored(world) == Counter({(345, "2026-01-30T20:15"): 1})


def test_what_trakt_does_not_know_is_found_by_its_echo(world: World) -> None:
    lost = Ref(Kind.EPISODE, Ids(), Ids(tvdb=1), 1, 1)
    also = Ref(Kind.EPISODE, Ids(), Ids(tvdb=1), 1, 2)
    facts = [play(NOWHERE, at()), play(HEAT, at(1)), play(lost, at(2)), play(part(1), at(3)), play(also, at(4))]
    world.restart(history_number_fallback=True)
    side = world.side()
    receipts = side._writes.add(facts, Feature.HISTORY)  # past the question whether numbers agree
    assert outcomes(receipts) == ["not found", "done", "not found", "done", "not found"]
    assert world.sent("/sync/history")[0]["shows"] == [
        {
            "ids": {"tvdb": 1},
            "seasons": [
                {
                    "number": 1,
                    "episodes": [
                        {"number": 1, "watched_at": "2026-01-30T20:17:00.000Z"},
                        {"number": 2, "watched_at": "2026-01-30T20:19:00.000Z"},
                    ],
                }
            ],
        }
    ]


def test_the_same_number_of_a_film_and_a_show_is_not_confused(world: World) -> None:
    film_949, show_1 = Ref(Kind.MOVIE, Ids(tmdb=949)), Ref(Kind.SHOW, Ids(tmdb=999_949))
    other = Ref(Kind.MOVIE, Ids(tmdb=999_949))
    receipts = world.side().add([Fact(ref, Listed()) for ref in (film_949, show_1, part(1))], Feature.WATCHLIST)
    assert outcomes(receipts) == ["done", "not found", "done"]
    receipts = world.side().add(
        [Fact(Ref(Kind.SHOW, Ids(tmdb=70523)), Rating(5)), Fact(other, Rating(5))], Feature.RATINGS
    )
    assert outcomes(receipts) == ["done", "not found"]


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (Feature.HISTORY, Plays((at(),))),
        (Feature.RATINGS, Rating(5)),
        (Feature.WATCHLIST, Listed()),
        (Feature.COLLECTION, Collected()),
    ],
)
def test_an_unknown_number_in_a_known_show_is_found_by_the_count(world: World, feature: Feature, value: Any) -> None:
    facts = [Fact(ref, value) for ref in (HEAT, *BY_NUMBER)]
    receipts = world.side()._writes.add(facts, feature)
    assert outcomes(receipts) == ["done", "done", "done", "not found"]
    assert receipts[3].why
    (sent,) = world.sent(f"/sync/{feature}")
    assert [[each["number"] for each in season["episodes"]] for season in sent["shows"][0]["seasons"]] == [[1, 2, 9]]
    assert len(sent["shows"]) == 1


def test_a_fact_with_several_plays_has_one_receipt_with_all_of_them(world: World) -> None:
    fact = play(HEAT, at(0), at(200), None)
    (receipt,) = world.side().add([fact], Feature.HISTORY)
    assert receipt.outcome is Outcome.DONE
    assert receipt.fact is fact
    assert Counter(receipt.seen.minutes) == Counter(fact.value.minutes)
    assert world.state()["history"] == 3


def test_the_same_play_said_twice_is_sent_once(world: World) -> None:
    fact, again = play(HEAT, at(), at(200)), play(HEAT, at(200))
    receipts = world.side().add([fact, fact, again, play(HEAT, at(), at())], Feature.HISTORY)
    assert outcomes(receipts) == ["done"] * 4
    assert receipts[0].seen == receipts[1].seen == Plays((at(), at(200)))
    assert receipts[2].seen == Plays((at(200),))
    assert world.state()["history"] == 2


def test_a_whole_show_is_never_marked(world: World) -> None:
    facts: list[Fact] = [Fact(OF_DARK, Plays((at(),))), Fact(Ref(Kind.SEASON, Ids(trakt=1181)), Plays((at(),)))]
    side = world.side()
    assert outcomes(side.add(facts, Feature.HISTORY)) == ["refused"] * 2
    assert outcomes(side.remove(facts, Feature.HISTORY)) == ["refused"] * 2
    copies = [Fact(fact.ref, Collected()) for fact in facts]
    assert outcomes(side.add(copies, Feature.COLLECTION)) == ["refused"] * 2
    assert outcomes(side.remove(copies, Feature.COLLECTION)) == ["refused"] * 2
    assert world.asked() == []


def test_what_cannot_be_named_is_refused_and_the_rest_sent(world: World) -> None:
    nameless = [Ref(Kind.MOVIE, Ids(slug="heat-1995")), Ref(Kind.EPISODE, Ids(slug="x"), Ids(slug="dark"), 1, 1)]
    nameless.append(Ref(Kind.EPISODE, Ids(slug="x"), DARK, 1))
    side = world.side()
    for feature, value in ((Feature.WATCHLIST, Listed()), (Feature.RATINGS, Rating(3))):
        facts = [Fact(ref, value) for ref in (*nameless, HEAT)]
        assert outcomes(side.add(facts, feature)) == ["refused"] * 3 + ["done"]
        assert outcomes(side.remove(facts, feature)) == ["refused"] * 3 + ["done"]
    assert outcomes(side.add([play(HEAT)], Feature.HISTORY)) == ["refused"]


def test_a_copy_says_only_words_that_trakt_has(world: World) -> None:
    odd = Collected(at(), Media("digital", "8k", "hdr10", "opus", "5.1"))
    receipts = world.side().add([Fact(HEAT, odd), Fact(part(1), Collected())], Feature.COLLECTION)
    assert outcomes(receipts) == ["done"] * 2
    (body,) = world.sent("/sync/collection")
    assert body["movies"] == [
        {
            "ids": {"trakt": 345},
            "media_type": "digital",
            "hdr": "hdr10",
            "audio_channels": "5.1",
            "collected_at": "2026-01-30T20:15:00.000Z",
        }
    ]
    assert body["episodes"] == [{"ids": {"trakt": 118101}, "media_type": "digital"}]


def test_only_the_named_plays_of_a_title_go(world: World) -> None:
    world.side().add([play(HEAT, at(), at(200), at(400), None), play(film(1000), at())], Feature.HISTORY)
    world.forget_log()
    world.simulator.bodies.clear()
    (receipt,) = world.side().remove([play(HEAT, at(200), None)], Feature.HISTORY)
    assert receipt.outcome is Outcome.DONE
    assert receipt.seen == Plays((at(400), at()))
    (body,) = world.sent("/sync/history/remove")
    assert body.keys() == {"ids"}
    assert len(body["ids"]) == 2
    assert stored(world) == Counter(
        {(345, "2026-01-30T20:15"): 1, (345, "2026-01-31T02:55"): 1, (1000, "2026-01-30T20:15"): 1}
    )
    assert world.asked() == ["GET /sync/history/movies/345", "POST /sync/history/remove"]


def test_of_two_plays_in_one_minute_one_goes_where_one_is_named(world: World) -> None:
    world.act("watch", movies=[{"ids": {"trakt": 345}, "watched_at": at().isoformat()}] * 2)
    (receipt,) = world.side().remove([play(HEAT, at())], Feature.HISTORY)
    assert (receipt.outcome, receipt.seen) == (Outcome.DONE, Plays((at(),)))
    (receipt,) = world.side().remove([play(HEAT, at(), at())], Feature.HISTORY)
    assert (receipt.outcome, receipt.seen) == (Outcome.DONE, Plays(()))
    (receipt,) = world.side().remove([play(HEAT, at())], Feature.HISTORY)
    assert (receipt.outcome, receipt.seen) == (Outcome.ALREADY, Plays(()))


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "lost"},
        {"name": "status", "status": 502, "when": "after"},
        {"name": "status", "status": 502},
        {"name": "truncated", "length": "cut"},
        {"name": "html"},
    ],
    ids=str,
)
def test_removing_survives_a_lost_answer_and_touches_nothing_else(world: World, fault: dict[str, Any]) -> None:
    world.side().add([play(HEAT, at(), at(200)), play(film(1000), at())], Feature.HISTORY)
    world.fault(**fault, method="POST")
    (receipt,) = world.side().remove([play(HEAT, at())], Feature.HISTORY)
    assert (receipt.outcome, receipt.seen) == (Outcome.DONE, Plays((at(200),)))
    world.fault(**fault, method="POST", times=None)
    receipts = world.side().remove([play(film(1000), at()), play(HEAT, at(3))], Feature.HISTORY)
    gone = fault["name"] in ("lost", "truncated") or fault.get("when") == "after"
    assert outcomes(receipts) == ["done" if gone else "refused", "already"]
    assert (1000, "2026-01-30T20:15") not in stored(world) if gone else (1000, "2026-01-30T20:15") in stored(world)
    assert (345, "2026-01-30T23:35") in stored(world)


@pytest.mark.parametrize("answer", ["headers", "bare"])
@pytest.mark.parametrize("batch", ["atomic", "partial"])
def test_a_full_account_stops_the_feature_and_nothing_is_unaccounted_for(world: World, answer: str, batch: str) -> None:
    world.switch(account_limits={"history": 130, "watchlist": 30}, account_limit_answer=answer, limit_batch=batch)
    side = world.side()
    receipts = side.add([play(film(1000 + n), at(n)) for n in range(250)], Feature.HISTORY)
    done = 130 if batch == "partial" else 100
    assert outcomes(receipts) == ["done"] * done + ["refused"] * (250 - done)
    assert "full" in receipts[-1].why
    assert world.state()["history"] == done
    assert len(world.sent("/sync/history")) == 2
    receipts = side.add([Fact(film(1000 + n), Listed()) for n in range(150)], Feature.WATCHLIST)
    assert outcomes(receipts) == ["refused"] * 150
    assert len(world.sent("/sync/watchlist")) == 1
    assert outcomes(side.add([Fact(HEAT, Rating(5))], Feature.RATINGS)) == ["done"]  # other features go on


@pytest.mark.parametrize(("act", "word"), [("lock", "locked"), ("deactivate", "deactivated")])
def test_a_locked_account_stops_everything(world: World, act: str, word: str) -> None:
    side = world.side()
    world.act(act)
    receipts = side.add([play(film(1000 + n), at(n)) for n in range(250)], Feature.HISTORY)
    assert outcomes(receipts) == ["refused"] * 250
    assert word in receipts[0].why
    assert len(world.asked()) == 1
    assert outcomes(side.add([Fact(HEAT, Rating(5))], Feature.RATINGS)) == ["refused"]
    assert outcomes(side.remove([play(HEAT, at())], Feature.HISTORY)) == ["refused"]
    assert len(world.asked()) == 1
    assert [alert.key.split(":")[0] for alert in world.alerts()] == ["link"]


@pytest.mark.parametrize(
    "fault",
    [{"name": "status", "status": 403}, {"name": "status", "status": 403, "body": "html"}, {"name": "rate_limited"}],
    ids=str,
)
def test_what_concerns_us_and_not_the_titles_is_not_hammered_on(world: World, fault: dict[str, Any]) -> None:
    side = world.side()
    world.fault(**fault, method="POST", times=None)
    receipts = side.add([play(film(1000 + n), at(n)) for n in range(250)], Feature.HISTORY)
    assert outcomes(receipts) == ["refused"] * 250
    assert len(world.asked("POST")) <= 4
    assert world.state()["history"] == 0


def test_a_final_no_to_one_batch_leaves_the_others(world: World) -> None:
    side = world.side()
    world.fault("status", status=422, method="POST")
    receipts = side.add([play(film(1000 + n), at(n)) for n in range(150)], Feature.HISTORY)
    assert outcomes(receipts) == ["refused"] * 100 + ["done"] * 50


@pytest.mark.parametrize("after", [0, 1, 2])
def test_told_to_stop_between_batches_it_keeps_what_was_done(world: World, after: int) -> None:
    side = world.side()

    def stop() -> None:
        world.stop = len(world.asked("POST")) >= after

    world.on_rest = stop
    world.stop = after == 0
    receipts = side.add([play(film(1000 + n), at(n)) for n in range(250)], Feature.HISTORY)
    done = 100 * max(after, 1)  # the first one needs no wait
    assert outcomes(receipts) == ["done"] * done + ["refused"] * (250 - done)
    assert world.state()["history"] == done
    assert "interrupted" in receipts[-1].why


def test_a_trial_shows_the_requests_and_sends_none(world: World) -> None:
    side = world.side()
    world.act("watch", movies=[{"ids": {"trakt": 345}, "watched_at": at().isoformat()}])
    (receipt,) = side.add([play(HEAT, at())], Feature.HISTORY, dry_run=True)
    assert receipt.seen == {"movies": [{"ids": {"trakt": 345}, "watched_at": "2026-01-30T20:15:00.000Z"}]}
    (receipt,) = side.remove([play(HEAT, at())], Feature.HISTORY, dry_run=True)
    assert receipt.why == "would send POST /sync/history/remove"
    assert receipt.seen == {"ids": [world.state()["plays"][0]["id"]]}
    (receipt,) = side.add([Fact(HEAT, Rating(0))], Feature.RATINGS, dry_run=True)
    assert receipt.outcome is Outcome.REFUSED
    assert world.asked("POST") == []


def test_seasons_and_episodes_by_number_share_their_show() -> None:
    season = Ref(Kind.SEASON, Ids(), Ids(tvdb=5), 1)
    facts = [Fact(season, Rating(8)), *(Fact(Ref(Kind.EPISODE, Ids(), Ids(tvdb=5), s, 1), Rating(7)) for s in (1, 2))]
    body = body_of([Entry(fact, None, {"rating": int(fact.value.value)}) for fact in facts])
    first = {"number": 1, "rating": 8, "episodes": [{"number": 1, "rating": 7}]}
    second = {"number": 2, "episodes": [{"number": 1, "rating": 7}]}
    assert body == {"shows": [{"ids": {"tvdb": 5}, "seasons": [first, second]}]}
