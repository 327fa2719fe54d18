"""The nasty cases that every invented catalogue holds, whatever its size.

Each is a thing real libraries have: ids that are missing or wrong, numbering that differs from Trakt's,
several files for one title and several titles in one file.
"""

from datetime import UTC, datetime

from sidecar.demo.catalogue import Claims, File
from sidecar.demo.shelf import MEDIA, NOTHING, Shelf, claims

UNICODE = (
    "Ægirs hus på øen",
    "名もなき灯台",
    "Ночной трамвай",
    "بيت على البحر",
    "Cafe\u0301 Ünïted",
    "Über den Zäunen 🎬",
)


def movies(shelf: Shelf) -> None:
    """Films that are hard to name, to tell apart, or to hold once."""
    for kind in ("imdb", "tmdb", "tvdb"):
        movie = shelf.movie(shelf.name(), 2004)
        shelf.hold(movie, claims=Claims(**{kind: getattr(movie.ids, kind)}))
    other, movie = shelf.movie(shelf.name(), 1998), shelf.movie(shelf.name(), 2016)
    shelf.hold(other)
    shelf.hold(movie, claims=Claims(movie.ids.imdb, other.ids.tmdb))  # one of its ids is another film's
    shelf.hold(shelf.movie(shelf.name(), 1987), claims=NOTHING)
    editions = shelf.movie("The Cartographer's Debt", 2007)
    shelf.hold(editions, suffix=" {edition-Theatrical}", edition="Theatrical")
    shelf.hold(editions, suffix=" {edition-Director's Cut}", edition="Director's Cut", runtime_ms=171 * 60_000)
    versions = shelf.movie("Nine Ferries North", 2021)
    shelf.hold(versions, suffix=" - 2160p", media=MEDIA[1])
    shelf.hold(versions, suffix=" - 1080p", media=MEDIA[0])
    copies = shelf.movie("Kettle and Crane", 2012)
    shelf.hold(copies)
    shelf.hold(copies, "kids", media=MEDIA[3])
    for year in (1961, 2019):
        shelf.hold(shelf.movie("The Long Causeway", year))
    for title in UNICODE:
        shelf.hold(shelf.movie(title, 2010))
    shelf.hold(shelf.movie('Salt & "Iron" <Part 2>: 100% O\'Hara, or | Nothing', 2015))
    shelf.hold(shelf.movie(None, None, blank=True), claims=NOTHING)
    shelf.hold(shelf.movie("Nobody's Record", 2018, blank=True), claims=NOTHING)
    shelf.hold(shelf.movie("No Clock in Hestrup", 2003), runtime_ms=None)
    shelf.hold(shelf.movie("Two Minutes of Rain", 2014, runtime=2))
    shelf.hold(shelf.movie("Premiere at Midnight", 2011), year=2012)
    shelf.hold(shelf.movie("A Sparrow for the Kids", 2020), "kids")
    shelf.movie("The Unreleased Orchard", 2027)  # known to Trakt, in no library
    unknown(shelf, "/media/movies/Birthday 2020/Birthday 2020.mkv", "movies", "Birthday 2020", 2020)


def unknown(shelf: Shelf, path: str, library: str, name: str, year: int) -> File:
    """A film of one's own that nobody else knows."""
    file = File(
        path, library, (), None, name, year, NOTHING, NOTHING, None, None, None, None, 754_000, MEDIA[5],
        datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC),
    )  # fmt: skip
    shelf.files.append(file)
    return file


def numbering(shelf: Shelf) -> None:
    """Series whose files are counted in another way than Trakt counts."""
    specials = shelf.show("Lanterns of Varnick", 2017, {0: 2, 1: 5})
    for episode in specials.episodes:
        shelf.hold_episode(specials, episode)
    double = shelf.show("Twice Round the Quarry", 2019, {1: 6})
    one, two, *rest = double.episodes
    shelf.hold_episode(double, one, two)
    for episode in rest:
        shelf.hold_episode(double, episode)
    anime = shelf.show("Orrin no Kaze", 2013, {1: 6, 2: 6}, absolute=True)
    for episode in anime.episodes:  # one long season for the server, two for Trakt
        number, guid = (
            episode.number_abs or 0,
            f"com.plexapp.agents.hama://anidb-9{anime.ids.trakt}/1/{episode.number_abs}?lang=en",
        )
        plain = {"claims": NOTHING, "show_claims": NOTHING, "legacy_guid": guid}
        shelf.hold_episode(anime, episode, library="anime", season=1, number=number, **plain)
    dvd = shelf.show("The Dovrance Nine", 2002, {1: 6})
    for episode, number in zip(dvd.episodes, (3, 1, 2, 6, 4, 5), strict=True):
        shelf.hold_episode(dvd, episode, season=1, number=number)


def sources(shelf: Shelf) -> None:
    """Series whose ids are missing or wrong, whose name is not theirs alone, or that lie in two places."""
    nameless = shelf.show("Yard Without Numbers", 2018, {1: 4})
    for episode in nameless.episodes:
        shelf.hold_episode(nameless, episode, claims=NOTHING, show_claims=NOTHING)
    mistaken = shelf.show("Pellowby Watch", 2009, {1: 4})
    for episode in mistaken.episodes:  # the agent took it for another series
        shelf.hold_episode(mistaken, episode, claims=NOTHING, show_claims=claims(shelf.shows[0].ids))
    for year in (1978, 2021):
        remade = shelf.show("Harbour Patrol", year, {1: 4})
        for episode in remade.episodes:
            shelf.hold_episode(remade, episode)
    spread = shelf.show("Meadow Street", 2015, {1: 4, 2: 4})
    for episode in spread.episodes:  # the first season here, the second there, one episode in both
        shelf.hold_episode(spread, episode, library="shows" if episode.season == 1 else "anime")
    shelf.hold_episode(spread, spread.seasons[1].episodes[0])
    blank = shelf.show("Blank Pages", 2020, {1: 8}, blanks=True)
    for episode in blank.episodes:
        shelf.hold_episode(blank, episode, runtime_ms=None if episode.number == 3 else 1_500_000)
    shelf.hold_episode(blank, blank.seasons[0].episodes[0], titles=(), claims=NOTHING, number=99, name="Outtakes")
    shelf.show("Tomorrow in Tamsel", 2027, {1: 3})  # not aired yet, in no library
