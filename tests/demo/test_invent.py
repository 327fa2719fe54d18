"""The invented catalogue: the same for the same numbers, of the size asked for, with every nasty case in it."""

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from sidecar.demo.catalogue import Catalogue, Claims, Episode, File, Movie
from sidecar.demo.invent import invent

ROOT = Path(__file__).resolve().parents[2]
SIZES = (200, 1_000, 12_345)
NOTHING = Claims()


@pytest.fixture(scope="module", params=SIZES)
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    return invent(request.param)


def count(catalogue: Catalogue) -> int:
    return len(catalogue.movies) + sum(1 for show in catalogue.shows for _ in show.episodes)


def right(file: File) -> Claims:
    ids = file.titles[0].ids
    return Claims(ids.imdb, ids.tmdb, ids.tvdb)


def given(claims: Claims) -> int:
    return sum(value is not None for value in (claims.imdb, claims.tmdb, claims.tvdb))


def held(catalogue: Catalogue) -> Counter[Movie | Episode]:
    return Counter(title for file in catalogue.files for title in file.titles)


def same_title(catalogue: Catalogue, **differing: bool) -> bool:
    """Whether two files of one title differ in exactly these attributes."""
    by_title: dict[Movie | Episode, list[File]] = {}
    for file in catalogue.files:
        for title in file.titles:
            by_title.setdefault(title, []).append(file)
    return any(
        all((getattr(one, name) != getattr(two, name)) is differs for name, differs in differing.items())
        for files in by_title.values()
        for one, two in itertools.pairwise(files)
    )


def numbered(file: File) -> tuple[int | None, int | None]:
    title = file.titles[0] if file.titles else None
    return (title.season, title.number) if isinstance(title, Episode) else (file.season, file.number)


CASES: dict[str, Callable[[Catalogue], bool]] = {
    "only an imdb id": lambda c: any(f.claims == Claims(imdb=f.claims.imdb) != NOTHING for f in c.files),
    "only a tmdb id": lambda c: any(f.claims == Claims(tmdb=f.claims.tmdb) != NOTHING for f in c.files),
    "only a tvdb id": lambda c: any(f.claims == Claims(tvdb=f.claims.tvdb) != NOTHING for f in c.files if not f.show),
    "one wrong id": lambda c: any(
        f.claims.imdb == f.titles[0].ids.imdb
        and f.claims.tmdb not in (None, f.titles[0].ids.tmdb)
        and f.claims.tmdb in {m.ids.tmdb for m in c.movies}
        for f in c.files
        if f.titles
    ),
    "no ids, but known to Trakt": lambda c: any(f.claims == NOTHING and f.titles and not f.show for f in c.files),
    "unknown to Trakt": lambda c: any(not f.titles and not f.show for f in c.files),
    "two editions": lambda c: same_title(c, edition=True, library=False, path=True),
    "two versions": lambda c: same_title(c, media=True, edition=False, library=False, path=True),
    "copies in two libraries": lambda c: same_title(c, library=True, name=False),
    "double episode": lambda c: any(len(f.titles) == 2 and f.number_end == (f.number or 0) + 1 for f in c.files),
    "specials": lambda c: any(f.season == 0 for f in c.files),
    "absolute numbers": lambda c: any(
        f.legacy_guid and isinstance(e, Episode) and e.number_abs == f.number and e.season == 2 and f.season == 1
        for f in c.files
        for e in f.titles
    ),
    "DVD order": lambda c: any(
        f.show and not f.legacy_guid and f.claims == right(f) and numbered(f) != (f.season, f.number)
        for f in c.files
        if f.titles
    ),
    "same film title in two years": lambda c: max(Counter(m.title for m in c.movies if m.title).values()) > 1,
    "same show title in two years": lambda c: max(Counter(s.title for s in c.shows).values()) > 1,
    "unicode": lambda c: sum(not f.name.isascii() for f in c.files) >= 6,
    "markup in a title": lambda c: any({"<", "&", '"', "'", "|", ","} <= set(f.name) for f in c.files),
    "null film title and ids": lambda c: any(
        m.title is None and m.year is None and m.ids.imdb is None and m.ids.tmdb is None and m.ids.slug is None
        for m in c.movies
    ),
    "null episode titles and ids": lambda c: any(
        e.title is None and e.ids.tvdb is None and held(c)[e] for s in c.shows for e in s.episodes
    ),
    "a show across two libraries": lambda c: any(
        len({f.library for f in c.files if f.show is show}) == 2 for show in c.shows[:20]
    ),
    "one episode in two libraries": lambda c: any(
        isinstance(title, Episode) and number > 1 for title, number in held(c).items()
    ),
    "missing runtime of a film": lambda c: any(f.runtime_ms is None and not f.show for f in c.files),
    "missing runtime of an episode": lambda c: any(f.runtime_ms is None and f.show for f in c.files),
    "a film of two minutes": lambda c: any((f.runtime_ms or 10**9) < 300_000 for f in c.files),
    "a show without any id": lambda c: any(f.show and f.show_claims == NOTHING and f.season == 1 for f in c.files),
    "a show taken for another": lambda c: any(
        f.show and f.show_claims.tvdb in {s.ids.tvdb for s in c.shows if s is not f.show} for f in c.files
    ),
    "an episode unknown to Trakt": lambda c: any(f.show and not f.titles for f in c.files),
    "another year than Trakt's": lambda c: any(
        isinstance(t, Movie) and t.year and f.year != t.year for f in c.files for t in f.titles
    ),
    "known to Trakt, in no library": lambda c: any(m not in held(c) for m in c.movies),
    "not released yet": lambda c: (
        any((m.year or 0) > 2026 for m in c.movies) and any(e.aired.year > 2026 for s in c.shows for e in s.episodes)
    ),
    "one number at TMDb for a film and a show": lambda c: bool(
        {m.ids.tmdb for m in c.movies} & {s.ids.tmdb for s in c.shows} - {None}
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_nasty_case_is_there_at_every_size(catalogue: Catalogue, case: str) -> None:
    assert CASES[case](catalogue)


@pytest.mark.parametrize("titles", [200, 201, 999, 5_000])
def test_there_are_exactly_as_many_titles_as_asked_for(titles: int) -> None:
    assert count(invent(titles)) == titles


def test_equal_numbers_make_an_equal_catalogue_and_another_seed_another_one() -> None:
    assert invent(1_500, 9, 4) == invent(1_500, 9, 4)
    assert invent(300, 9, 4).movies != invent(300, 9, 5).movies
    assert {m.ids.trakt for m in invent(300, 9, 4).movies}.isdisjoint(m.ids.trakt for m in invent(300, 9, 5).movies)


def test_every_process_makes_the_same_catalogue() -> None:
    program = "import msgspec, sys; from sidecar.demo.invent import invent; "
    program += "sys.stdout.buffer.write(msgspec.json.encode(invent(400, 12, 3)))"
    made = [
        subprocess.run(
            (sys.executable, "-c", program), cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert made[0] == made[1] == msgspec.json.encode(invent(400, 12, 3))


def test_ids_paths_and_names_are_nobody_elses(catalogue: Catalogue) -> None:
    ids = [movie.ids for movie in catalogue.movies] + [show.ids for show in catalogue.shows]
    ids += [season.ids for show in catalogue.shows for season in show.seasons]
    ids += [episode.ids for show in catalogue.shows for episode in show.episodes]
    for kind in ("trakt", "imdb", "plex", "slug"):
        values = [value for value in (getattr(each, kind) for each in ids) if value is not None]
        assert len(values) == len(set(values)), kind
    assert len({file.path for file in catalogue.files}) == len(catalogue.files)
    folders = {library.key: library.folder for library in catalogue.libraries}
    assert all(file.path.startswith(folders[file.library] + "/") for file in catalogue.files)
    assert all(file.path.isprintable() for file in catalogue.files)


def test_films_and_shows_lie_in_libraries_of_their_kind(catalogue: Catalogue) -> None:
    kinds = {library.key: library.kind for library in catalogue.libraries}
    assert all(kinds[file.library] == ("shows" if file.season is not None else "movies") for file in catalogue.files)


def test_the_people_have_different_rights() -> None:
    people = invent(people=8).people
    everything = tuple(library.key for library in invent().libraries)
    assert [p.name for p in people if p.admin] == ["Anna"] == [p.name for p in people if p.role == "owner"]
    assert {p.role for p in people} == {"owner", "home", "managed", "friend"}
    assert any(p.role == "managed" and p.pin for p in people)
    assert any(p.role == "friend" and len(p.libraries) == 1 for p in people)
    assert any(p.role == "friend" and p.libraries == () for p in people)
    assert max(Counter(p.trakt for p in people if p.trakt).values()) == 2
    assert any(p.trakt is None for p in people)
    assert any(p.vip for p in people)
    assert any(not p.vip and p.trakt for p in people)
    assert any(p.libraries == everything and not p.admin for p in people)
    assert any(not p.name.isascii() for p in people)


def test_more_people_have_names_and_accounts_of_their_own_and_fewer_are_the_first_ones() -> None:
    many = invent(people=50).people
    assert len({p.name for p in many}) == len({p.password for p in many}) == 50
    assert invent(people=3).people == many[:3]


@pytest.mark.parametrize(("titles", "people"), [(199, 8), (200_000, 8), (200, 0)])
def test_other_sizes_are_refused(titles: int, people: int) -> None:
    with pytest.raises(ValueError, match="200 to 150,000"):
        invent(titles, people)
