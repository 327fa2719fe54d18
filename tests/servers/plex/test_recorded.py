"""Answers of real servers, value by value, as our own rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidecar.contract import Collected, Copy, Media
from sidecar.model import Ids, Kind, Ref, Secret
from sidecar.servers.known import User
from sidecar.servers.plex.plays import plays_of
from sidecar.servers.plex.rows import media_of, needs_details, range_of, row_of
from sidecar.servers.plex.tv import Member, PlexTv
from sidecar.settings import Plex as Settings
from tests.fakes import FakeClock
from tests.loopback import Answer, listening
from tests.servers.plex.recorded import XML, answer, container, of_json, rows, server

TOKEN = Secret("a-token-of-somebody")


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def real(contracts: Path) -> Path:
    return contracts / "plex/recorded/shortlist"


@pytest.fixture
def written(contracts: Path) -> Path:
    return contracts / "plex/handwritten/minimal-xml"


def test_watched_films_with_a_mark_that_has_no_count(real: Path) -> None:
    first, second, third = rows(real / "pms_watched_incremental.xml", watched=True)
    assert first.copy == Copy("10001~plex://movie/REDACTED", played=True, count=1, at=at(1779572385))
    assert first.refs == (
        Ref(
            Kind.MOVIE,
            Ids(imdb="tt0000001", tmdb=100001, tvdb=200001),
            name="Sanitised Movie A",
            year=2019,
            runtime=120,
        ),
    )
    assert (second.copy.count, second.refs[0].ids) == (3, Ids(imdb="tt0000002", tmdb=100002))
    assert third.copy == Copy("10003~plex://movie/REDACTED", played=True, count=1, at=at(1765677185))
    unfiltered = rows(real / "pms_watched_incremental.xml")[2]
    assert (unfiltered.copy.played, unfiltered.copy.count) == (False, 0)


def test_watched_episodes_take_their_titles_from_their_shows(real: Path) -> None:
    show = "612788~plex://show/5f57bdaf782ab300435487d0"
    bare = rows(real / "pms_watched_episodes.xml")
    assert {row.why for row in bare} == {"neither it nor its show has an imdb, tmdb or tvdb id"}
    row = rows(real / "pms_watched_episodes.xml", {show: Ids(tvdb=409123)})[2]
    assert row.refs == (
        Ref(
            Kind.EPISODE, Ids(plex="659971bb4ea61897884dd6f9"), Ids(tvdb=409123), 1, 1, "3 Body Problem", None, 61
        ),
    )  # fmt: skip
    assert row.copy == Copy("658211~plex://episode/659971bb4ea61897884dd6f9", played=True, count=2, at=at(1711795462))
    assert row.name == "3 Body Problem – Countdown"
    media = Media(resolution="uhd_4k", audio="dolby_digital_plus", audio_channels="5.1")
    assert row.collected == Collected(at(1787047320), media)


def test_begun_films_are_not_watched_and_begun_again_ones_are(real: Path) -> None:
    again, begun, rated = rows(real / "pms_in_progress_movies.xml")
    assert again.copy == Copy(
        "60632~plex://movie/5d776b8e96b655001fe14e31", played=True, count=1, at=at(1513057169), begun=True, rating=7.9
    )
    assert again.rated_at == at(1696072109)
    assert again.collected is not None
    assert again.collected.media == Media(resolution="uhd_4k", audio="dolby_truehd", audio_channels="7.1")
    assert begun.copy == Copy(
        "228943~plex://movie/626907e7cb0da9631cb3acb7", played=False, at=at(1674449714), begun=True
    )
    assert (rated.copy.played, rated.copy.rating, rated.rated_at) == (False, 7.8, at(1750225054))
    assert rated.collected is not None
    assert rated.collected.media == Media(resolution="hd_1080p", audio="aac", audio_channels="5.1")


def test_ratings_as_they_stand_beside_what_was_watched(real: Path) -> None:
    found = rows(real / "pms_watched_user_rating.xml")
    stamps = [1696072109, 1696072110, 1696070087, 1774259903, 1785148548]
    assert [row.copy.rating for row in found] == [7.9, 8.8, 6.0, 8.0, 2.0, None]
    assert [row.rated_at for row in found] == [*map(at, stamps), None]
    assert [row.refs[0].ids.tmdb for row in found] == [333371, 63, 509967, 1248753, 1364939, 1332077]


def test_an_episode_that_was_given_up_is_not_watched(real: Path) -> None:
    found = rows(real / "pms_all_leaves.xml")
    assert [(row.copy.played, row.copy.begun, row.copy.at) for row in found] == [
        (True, False, at(1637199585)),
        (False, True, at(1637560154)),
        (False, False, None),
        (False, False, None),
    ]
    assert [row.copy.blank for row in found] == [False, False, True, True]


def test_shows_have_their_ids_and_no_state_of_their_own(real: Path) -> None:
    found = rows(real / "pms_watched_shows.xml")
    assert [row.refs[0].ids.tmdb for row in found] == list(range(300001, 300011))
    assert {(row.kind, row.copy.played, row.collected) for row in found} == {(Kind.SHOW, False, None)}


def test_a_play_that_was_written_down_twice_is_one(real: Path) -> None:
    with server(answer(real / "pms_play_history.xml"), Answer(body=b"<MediaContainer/>", headers=XML)) as (plex, there):
        played = plays_of(plex, "683884100", 1787470000)
        assert list(played.of("618492")) == [at(1787473025)]
        assert (list(played.by_key), played.newest) == (["618492"], 1787473025)
        assert there.asked[1].path == (
            "/status/sessions/history/all?accountID=683884100&sort=viewedAt%3Adesc&viewedAt%3E=1787383600"
        )


def test_plays_of_others_are_never_ours_even_where_the_filter_is_ignored(real: Path) -> None:
    with server(answer(real / "pms_play_history.xml"), Answer(body=b"<MediaContainer/>", headers=XML)) as (plex, _):
        assert plays_of(plex, "1", None).by_key == {}


def test_accounts(real: Path) -> None:
    with server(answer(real / "pms_accounts.xml")) as (plex, _):
        assert plex.users() == [User("1", "s_flix", True), User("555000100", "sarah"), User("555000200", "kid")]


def test_the_people_of_a_home(real: Path) -> None:
    with listening(answer(real / "plextv_home_users.xml")) as there:
        tv = PlexTv(Settings(account_url=there.url), "c", clock=FakeClock(), pause=0)
        assert tv.members(TOKEN) == [
            Member("555000001", "aaaaaaaaaaaaaaaa", "Owner", True, ""),
            Member("555000200", "bbbbbbbbbbbbbbbb", "kid", False, "little_kid"),
            Member("555000300", "cccccccccccccccc", "teen", False, ""),
        ]
        tv.close()


def test_answers_in_json_mean_the_same(contracts: Path) -> None:
    recorded = json.loads((contracts / "plex/recorded/watchstate/plex_data.json").read_text())
    film, show, episode = (
        of_json(recorded[f"library_{kind}_get_200"]["response"]["body"]["MediaContainer"]["Metadata"][0])
        for kind in ("movie", "show", "episodes")
    )
    row, above = row_of(film, "1", {}, ranges={}), row_of(show, "2", {})
    assert row is not None
    assert above is not None
    ids = Ids(imdb="tt0000001", tmdb=1, tvdb=1, plex="100000000000000000000001")
    assert row.refs == (Ref(Kind.MOVIE, ids, name="Ferengi: Rules of Acquisition", year=2000, runtime=116),)
    assert row.collected == Collected(at(1159501116), Media(resolution="sd_480p", audio="aac", audio_channels="2.0"))
    ids = Ids(tmdb=3, tvdb=3, plex="300000000000000000000003")
    assert above.refs == (Ref(Kind.SHOW, ids, name="Ferengi StandUp Comedy", year=2002, runtime=30),)
    leaf = row_of(episode, "2", {above.item: above.refs[0].ids})
    assert leaf is not None
    own = Ids(imdb="tt0000004", tmdb=4, tvdb=4, plex="500000000000000000000005")
    assert leaf.refs == (Ref(Kind.EPISODE, own, ids, 1, 1, "Ferengi StandUp Comedy", 2002, 44),)
    assert leaf.copy == Copy("5~plex://episode/500000000000000000000005", played=True, count=1, at=at(1643805016))
    assert needs_details(episode) == ["270893"]


def test_films_of_all_agents(written: Path) -> None:
    film, edition, legacy, home = rows(written / "pms/GET_section1_all_type1_includeGuids.xml")
    assert film.refs[0].ids == Ids(None, "tt9900001", 990001, 990101, None, "5d7768313c3c2a001fbca001")
    assert edition.refs[0].ids == Ids(None, "tt9900001", 990001, None, None, "5d7768313c3c2a001fbca001")
    assert film.item != edition.item
    assert edition.name == "The Salt Lamp (Director's Cut)"
    assert legacy.refs[0].ids == Ids(imdb="tt9900003")
    assert (legacy.copy.played, legacy.copy.begun) == (False, True)
    assert (home.refs, home.why) == ((), "the server has not matched it with any catalogue")
    anime = rows(written / "pms/GET_section3_all_type4_hama.xml")[0]
    assert (anime.refs, anime.why) == ((), "AniDB's numbers need a list that Trakt does not have")


def test_the_range_of_light_stands_in_the_details(written: Path) -> None:
    (video,) = container(written / "pms/GET_metadata_1001_details.xml")
    assert needs_details(video) == ["1"]
    assert [range_of(media) for media in video.iter("Media")] == ["dolby_vision"]
    media = Media(resolution="uhd_4k", hdr="dolby_vision", audio="dolby_truehd", audio_channels="7.1")
    assert media_of(video, {}) == media
    listed = container(written / "pms/GET_section1_all_type1_includeGuids.xml")[0]
    assert media_of(listed, {"1": "dolby_vision"}) == media


def test_libraries_and_users_of_the_handwritten_server(written: Path) -> None:
    with server(answer(written / "pms/GET_library_sections.xml"), answer(written / "pms/GET_accounts.xml")) as (
        plex,
        _,
    ):
        sections = plex.sections()
        assert [(each.key, each.name, each.shows, each.scanning) for each in sections][:2] == [
            ("1", "Movies", False, False),
            ("2", "TV", True, False),
        ]
        assert all(each.stamps.strip() for each in sections)
        assert all(user.id != "0" for user in plex.users())


def test_plex_tv_of_the_handwritten_household(written: Path) -> None:
    machine, tv = "5a1b2c3d4e5f60718293a4b5c6d7e8f901234567", written / "plextv"
    files = (
        "GET_api_v2_user",
        "GET_api_v2_resources",
        "GET_api_servers_mid_shared_servers",
        "POST_api_home_users_id_switch_201",
        "GET_api_v2_user_webhooks",
    )
    with listening(*(answer(tv / f"{name}.xml") for name in files)) as there:
        plex = PlexTv(Settings(account_url=there.url), "c", clock=FakeClock(), pause=0)
        assert plex.who(TOKEN).id.isdecimal()
        assert plex.server_token(TOKEN, machine) == Secret("TOKEN-OWNER-SERVER")
        assert plex.shared(TOKEN, machine) == {
            "4100022": Secret("TOKEN-ROBIN-SERVER"), "4100333": Secret("TOKEN-FRIEND-SERVER")
        }  # fmt: skip
        robin = Member("4100022", "fedcba9876543210", "Robin", True, "")
        assert plex.switch(TOKEN, robin, "1234") == Secret("TOKEN-ROBIN-ACCOUNT")
        assert all(url.startswith("http") for url in plex.webhooks(TOKEN))
        assert [(asked.method, asked.path.split("?")[0]) for asked in there.asked] == [
            ("GET", "/api/v2/user"),
            ("GET", "/api/v2/resources"),
            ("GET", f"/api/servers/{machine}/shared_servers"),
            ("POST", "/api/home/users/4100022/switch"),
            ("GET", "/api/v2/user/webhooks"),
        ]
        assert {asked.headers["X-Plex-Client-Identifier"] for asked in there.asked} == {"c"}
        plex.close()
