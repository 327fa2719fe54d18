"""Catalogues from recorded files."""

from pathlib import Path

import msgspec
import pytest

from sidecar.demo.catalogue import Catalogue, Claims, Movie
from sidecar.demo.loading import load

FILM = {
    "id": "aa",
    "type": "Movie",
    "name": "Kestrel",
    "year": 2011,
    "path": "/m/k/k.mkv",
    "provider_ids": {"Tmdb": "5"},
}
SMALL = {
    "libraries": [{"name": "Films", "type": "movies", "id": "01", "folders": ["/m"]}],
    "items": [FILM],
    "users": [{"name": "Root", "id": "02", "administrator": True}, {"name": "ann", "id": "03", "administrator": False}],
}


def write(folder: Path, value: object) -> Path:
    path = folder / "catalogue.json"
    path.write_bytes(msgspec.json.encode(value))
    return path


def test_a_small_file_of_ones_own(tmp_path: Path) -> None:
    catalogue = load(write(tmp_path, SMALL))
    assert catalogue.raw == SMALL
    (film,), (file,) = catalogue.movies, catalogue.files
    assert (film.title, film.year, film.ids.tmdb, film.ids.imdb) == ("Kestrel", 2011, 5, None)
    assert (file.titles, file.claims, file.runtime_ms, file.library) == ((film,), Claims(tmdb=5), None, "films")
    assert [(p.name, p.role, p.admin, p.libraries) for p in catalogue.people] == [
        ("Root", "owner", True, ("films",)),
        ("ann", "home", False, ("films",)),
    ]


@pytest.mark.parametrize(
    "wrong", [[], {}, {**SMALL, "items": [{"type": "Movie"}]}, {**SMALL, "libraries": [{"name": "Films"}]}]
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(ValueError, match=r"catalogue\.json is not a catalogue"):
        load(write(tmp_path, wrong))


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    path.write_text("{")
    with pytest.raises(ValueError, match="is not a catalogue"):
        load(path)


@pytest.fixture(params=["12.0", "10.11"])
def recorded(contracts: Path, request: pytest.FixtureRequest) -> Catalogue:
    return load(contracts / "jellyfin" / request.param / "catalogue.json")


def test_the_recorded_catalogue_is_held_whole(recorded: Catalogue) -> None:
    assert recorded.raw is not None
    rows = [row for row in recorded.raw["items"] if row["type"] in ("Movie", "Episode")]
    assert {f.path for f in recorded.files} == {part["path"] for row in rows for part in row.get("versions", [row])}
    assert [library.name for library in recorded.libraries] == [row["name"] for row in recorded.raw["libraries"]]
    assert [person.name for person in recorded.people] == [row["name"] for row in recorded.raw["users"]]


def test_the_recorded_catalogue_keeps_what_is_odd_about_it(recorded: Catalogue) -> None:
    files = {file.path.rsplit("/", 1)[-1]: file for file in recorded.files}
    double = files["Twice S01E01-E02.mkv"]
    assert [title.number for title in double.titles if not isinstance(title, Movie)] == [1, 2]
    assert double.number_end == 2
    assert files["Home Video (2020).mkv"].titles == ()
    noids = files["Noids S01E01.mkv"]
    assert noids.show is not None
    assert (noids.show.title, noids.show_claims) == ("Noids", Claims())
    one, two = files["Dune (2021) - 2160p.mkv"], files["Dune (2021) - 1080p.mkv"]
    assert one.titles == two.titles
    assert (one.media.resolution, two.media.resolution) == ("4k", "1080")
    matrix = [file for file in recorded.files if file.name == "The Matrix"]
    assert matrix[0].titles == matrix[1].titles
    assert {file.library for file in matrix} == {"movies", "kids"}
    assert files["Dark S00E01.mkv"].season == 0
