"""A catalogue while it is being made: gives out ids and names, puts titles on Trakt and files into libraries.

What it gives out depends on the seed and on the order of asking only, so equal input makes an equal catalogue.
"""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from sidecar.demo.catalogue import Claims, Episode, File, Ids, Library, Media, Movie, Season, Show

LIBRARIES = (
    Library("movies", "Movies", "movies", "/media/movies"),
    Library("kids", "Kids' Movies", "movies", "/media/kids"),
    Library("shows", "Shows", "shows", "/media/tv"),
    Library("anime", "Anime", "shows", "/media/anime"),
)
FOLDERS = {library.key: library.folder for library in LIBRARIES}
FIRST = (
    "Amber Brittle Crooked Distant Early Feral Gentle Hollow Idle Jagged Kindly Lonely Muted Northern Opal Pale Quiet "
)
FIRST += "Restless Silver Tangled Unlit Velvet Wandering Yellow Zealous Borrowed"
SECOND = (
    "Anchor Bakery Causeway Drummer Estuary Ferry Gardener Harbour Island Jury Kettle Lantern Meadow Notary Orchard "
)
SECOND += "Pilot Quarry Ranger Sparrow Tailor Umbrella Valley Witness Yard Zephyr Cartographer"
PLACES = (
    "Arvelle Brunmoor Calderin Dovrance Elmsworth Farrowick Gildane Hestrup Ivelin Jorvale Kestermere Lindholt Marrash "
)
PLACES += (
    "Norvath Orrin Pellowby Quendal Rosmark Silvane Tamsel Uldren Varnick Wexley Yarrowdale Zimra Ostmoor-by-the-Lake"
)
PATTERNS = ("The {0} {1} of {2}", "{2}: {0} {1}", "{0} {1} in {2}")
GENRES = (("drama",), ("comedy", "romance"), ("crime", "thriller"), ("science-fiction",), ("documentary",), ("family",))
MEDIA = (
    Media("1080", "h264", "", "aac", 2, 2_400_000_000),
    Media("4k", "hevc", "dovi", "truehd", 8, 48_000_000_000),
    Media("4k", "hevc", "hdr10", "eac3", 6, 21_000_000_000),
    Media("720", "h264", "", "eac3", 6, 1_300_000_000),
    Media("1080", "hevc", "hlg", "dca-ma", 6, 9_000_000_000),
    Media("sd", "h264", "", "aac", 2, 700_000_000),
)


class Shelf:
    """The titles and files so far."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - it invents titles, it keeps no secrets
        self.movies: list[Movie] = []
        self.shows: list[Show] = []
        self.files: list[File] = []
        self.titles = 0
        self._start = seed % 25 * 500_000
        self._given = {"movie": 0, "show": 0, "season": 0, "episode": 0, "name": seed * 7919}
        self._words = FIRST.split(), SECOND.split(), PLACES.split()

    def next(self, what: str) -> int:
        """Counts one of this kind."""
        self._given[what] += 1
        return self._given[what]

    def name(self) -> str:
        """A name nobody has had yet; 52,728 of them."""
        first, second, places = self._words
        number, pattern = divmod(self.next("name") * 31_013 % 52_728, 3)
        number, place = divmod(number, 26)
        return PATTERNS[pattern].format(first[number // 26], second[number % 26], places[place])

    def ids(self, kind: str, slug: str | None = None) -> Ids:
        """All ids of one more title; as on the real sites, a movie and a show may have the same number at TMDb."""
        number = self._start + self.next(kind)
        trakt = 4 * number + ("movie", "show", "season", "episode").index(kind)
        rare = kind == "season" or (kind == "episode" and number % 3)
        return Ids(
            trakt=trakt,
            slug=slug,
            imdb=None if rare else f"tt{40_000_000 + trakt}",
            tmdb=900_000 + number + 20_000_000 * (kind in ("season", "episode")),
            tvdb=350_000 + number + {"movie": 0, "show": 0, "season": 40_000_000, "episode": 80_000_000}[kind],
            plex=f"{trakt * 0x9E3779B97F4A7C15F39CC0605 % 16**24:024x}",
        )

    def movie(self, title: str | None, year: int | None, runtime: int = 0, blank: bool = False) -> Movie:
        """One more movie on Trakt; blank: Trakt knows no other id of it."""
        self.titles += 1
        ids = self.ids("movie", None if title is None else slug(title, year))
        released = date(year or 2020, 1, 1) + timedelta(days=ids.trakt % 365)
        genres = GENRES[ids.trakt // 4 % len(GENRES)]
        movie = Movie(Ids(ids.trakt) if blank else ids, title, year, runtime or 80 + ids.trakt % 61, released, genres)
        self.movies.append(movie)
        return movie

    def show(
        self, title: str, year: int, lengths: dict[int, int], blanks: bool = False, absolute: bool = False
    ) -> Show:
        """One more series on Trakt with so many episodes per season; blanks: every fourth has neither title nor ids."""
        ids, runtime, count, seasons = self.ids("show", slug(title, year)), 22 + len(self.shows) % 40, 0, []
        began = datetime(year, 1, 6, 20, tzinfo=UTC) + timedelta(days=ids.trakt % 200)
        for number, length in lengths.items():
            episodes = []
            for place in range(1, length + 1):
                count += number > 0
                known, blank = self.ids("episode"), blanks and place % 4 == 0
                aired = began + timedelta(days=366 * max(number - 1, 0) + 7 * (place - 1))
                name = None if blank else f"{self._words[1][count % 26]} {place}" if place % 5 else f"Episode {place}"
                episodes.append(
                    Episode(
                        Ids(known.trakt) if blank else known,
                        number,
                        place,
                        name,
                        runtime,
                        aired,
                        count if absolute else None,
                    )
                )
            self.titles += length
            seasons.append(Season(self.ids("season"), number, tuple(episodes)))
        show = Show(ids, title, year, tuple(seasons), GENRES[ids.trakt // 4 % len(GENRES)])
        self.shows.append(show)
        return show

    def hold(self, movie: Movie, library: str = "movies", suffix: str = "", **odd: Any) -> File:
        """Puts a file of this movie into a library; `odd` replaces what an ordinary file would say."""
        name = movie.title or f"untitled-{movie.ids.trakt}"
        folder = f"{name.replace('/', '-')} ({movie.year or 'unknown'})"
        return self._put(
            {
                "path": f"{FOLDERS[library]}/{folder}/{folder}{suffix}.mkv",
                "library": library,
                "titles": (movie,),
                "name": name,
                "year": movie.year,
                "claims": claims(movie.ids),
                "runtime_ms": movie.runtime * 60_000 - movie.ids.trakt % 30_000,
            },
            odd,
        )

    def hold_episode(self, show: Show, *episodes: Episode, library: str = "shows", **odd: Any) -> File:
        """Puts one file of one or several episodes into a library."""
        first, last = episodes[0], episodes[-1]
        season, number = odd.get("season", first.season), odd.get("number", first.number)
        end = last.number if last is not first else None
        folder = f"{show.title} ({show.year})/{f'Season {season:02}' if season else 'Specials'}"
        code = f"S{season:02}E{number:02}{f'-E{end:02}' if end else ''}"
        return self._put(
            {
                "path": f"{FOLDERS[library]}/{folder}/{show.title} - {code}.mkv",
                "library": library,
                "titles": episodes,
                "show": show,
                "name": first.title or f"Episode {number}",
                "year": first.aired.year,
                "claims": claims(first.ids),
                "show_claims": claims(show.ids),
                "season": season,
                "number": number,
                "number_end": end,
                "runtime_ms": sum(episode.runtime for episode in episodes) * 60_000 - first.ids.trakt % 30_000,
            },
            odd,
        )

    def _put(self, plain: dict[str, Any], odd: dict[str, Any]) -> File:
        """Adds a file with what every file has."""
        count = len(self.files)
        empty: dict[str, Any] = dict.fromkeys(("show", "season", "number", "number_end", "edition"))
        empty |= {"show_claims": NOTHING, "media": MEDIA[count % len(MEDIA)]}
        added = datetime(2021, 3, 1, tzinfo=UTC) + timedelta(minutes=count * 19, seconds=count % 60)
        self.files.append(File(**(empty | {"added": added} | plain | odd)))
        return self.files[-1]


NOTHING = Claims()


def claims(ids: Ids) -> Claims:
    """What an agent that is right says."""
    return Claims(ids.imdb, ids.tmdb, ids.tvdb)


def slug(title: str, year: int | None) -> str:
    """The name in Trakt's addresses."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in title.lower()).split()) + f"-{year}"
