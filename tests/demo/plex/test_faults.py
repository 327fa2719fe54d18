"""Each fault and switch of the simulated Plex, with what the real plexapi makes of it."""

from xml.etree.ElementTree import ParseError

import pytest
import requests
from plexapi.exceptions import BadRequest, Unauthorized

from tests.demo.plex.conftest import House
from tests.demo.plex.ears import Ears, Receiver

ALL = "/library/sections/1/all"


def test_restart(house: House) -> None:
    house.play("start", file=house.file().path)
    house.play("start", "Ben", file=house.file().path)
    house.act("restart", seconds=20)
    answer = house.ask("/")
    assert (answer.status_code, 'code="503"' in answer.text) == (503, True)
    assert house.ask("/api/v2/user").status_code == 200  # plex.tv is another house
    house.tell("clock", shift=20)
    assert house.server().sessions() == []
    assert house.play("start", file=house.file().path) == 1


def test_restart_closes_the_websocket_with_1001(house: House, ears: Ears) -> None:
    house.act("restart")
    assert ears.socket.recv_frame().data[:2] == (1001).to_bytes(2, "big")


def test_401_for_one_user(house: House) -> None:
    house.fault("status", status=401, body="html", user="Ben", times=None)
    with pytest.raises(Unauthorized):
        house.server("Ben")
    assert house.server("Anna").friendlyName == "Loft"


def test_slow_answers(house: House) -> None:
    house.fault("slow", seconds=5.0, path="^/library")
    with pytest.raises(requests.ReadTimeout):
        requests.get(house.url + ALL, headers={"X-Plex-Token": house.people["Anna"]["server_token"]}, timeout=0.1)


def test_page_cap_makes_plexapi_lose_rows(house: House) -> None:
    everything = len(house.rows(ALL))
    house.fault("page_cap", size=10, times=None, path="/all$")
    section = house.server().library.section("Movies")
    assert len(section.all(container_size=20)) < everything
    box = house.ask(f"{ALL}?X-Plex-Container-Size=20").json()["MediaContainer"]
    assert (box["size"], box["totalSize"]) == (10, everything)


def test_no_total_makes_plexapi_stop(house: House) -> None:
    house.fault("no_total", times=None)
    assert "totalSize" not in house.ask(ALL).json()["MediaContainer"]
    assert len(house.server().library.section("Movies").all(container_size=20)) == 20


def test_half_listing(house: House) -> None:
    everything = len(house.rows(ALL))
    house.fault("half_listing")
    box = house.ask(ALL).json()["MediaContainer"]
    assert box["size"] == box["totalSize"] == everything // 2
    assert len(house.rows(ALL)) == everything


def test_filter_ignored(house: House) -> None:
    house.fault("filter_ignored")
    assert len(house.rows(f"{ALL}?type=1&unwatched=0")) == len(house.rows(ALL))
    assert house.rows(f"{ALL}?type=1&unwatched=0") == []


def test_a_row_inserted_during_paging_shows_a_row_twice(house: House) -> None:
    house.fault("insert_row")
    pages = [house.rows(f"{ALL}?X-Plex-Container-Start={n}&X-Plex-Container-Size=10") for n in (0, 10)]
    assert pages[0][-1]["ratingKey"] == pages[1][0]["ratingKey"]
    assert house.rows(ALL)[0]["title"] == "000 New"


def test_a_session_without_user_breaks_plexapi(house: House) -> None:
    house.tell("switches", ghost_session=True)
    with pytest.raises(AttributeError):
        house.server().sessions()


def test_a_session_listed_late(house: House) -> None:
    house.tell("switches", session_delay_s=5)
    house.play("start", file=house.file().path)
    house.tell("clock", shift=4)
    assert house.server().sessions() == []
    house.tell("clock", shift=1)
    assert len(house.server().sessions()) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [("no_stop", None), ("empty_stop", ("", "", 0)), ("stop_at_zero", ("1", "key", 0)), (None, ("1", "key", 90_000))],
)
def test_stops_that_are_not_as_they_should_be(
    house: House,
    ears: Ears,
    fault: str | None,
    told: tuple[str, str, int] | None,
) -> None:
    key = house.key(house.file())
    house.play("start", file=int(key))
    if fault:
        house.fault(fault)
    house.play("stop", position_s=90)
    house.act("frame", type="playing", entries=[{"state": "end"}])
    assert ears.next()["PlaySessionStateNotification"][0]["state"] == "playing"
    entry = ears.next()["PlaySessionStateNotification"][0]
    if told is None:
        assert entry == {"state": "end"}
    else:
        shown = entry["sessionKey"], entry["ratingKey"], entry["viewOffset"]
        assert (entry["state"], shown) == ("stopped", (told[0], told[1].replace("key", key), told[2]))


def test_duplicate_history_row(house: House) -> None:
    house.fault("duplicate_history")
    house.act("watch", person="Anna", file=house.file().path)
    first, second = house.rows("/status/sessions/history/all")
    assert first["viewedAt"] == second["viewedAt"]
    assert first["historyKey"] != second["historyKey"]


def test_lost_and_duplicate_webhooks(house: House, hooks: Receiver) -> None:
    house.act("webhook", person="Anna", url=hooks.url("x"))
    house.fault("lost_webhook", path="media.play")
    house.fault("duplicate_webhook", path="media.stop")
    house.play("start", file=house.file().path)
    house.play("pause")
    house.play("stop")
    assert hooks.events(3) == ["media.pause", "media.stop", "media.stop"]


@pytest.mark.parametrize("level", ["movie", "episode"])
def test_an_item_comes_back_with_a_new_rating_key(house: House, level: str) -> None:
    file = house.file("movies" if level == "movie" else "shows")
    old = house.key(file)
    house.act("watch", person="Ben", file=file.path)
    (new,) = house.act("replace", path=file.path)
    assert str(new) != old
    assert house.ask(f"/library/metadata/{old}").status_code == 404
    before, after = house.rows(f"/library/metadata/{new}", "Ben"), house.key(file)
    assert (before[0]["viewCount"], after) == (1, str(new))


def test_an_unmounted_drive(house: House) -> None:
    house.act("empty", library="movies")
    assert house.ask(ALL).json()["MediaContainer"]["totalSize"] == 0
    assert house.rows("/library/sections/3/all") != []
    assert next(section.title for section in house.server().library.sections()) == "Movies"


def test_a_missing_library_and_a_running_scan(house: House) -> None:
    house.tell("switches", library_missing="movies", scanning=True)
    sections = house.server().library.sections()
    assert "Movies" not in [section.title for section in sections]
    assert {section.refreshing for section in sections} == {True}
    assert house.ask(ALL).status_code == 404


def test_plex_tv_refuses_in_its_own_words(house: House) -> None:
    house.fault("plextv_error", status=429, retry_after=17)
    answer = house.ask("/api/v2/user")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "17")
    assert answer.json()["errors"][0]["code"] == 1003
    house.fault("plextv_error", status=429)
    with pytest.raises(BadRequest, match="429"):
        house.account()


@pytest.mark.parametrize(
    ("status", "error"), [(498, TypeError), (520, TypeError), (502, BadRequest), (401, Unauthorized)]
)
def test_other_refusals_of_plex_tv(house: House, status: int, error: type[Exception]) -> None:
    house.fault("plextv_error", status=status, retry_after=0)
    with pytest.raises(error):
        house.account()
    assert house.server().friendlyName == "Loft"


def test_html_with_200(house: House) -> None:
    house.fault("html", path="^/api/")
    with pytest.raises((ParseError, AttributeError)):  # as the page happens to be XML or not
        house.account()


def test_which_episodes_of_one_file_count(house: House) -> None:
    show = house.server().library.section("Shows").get("Twice Round the Quarry")
    first, second = show.episodes()[:2]
    for switch, counts in (("one", [1, 0]), ("all", [2, 1])):
        house.tell("switches", multi_episode=switch)
        house.play("start", file=first.ratingKey)
        house.play("stop", position_s=first.duration / 1000)
        assert [house.server().fetchItem(e.ratingKey).viewCount for e in (first, second)] == counts


def test_the_history_may_hold_the_start(house: House) -> None:
    house.tell("switches", viewed_at="start")
    file = house.file()
    house.play("start", file=file.path)
    house.tell("clock", shift=600)
    house.play("stop", position_s=(file.runtime_ms or 0) / 1000)
    assert house.rows("/status/sessions/history/all")[0]["viewedAt"] == 1_785_578_400


def test_every_fault_and_switch_has_a_test(house: House) -> None:
    """What is declared in the simulator stands in one of these files by name."""
    from pathlib import Path

    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    shown = requests.get(f"{house.url}/_control/state", timeout=5).json()
    own = set(shown["known"]["faults"]) - {
        "status",
        "lost",
        "reset",
        "slow",
        "html",
        "truncated",
        "wrong_types",
        "empty",
    }
    names = own | set(shown["known"]["switches"]) | set(shown["known"]["acts"]) | set(shown["known"]["play"])
    assert [name for name in sorted(names) if f'"{name}"' not in text and f"{name}=" not in text] == []
