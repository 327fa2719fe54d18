"""A whole catalogue out of three numbers: how many titles, how many people, which seed."""

from typing import Any

from sidecar.demo import cases
from sidecar.demo.catalogue import Catalogue, Claims, Person
from sidecar.demo.shelf import LIBRARIES, NOTHING, Shelf, claims

ALL = tuple(library.key for library in LIBRARIES)
# name, role, libraries, PIN, Trakt account, VIP; the order is a promise, whoever asks for few gets the first of them
HOUSEHOLD: tuple[tuple[str, Any, tuple[str, ...], str | None, str | None, bool], ...] = (
    ("Anna", "owner", ALL, None, "anna", True),
    ("Ben", "home", ALL, None, "ben", False),
    ("Carla", "managed", ("kids",), "1357", "carla", False),
    ("David", "friend", ("movies",), None, "david", False),
    ("Emma", "friend", (), None, None, False),
    ("Finn", "home", ("movies", "shows"), "0042", "ben", False),  # shares Ben's Trakt account
    ("Greta", "managed", ("kids", "shows"), None, None, False),
    ("Zoë Åkesson", "friend", ALL, None, "zoe", True),
)
MORE = ("Hugo", "Ida", "Jonas", "Klara", "Leo", "Mira", "Nils", "Olga", "Paul", "Romy", "Sam", "Tilda")


def invent(titles: int = 200, people: int = 8, seed: int = 1) -> Catalogue:
    """An invented catalogue with exactly so many movies and episodes on Trakt, every nasty case among them."""
    if not 200 <= titles <= 150_000 or people < 1:
        raise ValueError("a household has 200 to 150,000 titles and at least one person")
    shelf = Shelf(seed)
    cases.movies(shelf)
    cases.numbering(shelf)
    cases.sources(shelf)
    extra = titles - shelf.titles
    for _ in range(extra * 3 // 10):
        add_movie(shelf)
    while shelf.titles < titles:
        add_show(shelf, titles - shelf.titles)
    files, movies, shows = tuple(shelf.files), tuple(shelf.movies), tuple(shelf.shows)
    return Catalogue(seed, movies, shows, LIBRARIES, files, tuple(person(number) for number in range(people)))


def add_movie(shelf: Shelf) -> None:
    """An ordinary film; one in twenty is in no library, a few have lost ids."""
    movie, chance = shelf.movie(shelf.name(), shelf.random.randint(1950, 2025)), shelf.random.random()
    found = claims(movie.ids)
    if chance < 0.03:
        found = Claims(imdb=movie.ids.imdb) if chance < 0.02 else NOTHING
    if chance < 0.95:
        shelf.hold(movie, "kids" if movie.genres == ("family",) else "movies", claims=found)


def add_show(shelf: Shelf, room: int) -> None:
    """An ordinary series of at most `room` episodes; of one in ten only the first season is in a library."""
    lengths: dict[int, int] = {}
    for season in range(1, shelf.random.randint(1, 6) + 1):
        lengths[season] = min(shelf.random.randint(6, 24), room - sum(lengths.values()))
    show = shelf.show(shelf.name(), shelf.random.randint(1960, 2018), {k: v for k, v in lengths.items() if v})
    held = 1 if shelf.random.random() < 0.1 else 99
    for episode in show.episodes:
        if episode.season <= held:
            shelf.hold_episode(show, episode)


def person(number: int) -> Person:
    """The person of this number; beyond the first eight, friends who see everything and have a Trakt account."""
    if number < len(HOUSEHOLD):
        name, role, libraries, pin, trakt, vip = HOUSEHOLD[number]
    else:
        lap, place = divmod(number - len(HOUSEHOLD), len(MORE))
        name = MORE[place] + (f" {lap + 1}" if lap else "")
        role, libraries, pin, trakt, vip = "friend", ALL, None, name.lower().replace(" ", "-"), False
    return Person(name, role == "owner", f"{name.lower().replace(' ', '-')}-enters", libraries, role, pin, trakt, vip)
