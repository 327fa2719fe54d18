"""What somebody does on the website, the state that is shown, and the reset."""

from tests.demo.trakt.conftest import Caller

HEAT = {"movies": [{"ids": {"trakt": 345}}]}
PAIRS = {"watch": "unwatch", "list": "unlist", "favorite": "unfavorite", "collect": "uncollect"}
SHELVES = {"watch": "history", "list": "watchlist", "favorite": "favorites", "collect": "collection", "rate": "ratings"}


def test_the_website_does_what_the_api_does(anna: Caller) -> None:
    anna.switch(watchlist_auto_remove=False)
    for do, undo in PAIRS.items():
        assert anna.act(do, **HEAT)["added"]["movies"] == 1
        assert anna.state()[SHELVES[do]] == 1
        assert anna.act(undo, **HEAT)["deleted"]["movies"] == 1
        assert anna.state()[SHELVES[do]] == 0
    answer = anna.send("POST", "/_control/rate", {"user": "anna", "movies": [HEAT["movies"][0] | {"rating": 8}]})
    assert answer.json["result"]["added"]["movies"] == 1
    anna.act("unrate", **HEAT)
    assert anna.state()["ratings"] == 0


def test_the_state_shows_what_is_stored(anna: Caller, ben: Caller) -> None:
    anna.act("seed_history", count=150, minutes_apart=10)
    anna.post("/scrobble/start", {"progress": 0, "movie": {"ids": {"trakt": 345}}})
    state = anna.state()
    assert (state["history"], len(state["plays"]), state["tokens"], state["vip"]) == (150, 100, 1, True)
    assert set(state["plays"][0]) == {"id", "at", "action", "movie"}
    assert state["watching"]["movie"] == 345
    assert ben.state()["history"] == 0


def test_a_reset_makes_everything_as_after_the_start(anna: Caller) -> None:
    anna.act("seed_history", count=500)
    anna.act("remove_app")
    anna.act("lock")
    anna.switch(limits=False, token_life=60)
    anna.fault("paging", mode="empty", times=5)
    anna.later(days=100)
    anna.send("POST", "/_control/reset")
    assert anna.get("/sync/history") == []
    assert anna.send("POST", "/_control/switches", {}).json["limits"] is True
    first = anna.post("/scrobble/stop", {"progress": 95, "movie": HEAT["movies"][0]})["id"]
    anna.send("POST", "/_control/reset")
    assert anna.post("/scrobble/stop", {"progress": 95, "movie": HEAT["movies"][0]})["id"] == first


def test_acts_say_what_is_wrong_with_them(anna: Caller) -> None:
    answers = [
        anna.send("POST", "/_control/act", {"do": "watch", "user": "nobody"}),
        anna.send("POST", "/_control/act", {"do": "approve", "user": "anna", "user_code": "?"}),
        anna.send("POST", "/_control/act", {"do": "dance"}),
        anna.send(
            "POST", "/_control/act", {"do": "rate", "user": "anna"} | {"movies": [HEAT["movies"][0] | {"rating": 11}]}
        ),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 400]
    assert "422" in answers[3].json["error"]
    assert "known: anna, ben" in answers[0].json["error"]


def test_the_control_names_everything_with_a_sentence(anna: Caller) -> None:
    known = anna.get("/_control/state")["known"]
    assert {"limits", "stop_at_80", "token_life", "min_unpaged"} <= set(known["switches"])
    assert {"paging", "rate_limited", "status", "lost"} <= set(known["faults"])
    assert {"approve", "deny", "expire", "watch", "lock", "seed_history", "vip"} <= set(known["acts"])
    for group in ("switches", "faults"):
        assert all(each["about"].endswith(".") for each in known[group].values())
    assert all(sentence.endswith(".") for sentence in known["acts"].values())
