"""What a server may write into an attribute never stops anything; what cannot be named keeps the reason."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract import Media
from sidecar.model import Ids, Kind
from sidecar.servers.plex.rows import TYPES, item_of, key_of, media_of, needs_details, row_of, show_of
from sidecar.servers.rows import Row

SHOW = {
    "grandparentRatingKey": "20",
    "grandparentGuid": "plex://show/5d9c086fe9d5a1001f4d9f01",
    "grandparentTitle": "Dark",
}
IDS = Ids(tvdb=334824, plex="5d9c086fe9d5a1001f4d9f01")
SHOWS = {"20~plex://show/5d9c086fe9d5a1001f4d9f01": IDS}
TEXTS = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.integers().map(str),
    st.sampled_from(["", "-1", "0", "1e9", "٣", "9" * 40, "nan", "inf"]),
)
NAMES = (
    "ratingKey", "guid", "title", "year", "duration", "index", "parentIndex", "viewCount", "viewOffset", "lastViewedAt",
    "userRating", "lastRatedAt", "addedAt", "grandparentGuid", "grandparentRatingKey",
)  # fmt: skip


def element(guids: tuple[str, ...] = (), /, **attributes: str) -> Element:
    made = Element("Video", attributes)
    made.extend(Element("Guid", {"id": guid}) for guid in guids)
    return made


def film(*guids: str, **attributes: str) -> Element:
    given = {"ratingKey": "7", "guid": "plex://movie/5d7768313c3c2a001fbca001", "type": "movie", "title": "Heat"}
    return element(guids, **given | attributes)


def episode(*guids: str, **attributes: str) -> Element:
    given = {"ratingKey": "21", "guid": "plex://episode/5d9c1276e9d5a1001f4ee101", "type": "episode", "title": "Lies"}
    return element(guids, **given | SHOW | {"parentIndex": "1", "index": "2"} | attributes)


def row(made: Element, **kwargs: object) -> Row:
    found = row_of(made, "1", SHOWS, **kwargs)  # type: ignore[arg-type]
    assert found is not None
    return found


@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, TEXTS)),
    st.sampled_from(sorted(TYPES)),
    st.lists(st.text(max_size=20)),
)
def test_nothing_that_a_server_writes_stops_a_listing(
    given: dict[str, str | None], kind: Kind, guids: list[str]
) -> None:
    made = element(tuple(guids), type=str(kind), **{name: text for name, text in given.items() if text is not None})
    found = row(made)
    assert bool(found.refs) is not bool(found.why)
    assert found.copy.count >= 0
    assert found.copy.rating is None or 0 < found.copy.rating <= 10


@pytest.mark.parametrize("text", ["", "x", "-3", "11", "nan", "inf", "0", "0.0"])
def test_what_is_no_rating_is_none(text: str) -> None:
    found = row(film("imdb://tt0113277", userRating=text, lastRatedAt="1787505200"))
    assert (found.copy.rating, found.rated_at) == (None, None)


@pytest.mark.parametrize("key", ["", "abc", "-1", "٣"])
def test_an_item_without_a_usable_number_is_listed_with_the_reason(key: str) -> None:
    found = row(film("imdb://tt0113277", ratingKey=key))
    assert (found.refs, found.why, key_of(found.item)) == ((), "the server gives it no usable number", "")


def test_the_same_number_with_another_guid_is_another_item() -> None:
    before, after = film(), film(guid="plex://movie/5d7768313c3c2a001fbca002")
    assert key_of(item_of(before)) == key_of(item_of(after)) == "7"
    assert item_of(before) != item_of(after)


def test_what_is_no_film_and_no_part_of_a_series_is_left_out() -> None:
    assert row_of(element(ratingKey="1", type="track"), "1", {}) is None
    assert row_of(element(ratingKey="1"), "1", {}) is None


def test_an_episode_without_ids_is_named_by_show_and_numbers_though_plex_does_not_know_it() -> None:
    (ref,) = row(episode(guid="local://21")).refs
    assert (ref.show, ref.season, ref.number, ref.ids) == (IDS, 1, 2, Ids())
    assert show_of(episode()) in SHOWS


@pytest.mark.parametrize(
    ("guid", "season", "number"),
    [
        ("com.plexapp.agents.thetvdb://334824/3/4?lang=en", 3, 4),
        ("com.plexapp.agents.themoviedb://70523/1/5?lang=en", 1, 5),
        ("com.plexapp.agents.hama://tvdb-334824/1/2?lang=en", 1, 2),
    ],
)
def test_an_old_guid_of_an_episode_counts_in_the_order_of_its_catalogue(guid: str, season: int, number: int) -> None:
    (ref,) = row(episode(guid=guid)).refs
    assert (ref.season, ref.number) == (season, number)
    assert ref.show is not None


@pytest.mark.parametrize(
    "guid",
    [
        "com.plexapp.agents.hama://tvdb4-334824/1/2?lang=en",
        "com.plexapp.agents.hama://anidb-99001/1/2?lang=en",
        "tv.plex.xmltv://1/2/3",
    ],
)
def test_numbers_of_another_order_are_never_counted_as_the_shows(guid: str) -> None:
    found = row(episode(guid=guid))
    assert found.refs == ()
    assert found.why


def test_a_marked_row_without_a_count_is_watched_only_where_the_listing_was_honoured() -> None:
    assert row(film(lastViewedAt="1787504900"), watched=True).copy.played
    assert not row(film(lastViewedAt="1787504900")).copy.played
    assert row(
        element(ratingKey="3", type="show", guid="plex://show/5d9c086fe9d5a1001f4d9f01"), watched=True
    ).copy.blank


def test_the_best_version_counts_and_its_width_more_than_its_name() -> None:
    made = film()
    for attributes in (
        {"id": "1", "width": "1280", "audioCodec": "aac", "audioChannels": "2", "videoCodec": "h264"},
        {
            "id": "2",
            "width": "3840",
            "audioCodec": "dca",
            "audioProfile": "ma",
            "audioChannels": "8",
            "videoCodec": "hevc",
        },
        {"id": "3", "width": "x", "videoCodec": "hevc", "videoProfile": "main"},
    ):
        made.append(Element("Media", attributes))
    assert media_of(made, {"2": "hdr10"}) == Media(
        resolution="uhd_4k", hdr="hdr10", audio="dts_ma", audio_channels="7.1"
    )
    assert needs_details(made) == ["2"]
    made.clear()
    assert media_of(made, {}) is None


@pytest.mark.parametrize(
    ("width", "word"),
    [
        ("3840", "uhd_4k"),
        ("1920", "hd_1080p"),
        ("1280", "hd_720p"),
        ("768", "sd_576p"),
        ("767", "sd_480p"),
        ("x", None),
    ],
)
def test_the_resolution_goes_by_the_width(width: str, word: str | None) -> None:
    made = film()
    made.append(Element("Media", {"width": width}))
    media = media_of(made, {})
    assert media is not None
    assert media.resolution == word
