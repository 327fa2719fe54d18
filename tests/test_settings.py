"""Settings: what wins, what is said about mistakes, and that no secret is ever said."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import SettingsError
from sidecar.model import Secret
from sidecar.settings import FILE, SECTIONS, Settings, home, load

FEATURES = "history, ratings, watchlist or collection"
CANARY = "canary-3f9a77c1e5"

PROMISED = {
    "web.host": "127.0.0.1",
    "web.port": 8477,
    "web.public_url": "",
    "log.level": "info",
    "log.format": "text",
    "log.file": "",
    "log.keep": 5,
    "trakt.client_id": "",
    "trakt.client_secret": Secret(""),
    "trakt.api_url": "https://api.trakt.tv",
    "trakt.auth_url": "https://auth.trakt.tv",
    "trakt.timeout": 15.0,
    "trakt.bulk_timeout": 90.0,
    "trakt.max_retries": 3,
    "trakt.get_per_second": 3.33,
    "trakt.write_per_second": 1.0,
    "trakt.history_number_fallback": False,
    "trakt.history_collection": False,
    "trakt.history_collection_types": ("movies",),
    "plex.account_url": "https://plex.tv",
    "plex.discover_url": "https://discover.provider.plex.tv",
    "plex.metadata_url": "https://metadata.provider.plex.tv",
    "sync.every": timedelta(hours=1),
    "sync.read_all_every": timedelta(days=1),
    "sync.at": "",
    "sync.quiet": "",
    "sync.features": ("history", "ratings", "watchlist"),
}
A_SERVER = '[[servers]]\nname = "home"\nkind = "jellyfin"\nurl = "http://jellyfin:8096"\n'
PROMISED_SERVER = {
    "name": "home",
    "kind": "jellyfin",
    "url": "http://jellyfin:8096",
    "token": Secret(""),
    "hook_token": Secret(""),
    "admin": True,
    "writes_per_second": 20.0,
}


class Desk:
    """A data folder and an environment to try settings with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chosen: dict[str, str] = {}

    def load(self, toml: str = "", /, **environ: str) -> Settings:
        if toml:
            (self.folder / FILE).write_text(toml, "utf-8")
        return load(environ, self.folder, self.chosen)

    def problems(self, toml: str = "", /, **environ: str) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            self.load(toml, **environ)
        assert caught.value.exit_code == 2
        assert caught.value.next_step
        return caught.value.problems


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def value_of(settings: Settings, full: str) -> Any:
    section, _, key = full.partition(".")
    return getattr(getattr(settings, section), key)


def test_every_promised_key_has_its_promised_default_and_there_are_no_others(desk: Desk) -> None:
    settings = desk.load()
    there = {
        f"{section}.{key}": getattr(getattr(settings, section), key)
        for section, kind in SECTIONS.items()
        for key in kind.__struct_fields__
    }
    assert there == PROMISED
    assert settings.servers == ()


def test_a_server_has_its_promised_keys_and_defaults(desk: Desk) -> None:
    (server,) = desk.load(A_SERVER).servers
    assert {key: getattr(server, key) for key in server.__struct_fields__} == PROMISED_SERVER


def test_a_plex_server_is_written_to_more_gently(desk: Desk) -> None:
    (server,) = desk.load(A_SERVER.replace("jellyfin", "plex", 1)).servers
    assert server.writes_per_second == 4.0


def test_nothing_is_written_by_reading(desk: Desk) -> None:
    desk.load(SIDETRAKT_WEB__PORT="9000")
    assert list(desk.folder.iterdir()) == []


OTHER = {
    "web.host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104
    "web.port": ("9000", 9000),
    "web.public_url": ("https://tv.example/side", "https://tv.example/side"),
    "log.level": ("debug", "debug"),
    "log.format": ("json", "json"),
    "log.file": ("/var/log/s.log", "/var/log/s.log"),
    "log.keep": ("9", 9),
    "trakt.client_id": ("me", "me"),
    "trakt.client_secret": (CANARY, Secret(CANARY)),
    "trakt.api_url": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    "trakt.auth_url": ("http://127.0.0.1:2/auth", "http://127.0.0.1:2/auth"),
    "trakt.timeout": ("2.5", 2.5),
    "trakt.bulk_timeout": ("30", 30.0),
    "trakt.max_retries": ("1", 1),
    "trakt.get_per_second": ("0", 0.0),
    "trakt.write_per_second": ("0.5", 0.5),
    "trakt.history_number_fallback": ("yes", True),
    "trakt.history_collection": ("on", True),
    "trakt.history_collection_types": ("movies, episodes", ("movies", "episodes")),
    "plex.account_url": ("http://a", "http://a"),
    "plex.discover_url": ("http://b", "http://b"),
    "plex.metadata_url": ("http://c", "http://c"),
    "sync.every": ("15m", timedelta(minutes=15)),
    "sync.read_all_every": ("2d", timedelta(days=2)),
    "sync.at": ("03:30", "03:30"),
    "sync.quiet": ("23:00-07:00", "23:00-07:00"),
    "sync.features": ("ratings", ("ratings",)),
}


def variable_of(full: str) -> str:
    return "SIDETRAKT_" + full.upper().replace(".", "__")


@pytest.mark.parametrize("full", PROMISED)
def test_every_key_can_come_from_the_environment(desk: Desk, full: str) -> None:
    text, value = OTHER[full]
    assert value != PROMISED[full]
    settings = desk.load(**{variable_of(full): text})
    assert value_of(settings, full) == value
    assert settings.origins == {full: f"environment {variable_of(full)}"}


def test_every_key_can_come_from_the_file_as_the_manual_writes_it(desk: Desk) -> None:
    settings = desk.load(
        """
        [web]
        host = "0.0.0.0"
        port = 9000
        public_url = "https://tv.example/side"
        [log]
        level = "debug"
        format = "json"
        file = "/var/log/s.log"
        keep = 9
        [trakt]
        client_id = "me"
        client_secret = "canary-3f9a77c1e5"
        api_url = "http://127.0.0.1:1"
        auth_url = "http://127.0.0.1:2/auth"
        timeout = 2.5
        bulk_timeout = 30
        max_retries = 1
        get_per_second = 0
        write_per_second = 0.5
        history_number_fallback = true
        history_collection = true
        history_collection_types = ["movies", "episodes"]
        [plex]
        account_url = "http://a"
        discover_url = "http://b"
        metadata_url = "http://c"
        [sync]
        every = "15m"
        read_all_every = "2d"
        at = "03:30"
        quiet = "23:00-07:00"
        features = ["ratings"]
        """
    )
    assert {full: value_of(settings, full) for full in PROMISED} == {full: value for full, (_, value) in OTHER.items()}
    assert set(settings.origins.values()) == {"file sidetrakt.toml"}
    assert set(settings.origins) == set(PROMISED)


def test_environment_wins_over_file_over_choice_over_default(desk: Desk) -> None:
    desk.chosen = {"web.port": "1003", "log.keep": "3", "sync.every": "3h"}
    file = "[web]\nport = 1002\n[log]\nkeep = 2\n"
    settings = desk.load(file, SIDETRAKT_WEB__PORT="1001")
    assert (settings.web.port, settings.log.keep, settings.sync.every) == (1001, 2, timedelta(hours=3))
    assert settings.trakt.timeout == 15.0
    assert settings.origins == {
        "web.port": "environment SIDETRAKT_WEB__PORT",
        "log.keep": "file sidetrakt.toml",
        "sync.every": "chosen in the web page",
    }


def test_the_dump_names_the_origin_of_each_value_as_people_write_it(desk: Desk) -> None:
    rows = {key: (value, origin) for key, value, origin in desk.load(A_SERVER, SIDETRAKT_SYNC__EVERY="90m").dump()}
    assert set(rows) == set(PROMISED) | {f"servers.home.{key}" for key in PROMISED_SERVER}
    assert rows["sync.every"] == ("90m", "environment SIDETRAKT_SYNC__EVERY")
    assert rows["sync.features"] == ("history, ratings, watchlist", "default")
    assert rows["trakt.history_collection"] == ("false", "default")
    assert rows["servers.home.url"] == ("http://jellyfin:8096", "file sidetrakt.toml")
    assert rows["servers.home.token"] == ("(empty)", "default")


def test_a_wrong_choice_of_the_web_page_says_so(desk: Desk) -> None:
    desk.chosen = {"web.port": "no"}
    assert desk.problems() == ["chosen in the web page: web.port: expected a whole number from 1 to 65535, not 'no'"]


# Mistakes


def test_all_problems_come_at_once_and_with_near_misses(desk: Desk) -> None:
    file = (
        '[web]\nprot = 1\nport = 0\n[wbe]\nx = 1\n[log]\nlevel = "inf"\n[sync]\nfeatures = ["rating"]\nevery = "1s"\n'
    )
    assert desk.problems(file, SIDETRAKT_WEB__HOTS="x", SIDETRAKT_LOG__KEEP="many", OTHER="ignored") == [
        "sidetrakt.toml: unknown section [wbe], did you mean “web”?",
        "sidetrakt.toml: unknown key web.prot, did you mean “port”?",
        "file sidetrakt.toml: web.port: expected a whole number from 1 to 65535, not 0",
        "file sidetrakt.toml: log.level: expected debug, info, warning or error, not 'inf', did you mean “info”?",
        "environment SIDETRAKT_LOG__KEEP: log.keep: expected a whole number from 1 to 100, not 'many'",
        "file sidetrakt.toml: sync.every: must be at least 1m",
        f"file sidetrakt.toml: sync.features: expected {FEATURES}, not 'rating', did you mean “ratings”?",
        "environment: unknown name SIDETRAKT_WEB__HOTS, did you mean “SIDETRAKT_WEB__HOST”?",
    ]


def test_the_whole_message_has_a_line_for_each_problem_and_one_for_what_to_do(desk: Desk) -> None:
    with pytest.raises(SettingsError) as caught:
        desk.load("[web]\nport = 0\nhost = 1\n")
    first, *middle, last = str(caught.value).splitlines()
    assert first == "2 problems in the settings:"
    assert len(middle) == 2
    assert "docs/settings.md" in last


@pytest.mark.parametrize(
    ("full", "toml"),
    [
        ("web.port", "'x'"),
        ("web.port", "true"),
        ("web.port", "1.5"),
        ("web.port", "65536"),
        ("web.port", "[1]"),
        ("web.host", "''"),
        ("web.host", "'a b'"),
        ("web.host", "7"),
        ("web.public_url", "'tv.example'"),
        ("log.level", "'DEBUG '"),
        ("log.format", "'xml'"),
        ("log.keep", "0"),
        ("log.file", "3"),
        ("trakt.client_id", "3"),
        ("trakt.api_url", "''"),
        ("trakt.api_url", "'ftp://x'"),
        ("trakt.api_url", "'http://'"),
        ("trakt.api_url", "'https://x/?a=b'"),
        ("trakt.timeout", "0"),
        ("trakt.timeout", "-1"),
        ("trakt.timeout", "inf"),
        ("trakt.timeout", "nan"),
        ("trakt.timeout", "true"),
        ("trakt.max_retries", "4"),
        ("trakt.max_retries", "0"),
        ("trakt.get_per_second", "-0.1"),
        ("trakt.get_per_second", "nan"),
        ("trakt.history_collection", "1"),
        ("trakt.history_collection", "'maybe'"),
        ("trakt.history_collection_types", "['shows']"),
        ("trakt.history_collection_types", "7"),
        ("trakt.history_collection_types", "[7]"),
        ("sync.every", "3600"),
        ("sync.every", "'1w'"),
        ("sync.every", "'59s'"),
        ("sync.every", "''"),
        ("sync.every", "'999999d'"),
        ("sync.at", "'24:00'"),
        ("sync.at", "'3:30'"),
        ("sync.quiet", "'23:00'"),
        ("sync.features", "'history plays'"),
    ],
)
def test_a_wrong_value_is_one_problem_under_its_name(desk: Desk, full: str, toml: str) -> None:
    section, _, key = full.partition(".")
    (problem,) = desk.problems(f"[{section}]\n{key} = {toml}\n")
    assert problem.startswith(f"file sidetrakt.toml: {full}: ")


@pytest.mark.parametrize("text", ["", " ", "x", "nan", "1,5"])
def test_a_wrong_number_in_the_environment_is_refused_too(desk: Desk, text: str) -> None:
    assert len(desk.problems(SIDETRAKT_TRAKT__TIMEOUT=text)) == 1


def test_a_section_that_is_no_section_is_explained(desk: Desk) -> None:
    assert desk.problems("web = 1\n") == ["sidetrakt.toml: web must be a section [web]"]
    assert desk.problems("[[web]]\nport = 1\n") == ["sidetrakt.toml: web must be a section [web]"]
    assert desk.problems("[servers]\nname = 'home'\n") == ["sidetrakt.toml: servers must be written as [[servers]]"]
    assert desk.problems("servers = [1]\n") == ["sidetrakt.toml: servers must be written as [[servers]]"]


def test_broken_toml_is_explained_with_its_line(desk: Desk) -> None:
    (problem,) = desk.problems("[web]\nport =\n")
    assert problem.startswith("sidetrakt.toml is not valid TOML: ")
    assert "line 2" in problem


@pytest.mark.parametrize("spoil", [lambda path: path.mkdir(), lambda path: path.write_bytes(b"[web]\n# \xff\n")])
def test_a_file_that_cannot_be_read_is_named(desk: Desk, spoil: Any) -> None:
    spoil(desk.folder / FILE)
    assert desk.problems() == [f"{desk.folder / FILE} cannot be read"]


def test_names_that_others_read_and_foreign_names_are_no_problem(desk: Desk) -> None:
    desk.load(SIDETRAKT_HOME="/x", SIDETRAKT_KEY="k", SIDETRAKT_KEY_FILE="/k", SIDETRAKTOR="1", PATH="/bin")


# Servers


def test_a_server_can_be_described_by_the_environment_alone(desk: Desk) -> None:
    settings = desk.load(
        SIDETRAKT_SERVERS__LIVING_ROOM__KIND="plex",
        SIDETRAKT_SERVERS__LIVING_ROOM__URL="http://plex:32400",
        SIDETRAKT_SERVERS__LIVING_ROOM__TOKEN=CANARY,
        SIDETRAKT_SERVERS__LIVING_ROOM__ADMIN="off",
    )
    (server,) = settings.servers
    assert (server.name, server.kind, server.url) == ("living_room", "plex", "http://plex:32400")
    assert server.token == Secret(CANARY)
    assert not server.admin
    assert settings.origins["servers.living_room.name"] == "environment"
    token = "SIDETRAKT_SERVERS__LIVING_ROOM__TOKEN"
    assert settings.origins["servers.living_room.token"] == f"environment {token}"


def test_the_environment_adds_to_a_server_of_the_file(desk: Desk) -> None:
    file = A_SERVER.replace('"home"', '"Living-Room"')
    settings = desk.load(
        file, SIDETRAKT_SERVERS__LIVING_ROOM__TOKEN=CANARY, SIDETRAKT_SERVERS__LIVING_ROOM__URL="http://b"
    )
    (server,) = settings.servers
    assert (server.name, server.url, server.token) == ("Living-Room", "http://b", Secret(CANARY))


def test_file_and_environment_can_each_bring_servers(desk: Desk) -> None:
    environ = {"SIDETRAKT_SERVERS__ATTIC__KIND": "plex", "SIDETRAKT_SERVERS__ATTIC__URL": "http://p"}
    assert [server.name for server in desk.load(A_SERVER, **environ).servers] == ["home", "attic"]


def test_a_server_without_what_it_needs_is_told_what_is_missing(desk: Desk) -> None:
    assert desk.problems("[[servers]]\n") == [
        "sidetrakt.toml: servers.number 1.name is missing",
        "sidetrakt.toml: servers.number 1.kind is missing",
        "sidetrakt.toml: servers.number 1.url is missing",
    ]
    assert desk.problems("[[servers]]\nname = 'home'\nkind = 'emby'\nur = 'http://x'\n") == [
        "sidetrakt.toml: unknown key servers.home.ur, did you mean “url”?",
        "file sidetrakt.toml: servers.home.kind: expected jellyfin or plex, not 'emby'",
        "sidetrakt.toml: servers.home.url is missing",
    ]


def test_two_servers_of_one_name_are_refused(desk: Desk) -> None:
    assert desk.problems(A_SERVER + A_SERVER.replace("home", "Home")) == [
        "sidetrakt.toml: two of [[servers]] are named 'home'"
    ]


@pytest.mark.parametrize("name", ["a b", "-x", "a/b", "ä", 7])
def test_a_server_needs_a_name_that_fits_into_an_address(desk: Desk, name: object) -> None:
    assert len(desk.problems(A_SERVER.replace('"home"', repr(name)))) == 1


def test_a_token_for_a_server_that_is_not_there_is_unknown(desk: Desk) -> None:
    assert desk.problems(A_SERVER, SIDETRAKT_SERVERS__HOM__TOKEN=CANARY) == [
        "environment: unknown name SIDETRAKT_SERVERS__HOM__TOKEN, did you mean “SIDETRAKT_SERVERS__HOME__TOKEN”?"
    ]


# Secrets


def test_a_secret_can_come_from_a_file_named_in_the_environment(desk: Desk) -> None:
    (desk.folder / "secret").write_text(f"  {CANARY}\n")
    settings = desk.load(
        A_SERVER,
        SIDETRAKT_TRAKT__CLIENT_SECRET_FILE=str(desk.folder / "secret"),
        SIDETRAKT_SERVERS__HOME__HOOK_TOKEN_FILE=str(desk.folder / "secret"),
    )
    assert settings.trakt.client_secret == settings.servers[0].hook_token == Secret(CANARY)
    assert settings.origins["trakt.client_secret"] == "environment SIDETRAKT_TRAKT__CLIENT_SECRET_FILE"


def test_only_secrets_can_be_named_by_file(desk: Desk) -> None:
    (problem,) = desk.problems(SIDETRAKT_WEB__PORT_FILE="/etc/port")
    assert problem.startswith("environment: unknown name SIDETRAKT_WEB__PORT_FILE")


def test_a_secret_given_twice_is_refused(desk: Desk) -> None:
    (desk.folder / "secret").write_text(CANARY)
    environ = {"SIDETRAKT_TRAKT__CLIENT_SECRET": CANARY}
    assert desk.problems(SIDETRAKT_TRAKT__CLIENT_SECRET_FILE=str(desk.folder / "secret"), **environ) == [
        "environment: SIDETRAKT_TRAKT__CLIENT_SECRET and SIDETRAKT_TRAKT__CLIENT_SECRET_FILE are both set; keep one"
    ]


def test_every_secret_is_known_for_the_redaction_of_logs(desk: Desk) -> None:
    file = f"[trakt]\nclient_secret = 'one-{CANARY}'\n{A_SERVER}token = 'two-{CANARY}'\nhook_token = 'three-{CANARY}'\n"
    known = [secret.reveal() for secret in desk.load(file).secrets()]
    assert known == [f"one-{CANARY}", f"two-{CANARY}", f"three-{CANARY}"]
    assert desk.load(A_SERVER).secrets() == []


@pytest.mark.parametrize(
    ("toml", "environ"),
    [
        (f"[trakt]\nclient_secret = ['{CANARY}']\n", {}),
        (f"[trakt]\nclient_secret = {{ {CANARY} = 1 }}\n", {}),
        (f"[trakt]\nclient_secret = '{CANARY}ä'\n", {}),
        (f"[trakt]\nclient_secret = '{CANARY}\n", {}),
        (f"{A_SERVER}token = ['{CANARY}']\n", {}),
        (f"{A_SERVER}token = '{CANARY}\n", {}),
        ("", {"SIDETRAKT_TRAKT__CLIENT_SECRET_FILE": CANARY}),  # the secret itself instead of a file
        ("", {"SIDETRAKT_TRAKT__CLIENT_SECRET": CANARY, "SIDETRAKT_TRAKT__CLIENT_SECRET_FILE": "/dev/null"}),
        ("", {"SIDETRAKT_TRAKT__CLIENT_SECRETS": CANARY}),
        (f"[plex]\naccount_url = 'https://anna:{CANARY}@plex.tv'\n", {}),
        (f"[plex]\naccount_url = 'https://plex.tv/?X-Plex-Token={CANARY}'\n", {}),
        (A_SERVER.replace("8096", f"8096/?api_key={CANARY}"), {}),
    ],
)
def test_no_problem_ever_shows_a_secret(desk: Desk, toml: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        desk.load(toml, **environ)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value.problems)


def test_neither_dump_nor_repr_shows_a_secret(desk: Desk) -> None:
    file = f"[trakt]\nclient_secret = '{CANARY}'\n{A_SERVER}token = '{CANARY}'\nhook_token = '{CANARY}'\n"
    settings = desk.load(file)
    rows = {key: value for key, value, _ in settings.dump()}
    assert rows["trakt.client_secret"] == rows["servers.home.token"] == rows["servers.home.hook_token"] == "(set)"
    for text in (repr(settings.dump()), repr(settings), str(settings), f"{settings.servers}", repr(settings.secrets())):
        assert CANARY not in text


# The data folder


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {"HOME": "/home/anna"}, "/home/anna/.local/share/sidetrakt"),
        ("linux", {"HOME": "/home/anna", "XDG_DATA_HOME": "/xdg"}, "/xdg/sidetrakt"),
        ("linux", {"HOME": "/home/anna", "SIDETRAKT_HOME": "/data"}, "/data"),
        ("linux", {"HOME": "/home/anna", "SIDETRAKT_HOME": " "}, "/home/anna/.local/share/sidetrakt"),
        ("darwin", {"HOME": "/Users/anna"}, "/Users/anna/Library/Application Support/Sidetrakt"),
        ("darwin", {"HOME": "/Users/anna", "SIDETRAKT_HOME": "/data"}, "/data"),
    ],
)
def test_the_data_folder_is_where_the_platform_keeps_such_things(
    monkeypatch: pytest.MonkeyPatch, platform: str, environ: dict[str, str], folder: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert home(environ) == Path(folder)


def test_the_data_folder_is_always_a_whole_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/anna")
    assert home({"SIDETRAKT_HOME": "data"}) == tmp_path / "data"
    assert home({"SIDETRAKT_HOME": "~/side"}) == Path("/home/anna/side")
    assert home({}) == Path("/home/anna/.local/share/sidetrakt")
