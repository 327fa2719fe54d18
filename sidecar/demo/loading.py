"""A catalogue from a file in the form of the recorded Jellyfin conversations' `catalogue.json`.

Trakt knows every series of it and every film that has an id, with the ids the file names; other films are known to
the server alone. The file itself stays in `raw`, for whoever needs the recorded ids of items, users and libraries.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from sidecar.demo.catalogue import Catalogue, Claims, Episode, File, Ids, Library, Movie, Person, Season, Show
from sidecar.demo.shelf import MEDIA, NOTHING, Shelf, slug

Row = dict[str, Any]


def load(path: Path) -> Catalogue:
    """Reads the file; raises ValueError when it is not of that form."""
    try:
        return build(msgspec.json.decode(path.read_bytes()))
    except (msgspec.DecodeError, LookupError, TypeError) as wrong:
        raise ValueError(f"{path} is not a catalogue: {type(wrong).__name__}: {wrong}") from wrong


def build(raw: Row) -> Catalogue:
    """The catalogue of a decoded file."""
    shelf, rows = Shelf(0), raw["items"]
    libraries = tuple(
        Library(row["name"].lower(), row["name"], "shows" if row["type"] == "tvshows" else "movies", row["folders"][0])
        for row in raw["libraries"]
    )
    shows = {row["id"]: show(shelf, row, rows) for row in rows if row["type"] == "Series"}
    films = {found: film(shelf, row) for row in rows if row["type"] == "Movie" and (found := claimed(row)) != NOTHING}
    claims = {row["id"]: claimed(row) for row in rows}
    files = []
    for count, row in enumerate(row for row in rows if row["type"] in ("Movie", "Episode")):
        series = row.get("series_id")
        titles = shown(shows[series], row) if series else tuple(filter(None, [films.get(claims[row["id"]])]))
        for part in row.get("versions", [row]):
            files.append(
                File(
                    path=part["path"],
                    library=next(each.key for each in libraries if part["path"].startswith(each.folder + "/")),
                    titles=titles,
                    show=shows.get(series),
                    name=row["name"],
                    year=row.get("year"),
                    claims=claims[row["id"]],
                    show_claims=claims.get(series, NOTHING),
                    season=row.get("season"),
                    number=row.get("number"),
                    number_end=row.get("number_end"),
                    edition=None,
                    runtime_ms=row["runtime_ticks"] // 10_000 if "runtime_ticks" in row else None,
                    media=MEDIA["2160p" in part["path"]],
                    added=datetime(2026, 1, 2, 3, tzinfo=UTC) + timedelta(minutes=count),
                )
            )
    people = tuple(person(row, libraries) for row in raw["users"])
    return Catalogue(0, tuple(films.values()), tuple(shows.values()), libraries, tuple(files), people, raw)


def claimed(row: Row) -> Claims:
    """The ids of one row."""
    ids = {name.lower(): value for name, value in row.get("provider_ids", {}).items()}
    return Claims(ids.get("imdb"), *(int(ids[name]) if name in ids else None for name in ("tmdb", "tvdb")))


def named(shelf: Shelf, kind: str, row: Row) -> Ids:
    """Trakt's ids of a row: the ones it claims and Trakt's own."""
    ids, found = shelf.ids(kind), claimed(row)
    name = slug(row["name"], row.get("year")) if kind in ("movie", "show") else None
    return Ids(ids.trakt, name, found.imdb, found.tmdb, found.tvdb, ids.plex)


def minutes(row: Row) -> int:
    """The runtime as Trakt would say it."""
    ticks: int = row.get("runtime_ticks") or 0
    return max(1, round(ticks / 600_000_000))


def film(shelf: Shelf, row: Row) -> Movie:
    """A film as Trakt knows it."""
    year = row.get("year")
    return Movie(named(shelf, "movie", row), row["name"], year, minutes(row), date(year or 2000, 6, 1), ("drama",))


def show(shelf: Shelf, row: Row, rows: list[Row]) -> Show:
    """A series as Trakt knows it; the second of two episodes in one file has Trakt's own ids only."""
    seasons: dict[int, list[Episode]] = {}
    own = [each for each in rows if each["type"] == "Episode" and each.get("series_id") == row["id"]]
    for each in sorted(own, key=lambda each: (each["season"], each["number"])):
        aired = datetime.fromisoformat(each["premiere"]) if "premiere" in each else datetime(2000, 1, 1, tzinfo=UTC)
        for number in numbers(each):
            ids = named(shelf, "episode", each if number == each["number"] else {})
            episode = Episode(ids, each["season"], number, each["name"], minutes(each), aired)
            seasons.setdefault(each["season"], []).append(episode)
    made = tuple(Season(shelf.ids("season"), number, tuple(episodes)) for number, episodes in seasons.items())
    return Show(named(shelf, "show", row), row["name"], row.get("year"), made, ("drama",))


def shown(show: Show, row: Row) -> tuple[Episode, ...]:
    """The episodes in one file."""
    return tuple(each for each in show.episodes if each.season == row["season"] and each.number in numbers(row))


def numbers(row: Row) -> range:
    """The numbers of the episodes in one file."""
    first: int = row["number"]
    last: int = row.get("number_end") or first
    return range(first, last + 1)


def person(row: Row, libraries: tuple[Library, ...]) -> Person:
    """One user of the file: an administrator owns the household, everybody sees everything."""
    name, keys = row["name"], tuple(library.key for library in libraries)
    role = "owner" if row["administrator"] else "home"
    return Person(name, row["administrator"], f"{name}-enters", keys, role, None, name.lower(), False)  # type: ignore[arg-type]
