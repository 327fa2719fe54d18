"""From what a server claims about an item to the titles it stands for.

Ids are taken only where their catalogue is certain; what cannot be named for certain keeps the reason, in words for
the list of unmatched items. Nothing is ever guessed from a name and a year.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sidecar.model import Ids, Kind, Ref

CATALOGUES = ("imdb", "tmdb", "tvdb")
LONGEST_FILE = 30  # episodes; a longer span is a wrong number, not a long file
HIGHEST = 99_999_999  # some count episodes by their date; beyond that it is no number of anything

_IMDB, _NUMBER = re.compile(r"tt[0-9]{5,12}"), re.compile(r"[0-9]{1,10}")
_PLEX = re.compile(r"plex://(?:movie|show|season|episode)/([0-9a-f]{24})")
_LEGACY = re.compile(r"com\.plexapp\.agents\.([^:/?]+)://([^/?]+)(?:/([0-9]{1,8}))?(?:/([0-9]{1,8}))?/?(?:\?.*)?")
_NFO = re.compile(r"tv\.plex\.agents\.nfo\.\w+://(\w+)/(imdb|tmdb|tvdb)_(\w+)(?:\?.*)?")
_HAMA = re.compile(r"(imdb|tmdb|tsdb|tvdb|anidb)([2-5]?)-(\w+)")
_OF_AGENT = {"imdb": "imdb", "themoviedb": "tmdb", "thetvdb": "tvdb"}
_NO_TITLE = ("library://", "tv.plex.xmltv://", "com.plexapp.agents.ytinforeader://")
UNMATCHED = "the server has not matched it with any catalogue"
NO_IDS = "it has no imdb, tmdb or tvdb id"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a guid says: ids of the title itself, or of its show with the numbers; or why it says nothing."""

    ids: Ids = field(default_factory=Ids)
    show: Ids | None = None
    season: int | None = None
    number: int | None = None
    why: str = ""


def ids_of(pairs: Iterable[tuple[str, str]], plex: str | None = None) -> Ids:
    """The ids that make sense, the first of each catalogue; names in any case, junk left out."""
    found: dict[str, str] = {}
    for name, value in pairs:
        catalogue, text = name.strip().lower(), str(value).strip()
        if catalogue in CATALOGUES and catalogue not in found and _sound(catalogue, text):
            found[catalogue] = text.lower()
    return Ids.of_pairs(found | ({"plex": plex} if plex and re.fullmatch(r"[0-9a-f]{24}", plex) else {}))


def ids_of_guids(guids: Iterable[str], plex: str | None = None) -> Ids:
    """The ids in guids such as `imdb://tt0113277`."""
    return ids_of(((name, value) for name, _, value in (guid.partition("://") for guid in guids)), plex)


def of_guid(guid: str, kind: Kind) -> Claimed:
    """What the guid of a Plex item says, by the agent that gave it."""
    if match := _PLEX.fullmatch(guid):
        return Claimed(Ids(plex=match[1]))
    if (match := _NFO.fullmatch(guid)) and match[1] == kind:  # the id is that of what the guid says it is
        return Claimed(ids_of([(match[2], match[3])]))
    if guid.startswith(_NO_TITLE):
        return Claimed(why="it is no film and no episode of a series")
    match = _LEGACY.fullmatch(guid)
    if match is None or match[1] == "none":
        why = "" if guid.startswith("tv.plex.agents.") else UNMATCHED  # the ids of an own agent stand beside the guid
        return Claimed(why=why)
    agent, value = match[1], match[2]
    numbers = tuple(int(text) if text else None for text in match.group(3, 4))
    if agent == "hama":
        return _hama(value, kind, *numbers)
    catalogue = _OF_AGENT.get(agent) or ("imdb" if agent.startswith("xbmcnfo") and value.startswith("tt") else "")
    if not catalogue:
        return Claimed(why=f"its agent “{agent}” does not say whose id {value} is")
    return _placed(ids_of([(catalogue, value)]), kind, *numbers)


def refs_of(
    kind: Kind,
    ids: Ids,
    *,
    name: str | None = None,
    year: int | None = None,
    runtime: int | None = None,
    show: Ids | None = None,
    season: int | None = None,
    number: int | None = None,
    last: int | None = None,
    why: str = "",
) -> tuple[tuple[Ref, ...], str]:
    """The titles an item stands for, in order; or none and why."""
    named, above = _named(ids), show if show is not None and _named(show) else None
    season, number = _number(season), _number(number)
    if kind in (Kind.MOVIE, Kind.SHOW):
        return ((Ref(kind, ids, name=name, year=year, runtime=runtime),), "") if named else ((), why or NO_IDS)
    if kind is Kind.SEASON:
        if not named and (above is None or season is None):
            return (), why or ("its show has no ids" if above is None else "it has no number")
        return (Ref(kind, ids, above, season, name=name, year=year),), ""
    if not named and (above is None or season is None or number is None):
        if above is None:
            return (), why or "neither it nor its show has an imdb, tmdb or tvdb id"
        return (), f"the server does not know its {'season' if season is None else 'episode'} number"
    count = 1 if last is None or number is None else last - number + 1
    if not 1 <= count <= LONGEST_FILE or (count > 1 and (above is None or season is None)):
        return (), f"its file holds episodes {number} to {last}, and they cannot all be named"
    first = Ref(kind, ids, above, season, number, name, year, runtime)
    rest = (Ref(kind, Ids(), above, season, (number or 0) + more, name, year, runtime) for more in range(1, count))
    return (first, *rest), ""


def same(one: Ref, other: Ref) -> bool:
    """Whether two refs mean one title: no catalogue that both have disagrees; without own ids, by show and numbers."""
    if one.kind is not other.kind:
        return False
    verdict = _agree(one.ids, other.ids)
    if verdict is None and one.show is not None and other.show is not None:
        place, least = (one.season, one.number), 1 if one.kind is Kind.SEASON else 2
        known = None not in place[:least] and place == (other.season, other.number)
        return known and _agree(one.show, other.show) is True
    return verdict is True


def words(claim: str) -> list[str]:
    """By which words of a claim another claim of the same title can be found: two that are the same share one."""
    kind, *parts = claim.split(" ")
    place = " ".join(part for part in parts if "=" not in part)
    # An id of the show says little without the numbers: all its episodes have it.
    return [f"{kind} {part} {place if part.startswith('show.') else ''}" for part in parts if "=" in part]


def _agree(one: Ids, other: Ids) -> bool | None:
    mine, theirs = dict(one.pairs()), dict(other.pairs())
    shared = mine.keys() & theirs.keys() - {"slug"}
    return all(mine[name] == theirs[name] for name in shared) if shared else None


def _number(number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= HIGHEST else None


def _named(ids: Ids) -> bool:
    return any((ids.trakt, ids.imdb, ids.tmdb, ids.tvdb))


def _sound(catalogue: str, text: str) -> bool:
    if catalogue == "imdb":
        return _IMDB.fullmatch(text.lower()) is not None
    return _NUMBER.fullmatch(text) is not None and 0 < int(text) < 2**31


def _hama(value: str, kind: Kind, season: int | None, number: int | None) -> Claimed:
    """HAMA's own words: whose id it is, and whether it counts episodes as others do."""
    match = _HAMA.fullmatch(value)
    if match is None or match[1] == "anidb":
        return Claimed(why="AniDB's numbers need a list that Trakt does not have")
    catalogue = "tmdb" if match[1] == "tsdb" else match[1]
    if match[2] and kind is not Kind.SHOW:
        return Claimed(why="its agent counts the episodes in an order of its own")
    return _placed(ids_of([(catalogue, match[3])]), kind, season, number)


def _placed(ids: Ids, kind: Kind, season: int | None, number: int | None) -> Claimed:
    """Old guids of seasons and episodes carry the show's id with the numbers."""
    if kind in (Kind.MOVIE, Kind.SHOW):
        return Claimed(ids)
    return Claimed(Ids(), ids, season, number)
