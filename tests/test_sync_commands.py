"""The commands of sync on the command line, in this process, with a sync that does what the test says."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sidecar.cli import say
from sidecar.errors import Outage
from sidecar.model import Direction, Feature, Ids, Kind, Ref
from sidecar.store.baseline import Agreed, Baseline, Seen
from sidecar.store.db import open_store
from sidecar.store.folder import prepare
from sidecar.store.items import Item, Items
from sidecar.store.matches import Matches, Word
from sidecar.store.people import People
from sidecar.store.runs import Change, Run
from sidecar.store.servers import KnownServer, KnownServers
from sidecar.store.titles import Titles
from sidecar.sync.request import Remark, Request, Result
from tests.fakes import START
from tests.shell import Call, shell
from tests.sync.fake import PART, FakeSync

HOME = KnownServer("machine-1", "home", "jellyfin")
HEAT = Ref(Kind.MOVIE, Ids(trakt=1, imdb="tt0113277", tmdb=949), name="Heat", year=1995)


@pytest.fixture
def sync(monkeypatch: pytest.MonkeyPatch) -> FakeSync:
    made = FakeSync()
    monkeypatch.setattr("sidecar.app.SyncService.of", lambda *_, **__: made)
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A household of two: Anna with an account on a server that is not in the settings any more, and Ben."""
    monkeypatch.setenv("SIDETRAKT_HOME", str(tmp_path / "data"))
    prepare(tmp_path / "data")
    store = open_store(tmp_path / "data")
    with store.write() as db:
        people = People(db)
        KnownServers(db).met(HOME, START)
        KnownServers(db).keep_libraries(HOME.id, {"f": "Films"})
        anna, ben = people.meet(HOME, "u1", "Anna", START), people.add("Ben", START)
        for person, uuid in ((people.person(anna.person), "uuid-anna"), (ben, "uuid-ben")):
            people.put_trakt(uuid, person.name.lower(), {}, START)
            people.link(person, uuid, START)
        people.add("Carla", START)
    store.close()
    return tmp_path / "data"


@pytest.fixture
def call(folder: Path, sync: FakeSync, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    return shell(capsys, monkeypatch)


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Somebody sits at a terminal and types this."""

    def type_in(text: str) -> None:
        monkeypatch.setattr(say, "is_terminal", lambda: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(text + "\n"))

    return type_in


# sync


def test_everybody_who_is_linked_is_synced_and_progress_goes_to_the_error_stream(call: Call, sync: FakeSync) -> None:
    said = call("sync")
    assert [name for name, _ in sync.asked] == ["Anna", "Ben"]
    assert said.code == 0
    assert "Anna: Nothing had to be written. (2 requests, under a minute, run 7)" in said.out
    assert said.err.splitlines()[0] == "Anna: writes to Trakt … 1 of 4"
    assert "writes" not in said.out


def test_every_option_reaches_the_run(call: Call, sync: FakeSync) -> None:
    call("sync", "anna", "--only", "history, Ratings", "--direction", "from-trakt", "--library", "Films",
         "--title", "Heat", "--full")  # fmt: skip
    assert sync.asked == [
        ("Anna", Request(
            features=(Feature.HISTORY, Feature.RATINGS), direction=Direction.FROM_TRAKT, library="Films", title="Heat",
            full=True,
        )),
    ]  # fmt: skip
    near = call("sync", "anna", "--only", "rating")
    assert (near.code, "did you mean “ratings”" in near.err) == (2, True)
    assert call("sync", "Dora").code == 2


def test_a_preview_shows_groups_with_reasons_requests_and_minutes(call: Call, sync: FakeSync) -> None:
    said = call("sync", "Anna", "--preview")
    assert sync.asked[0][1].preview
    assert said.out.splitlines() == [
        "Anna: This would be done; nothing is written now.",
        "  Trakt, history",
        "    add 12 titles: anna@home said so. – Heat (1995), Dark S01E02 and 10 more",
        "  anna@den, ratings",
        "    remove 1 title: Trakt said so. – Up (2009)",
        "  It takes 2 requests, about 2 minutes.",
    ]
    (shown,) = call("sync", "Anna", "--preview", "--json").json
    assert (shown["state"], shown["planned"][0]["count"], shown["first"]) == ("preview", 12, False)


def test_a_newly_linked_person_is_shown_a_preview_and_asked(
    call: Call, sync: FakeSync, types: Callable[[str], None]
) -> None:
    for answer, then in (("later", None), ("only new", "only new"), ("start", Request(title="Heat"))):
        sync.newcomers, sync.asked = {"Anna"}, []
        types(answer)
        said = call("sync", "Anna", "--title", "Heat")
        assert sync.asked[0] == ("Anna", Request(title="Heat", preview=True))
        assert sync.asked[1:] == ([("Anna", then)] if then else [])
        assert "Type “start”" in said.out + said.err
        assert said.code == 0
    assert "What all sides hold now is agreed" not in said.out
    types("")
    assert call("sync", "Anna").code == 0
    assert len(sync.asked) == 3, "who has answered is not asked again"


def test_in_a_pipe_asking_for_a_run_is_the_answer_and_a_preview_says_so(call: Call, sync: FakeSync) -> None:
    sync.newcomers = {"Anna"}
    said = call("sync", "Anna", "--preview")
    assert "`sidetrakt sync “Anna”` does this" in said.out
    assert sync.newcomers == {"Anna"}
    call("sync", "Anna")
    assert sync.asked[-1] == ("Anna", Request())
    assert sync.newcomers == set()


def test_what_went_wrong_decides_the_exit_code_and_is_said(call: Call, sync: FakeSync) -> None:
    done = Result(run=4, person="Anna", kind="sync", state="done", counts={"Trakt": {"added": 3, "refused": 1}})
    held = replace(done, held=(PART,))
    stale = replace(done, state="partial", stale={"anna@den": "The library is being scanned."})
    failed = replace(done, state="failed", problem="Trakt is not answering.", next_step="It is tried again.")
    for answer, code, words in (
        (done, 0, "  Trakt: 3 added, 1 refused"),
        (held, 7, "sidetrakt held 3"),
        (stale, 1, "anna@den: The library is being scanned."),
        (replace(stale, held=(PART,)), 1, "Held: We wanted"),
        (failed, 1, "Anna: Trakt is not answering."),
    ):
        sync.answers["Anna"] = answer
        said = call("sync", "Anna")
        assert (said.code, words in said.out) == (code, True), said
    sync.answers["Anna"] = replace(done, stale={"Ben@attic": "It is not set up."})
    assert call("sync", "Anna").code == 0, "what is not set up is no trouble"


def test_an_error_of_the_run_ends_the_command_in_a_sentence(call: Call, sync: FakeSync) -> None:
    sync.answers["Anna"] = Outage("Trakt", "Trakt is not answering.", "Try later.")
    said = call("sync", "Anna")
    assert (said.code, said.err.splitlines()[-2:]) == (1, ["✗ Trakt is not answering.", "  → Try later."])


def test_remarks_are_words(call: Call, sync: FakeSync) -> None:
    remark = Remark(kind="conflict", why="The newest time won.", count=3, first=("Heat (1995)",))
    sync.answers["Anna"] = Result(run=4, person="Anna", kind="full", state="done", remarks=(remark,))
    said = call("sync", "Anna").out
    assert "3 titles both sides changed: The newest time won. – Heat (1995) and 2 more" in said


# runs and undo


def test_runs_are_listed_and_one_is_shown_with_reasons(call: Call, sync: FakeSync, folder: Path) -> None:
    assert "There was no run yet" in call("runs").out
    store = open_store(folder)
    with store.write() as db:
        heat, _ = Titles(db).learn(HEAT)
        side = Baseline(db).side("jellyfin:machine-1:u1")
        anna = People(db).get("Anna").id
    store.close()
    summary = {"counts": {"Trakt": {"added": 2, "refused": 0}}}
    sync.past = [Run(12, anna, "full", "schedule", "done", START, START, summary)]
    change = Change(1, side, Feature.HISTORY, heat, "add", True, None, "Trakt said so.", {}, "refused", "no such item")
    sync.journal = {12: [change], 13: []}
    assert call("runs").out.splitlines()[1].split() == [
        "12", "Anna", "full", "sync", "schedule", "2026-01-31", "20:15", "done", "Trakt:", "2", "added",
    ]  # fmt: skip
    shown = call("runs", "12").out.splitlines()[1]
    assert shown.split("  ")[0] == "Anna@home"
    for words in ("history", "Heat (1995)", "refused: no such item", "Trakt said so."):
        assert words in shown
    assert call("runs", "12", "--json").json["changes"][0]["title"] == "Heat (1995)"
    assert "Run 13 changed nothing." in call("runs", "13").out
    assert call("runs", "99").code == 2


def test_a_run_is_taken_back_or_only_shown(call: Call, sync: FakeSync) -> None:
    sync.journal = {12: []}
    assert "Trakt: 2 removed" in call("undo", "12").out
    call("undo", "12", "--preview", "--json")
    assert [what for _, what in sync.asked] == [(12, False), (12, True)]
    assert call("undo", "99").code == 2


# held


def test_while_something_is_held_the_command_says_7(call: Call, sync: FakeSync) -> None:
    assert call("held").code == 0
    sync.parts = [PART]
    listed = call("held")
    assert (listed.code, "We wanted to remove 214 of 300 titles." in listed.out) == (7, True)
    one = call("held", "3")
    assert (one.code, one.out.splitlines()[:2]) == (7, ["Heat (1995)", "Dark S01E02"])
    assert call("held", "--json").json[0]["titles"] == ["Heat (1995)", "Dark S01E02"]
    assert call("held", "4").code == 2
    sync.parts = [replace(PART, decision="keep")]
    assert call("held").code == 0


@pytest.mark.parametrize("decision", ["apply", "keep"])
def test_a_decision_is_carried_out_by_a_run_at_once(call: Call, sync: FakeSync, decision: str) -> None:
    sync.parts = [PART]
    said = call("held", "3", f"--{decision}")
    assert sync.asked == [("decide", (3, decision == "apply")), ("Anna", Request(features=(Feature.HISTORY,)))]
    assert (said.code, "2 titles" in said.out) == (0, True)
    assert call("held", "3", f"--{decision}").code == 2


def test_a_decision_needs_to_be_one_and_about_something(call: Call, sync: FakeSync) -> None:
    sync.parts = [PART]
    assert call("held", "--apply").code == 2
    assert call("held", "3", "--apply", "--keep").code == 2
    assert sync.parts == [PART]


# unmatched, match, ignore


def put_items(folder: Path, *items: Item) -> dict[str, int]:
    """Store items; gives their numbers by name."""
    store = open_store(folder)
    with store.write() as db:
        Items(db).put(items, START)
        found = {one.name: one.id for one in Items(db).of_server(HOME.id)}
    store.close()
    return found


def words(folder: Path) -> dict[str, Word]:
    """What persons said, by the item's id on its server."""
    store = open_store(folder)
    with store.read() as db:
        found = Matches(db).words(Items(db).of_server(HOME.id))
    store.close()
    return found


LOST = Item(HOME.id, "i1", "f", "", "Home video", "It has no id that Trakt knows.")
SHOW = Item(HOME.id, "s1", "f", "show tvdb=5", "Bleach")
PART_OF = Item(HOME.id, "e1", "f", "episode show.tvdb=5 s1 e13", "Bleach", show="s1", season=1, number=13)


def test_conflicts_and_other_numbering_are_listed_with_numbers_to_answer_by(call: Call, folder: Path) -> None:
    numbers = put_items(folder, LOST, SHOW, replace_item(PART_OF, name="Bleach 13"))
    store = open_store(folder)
    with store.write() as db:
        (episode,) = [one for one in Items(db).of_server(HOME.id) if one.remote == "e1"]
        Matches(db).put(episode, (), "The numbering seems to differ.", START)
    store.close()
    rows = {row["name"]: row for row in call("unmatched", "--json").json}
    assert rows["Home video"] == {
        "item": numbers["Home video"], "server": "home", "library": "Films", "name": "Home video",
        "reason": "It has no id that Trakt knows.", "show": None,
    }  # fmt: skip
    assert rows["Bleach 13"]["reason"] == "The numbering seems to differ."
    shown = call("unmatched").out
    assert f"The numbering seems to differ. (its show is item {numbers['Bleach']})" in shown
    assert "2 items could not be matched." in shown


def replace_item(item: Item, **said: Any) -> Item:
    """An item that is a little different."""
    return Item(**{name: getattr(item, name) for name in Item.__slots__} | said)


def test_an_ignored_item_waits_to_be_matched_again(call: Call, folder: Path) -> None:
    numbers = put_items(folder, LOST)
    assert "takes no part" in call("ignore", str(numbers["Home video"])).out
    assert words(folder) == {"i1": Word(ignored=True)}
    assert call("ignore", "999").code == 2


@pytest.mark.parametrize("text", ["Heat", "949", "tmdb:tt0113277", "imdb:949", "film:tmdb:949", "tmdb:"])
def test_an_id_that_says_too_little_is_refused_before_anybody_is_asked(call: Call, folder: Path, text: str) -> None:
    numbers = put_items(folder, LOST)
    said = call("match", str(numbers["Home video"]), text)
    assert (said.code, "tt0113277, tmdb:949" in said.err) == (2, True)


# inspect


def test_a_title_is_shown_as_every_side_has_it_and_what_comes_next(call: Call, folder: Path, sync: FakeSync) -> None:
    store = open_store(folder)
    with store.write() as db:
        heat, _ = Titles(db).learn(HEAT)
        baseline, anna = Baseline(db), People(db).get("Anna")
        side = baseline.side("jellyfin:machine-1:u1")
        baseline.put_agreed(anna.id, Feature.RATINGS, {heat: Agreed(8, START, side)})
        baseline.put_seen(side, Feature.RATINGS, {heat: Seen({"value": 8.0}, ("i1",), START)})
    store.close()
    found = call("inspect", "Anna", "tt0113277", "--json").json
    assert (found["title"], found["agreed"]["ratings"]["by"]) == ("Heat (1995)", "Anna@home")
    assert [group["side"] for group in found["next"]] == ["Trakt", "anna@den"]
    assert sync.asked[0][1] == Request(titles=(heat,), preview=True)
    said = call("inspect", "Anna", "heat (1995)").out
    assert "Agreed on ratings: 8, since 2026-01-31 20:15, because Anna@home said so" in said
    assert "The next sync will add history on Trakt: anna@home said so." in said
    assert call("inspect", "Anna", "Nothing").code == 2


def test_a_name_that_may_be_several_titles_is_asked_back(call: Call, folder: Path) -> None:
    store = open_store(folder)
    with store.write() as db:
        Titles(db).learn(HEAT)
        Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=2), name="Heat", year=1986))
        dark = Ids(trakt=9)
        for number in (1, 2):
            Titles(db).learn(Ref(Kind.EPISODE, Ids(trakt=10 + number), dark, 1, number, "Dark"))
    store.close()
    said = call("inspect", "Anna", "Heat")
    assert (said.code, "Heat (1986), Heat (1995)" in said.err) == (2, True)
    assert call("inspect", "Anna", "Heat (1986)").code == 0
    assert call("inspect", "Anna", "Dark").code == 2
    assert "Dark S01E02, Anna" in call("inspect", "Anna", "dark s01e02").out


# forget


def test_a_person_is_forgotten_with_everything_and_nobody_elses(call: Call, folder: Path, sync: FakeSync) -> None:
    sync.answers = {}
    said = call("forget", "Anna", "--yes")
    assert (said.code, "Anna is forgotten" in said.out, "met again" in said.out) == (0, True, True)
    store = open_store(folder)
    with store.read() as db:
        assert [person.name for person in People(db).all()] == ["Ben", "Carla"]
        assert [account.uuid for account in People(db).trakt_accounts()] == ["uuid-ben"]
        assert People(db).account("machine-1", "u1") is None
    store.close()
    assert call("forget", "Anna", "--yes").code == 2


def test_a_server_is_forgotten_when_it_has_left_the_settings(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_items(folder, LOST)
    with monkeypatch.context() as patched:
        patched.setenv("SIDETRAKT_SERVERS__HOME__KIND", "jellyfin")
        patched.setenv("SIDETRAKT_SERVERS__HOME__URL", "http://127.0.0.1:9")
        still = call("forget", "home", "--yes")
        assert (still.code, "still in the settings" in still.err) == (2, True)
    assert call("forget", "HOME", "--yes").code == 0
    store = open_store(folder)
    with store.read() as db:
        assert (KnownServers(db).all(), Items(db).any()) == ([], False)
        assert People(db).accounts(People(db).get("Anna")) == []
    store.close()


def test_nobody_is_forgotten_unasked(call: Call, folder: Path, types: Callable[[str], None]) -> None:
    types("n")
    assert call("forget", "Anna").code == 130
    store = open_store(folder)
    with store.read() as db:
        assert People(db).find("Anna") is not None
    store.close()
