"""People, choices, baseline, alerts and secrets through random transactions that die at any statement.

A model in memory changes only when a transaction came back. What the files say afterwards must be the model: a
transaction is there whole or not at all, and Agreed never moves without Seen.
"""

from datetime import timedelta

from cryptography.fernet import Fernet
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlite_utils import Database

from sidecar.clock import SystemClock
from sidecar.model import Feature, Ids, Kind, Ref, Secret
from sidecar.store.alerts import Alerts
from sidecar.store.baseline import Agreed, Baseline, Seen
from sidecar.store.people import People
from sidecar.store.titles import Titles
from sidecar.store.vault import Vault
from tests.machines.crash import NOW, MortalStore

DEATHS = st.one_of(st.none(), st.integers(0, 10))
NAMES = st.sampled_from(["Anna", "Ben", "Zoë", "a b"])
VALUES = st.one_of(st.none(), st.integers(1, 10), st.booleans(), st.text(max_size=4))
KEYS = [Secret(Fernet.generate_key().decode()) for _ in range(3)]


class StoreMachine(RuleBasedStateMachine):
    """One household's memory."""

    def __init__(self) -> None:
        super().__init__()
        self.world = MortalStore()
        self.people: dict[str, dict[str, str]] = {}
        self.agreed: dict[int, object] = {}
        self.seen: dict[int, object] = {}
        self.alerts: dict[str, int] = {}
        self.secrets: dict[str, str] = {}
        self.key = KEYS[0]

    @initialize()
    def begin(self) -> None:
        with self.world.store.write() as db:
            self.anna = People(db).add("Somebody", NOW).id
            self.side = Baseline(db).side("trakt:uuid")
            self.titles = [Titles(db).learn(Ref(Kind.MOVIE, Ids(trakt=number)))[0] for number in range(1, 5)]

    def teardown(self) -> None:
        self.world.close()

    @rule(name=NAMES, value=st.sampled_from(["on", "off"]), death=DEATHS)
    def choose(self, name: str, value: str, death: int | None) -> None:
        """A person is met and something is chosen, in one transaction."""

        def step(db: Database) -> bool:
            people = People(db)
            people.set_option(people.find(name) or people.add(name, NOW), "scrobble", value, NOW)
            return True

        if self.world.write(step, death):
            self.people[name] = {"scrobble": value}

    @rule(which=st.sets(st.integers(0, 3), min_size=1), value=VALUES, death=DEATHS)
    def agree(self, which: set[int], value: object, death: int | None) -> None:
        """A side spoke: Agreed and Seen move together."""
        titles = [self.titles[number] for number in which]

        def step(db: Database) -> bool:
            baseline = Baseline(db)
            baseline.put_agreed(self.anna, Feature.RATINGS, {title: Agreed(value, NOW) for title in titles})
            baseline.put_seen(self.side, Feature.RATINGS, {title: Seen(value, ("i",)) for title in titles})
            return True

        if self.world.write(step, death):
            self.agreed |= dict.fromkeys(titles, value)
            self.seen |= dict.fromkeys(titles, value)

    @rule(key=st.sampled_from(["link", "disk"]), death=DEATHS)
    def alarm(self, key: str, death: int | None) -> None:
        """Something goes wrong, perhaps again."""
        if self.world.write(lambda db: (Alerts(db).open(key, "data", NOW, what="w", next_step="n"),), death):
            self.alerts[key] = self.alerts.get(key, 0) + 1

    @rule(key=st.sampled_from(["link", "disk"]), death=DEATHS)
    def calm(self, key: str, death: int | None) -> None:
        """It is mended."""
        if self.world.write(lambda db: (Alerts(db).close(key, NOW + timedelta(hours=1)),), death):
            self.alerts.pop(key, None)

    @rule(name=st.sampled_from(["trakt:ann", "account:1"]), value=st.text(min_size=1, max_size=9), death=DEATHS)
    def keep_secret(self, name: str, value: str, death: int | None) -> None:
        """A token arrives."""

        def step(db: Database) -> bool:
            Vault([self.key], SystemClock()).put(db, name, Secret(value))
            return True

        if self.world.write(step, death):
            self.secrets[name] = value

    @rule(new=st.sampled_from(KEYS), death=DEATHS)
    def rotate(self, new: Secret, death: int | None) -> None:
        """Everything is sealed with another key, or nothing is."""

        def step(db: Database) -> tuple[int]:
            return (Vault([new, self.key], SystemClock()).reseal(db),)

        if self.world.write(step, death):
            self.key = new

    @rule()
    def die(self) -> None:
        """Between two transactions."""
        self.world.die()

    @invariant()
    def the_files_say_what_was_acknowledged(self) -> None:
        if not hasattr(self, "anna"):
            return
        vault = Vault([self.key], SystemClock())
        with self.world.store.read() as db:
            people, baseline = People(db), Baseline(db)
            choices = {
                person.name: {key: value for key, (value, _) in people.options(person).items()}
                for person in people.all()
                if person.id != self.anna
            }
            assert choices == self.people
            agreed = baseline.agreed(self.anna, Feature.RATINGS)
            assert {title: row.value for title, row in agreed.items()} == self.agreed
            seen = baseline.seen(self.side, Feature.RATINGS)
            assert {title: row.value for title, row in seen.items()} == self.seen == self.agreed
            assert {alert.key: alert.count for alert in Alerts(db).open_ones()} == self.alerts
            opened = {name: found.reveal() for name in self.secrets if (found := vault.get(db, name))}
            assert opened == self.secrets


TestStore = StoreMachine.TestCase
