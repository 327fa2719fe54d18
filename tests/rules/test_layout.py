"""What holds for the repository as a whole."""

import ast
import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.options import all_options
from sidecar.settings import SECTIONS, Server

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "sidecar").rglob("*.py"))
PLACES = [path for folder in ("sidecar", "tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_the_top_level_is_what_its_names_say() -> None:
    assert json.loads((ROOT / "manifest.json").read_text()) == []
    for folder in ("plugin", "sidecar", "tests", "bench", "docs"):
        assert any(path.is_file() for path in (ROOT / folder).iterdir()), folder
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["metadata"]["name"] == "sidetrakt"
    assert config["metadata"]["license"] == "GPL-3.0-or-later"
    assert "sidetrakt = sidecar.cli:main" in config["options.entry_points"]["console_scripts"]
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text()
    assert (ROOT / "README.md").read_text().startswith("# Sidetrakt")


def test_every_acceptance_row_has_its_tests() -> None:
    for line in (ROOT / "tests" / "rows.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        row, *tests = line.split()
        assert re.fullmatch(r"[ADT]-\d{2,3}", row), line
        assert tests, f"{row} names no test"
        for test in tests if tests[0] != "owed" else []:
            file, _, name = test.partition("::")
            assert (ROOT / file).is_file(), test
            if name:
                assert re.search(rf"def {re.escape(name)}\(", (ROOT / file).read_text()), test


def test_files_stay_short_enough_to_be_read() -> None:
    long = {
        str(path.relative_to(ROOT)): lines for path in MODULES if (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


def test_the_whole_stays_small() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in MODULES}
    household = sum(count for path, count in lines.items() if "demo" in path.relative_to(ROOT).parts)
    assert sum(lines.values()) - household < 26_000
    assert household < 9_250


def test_functions_stay_under_sixty_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert long == []


def test_every_module_says_what_lives_in_it() -> None:
    silent = [str(path.relative_to(ROOT)) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_everything_public_says_in_a_sentence_what_it_is() -> None:
    silent = []
    for path in MODULES:
        top = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        public = [node for node in top if not node.name.startswith("_")]
        inside = [each for node in public if isinstance(node, ast.ClassDef) for each in node.body]
        public += [node for node in inside if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
        silent += [f"{path.relative_to(ROOT)}:{node.name}" for node in public if not ast.get_docstring(node)]
    assert silent == []


def test_no_name_says_nothing() -> None:
    empty = re.compile(r"(class|def) \w*(Manager|Helper|Util|Utils|Base|Impl)\b")
    assert [str(path) for path in PLACES if empty.search(path.read_text())] == []


def test_no_test_sleeps() -> None:
    sleepers = [str(path) for path in (ROOT / "tests").rglob("*.py") if "time.sleep" + "(" in path.read_text()]
    assert sleepers == []


def test_the_lock_files_name_no_registry_and_pin_every_hash() -> None:
    for name in ("constraints.txt", "constraints-dev.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "index" not in text
        assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[A-Za-z0-9])", text.strip()))


def test_the_runtime_lock_is_part_of_the_whole_one() -> None:
    runtime, everything = (
        set(re.findall(r"^([A-Za-z0-9._-]+==[^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("constraints.txt", "constraints-dev.txt")
    )
    assert runtime < everything


def test_every_dependency_has_its_reason() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    wanted = [
        re.split(r"[<>=\[]", line)[0] for line in config["options"]["install_requires"].split("\n") if line.strip()
    ]
    reasons = (ROOT / "docs" / "architecture.md").read_text()
    assert [name for name in wanted if f"| {name} |" not in reasons] == []


def test_every_setting_and_option_stands_in_the_docs() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    keys = [f"{name}.{key}" for name, kind in SECTIONS.items() for key in kind.__struct_fields__]
    keys += [f"servers.{key}" for key in Server.__struct_fields__]
    assert [key for key in keys if f"`{key}`" not in text] == []
    assert [key for key in all_options() if f"`{key}`" not in text] == []


def test_every_word_for_the_outside_stands_in_the_docs() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    source = "".join(path.read_text() for path in MODULES if "demo" not in path.parts)
    names = {name for name in re.findall(r"\"(SIDETRAKT_[A-Z_]+)\"", source) if "__" not in name} - {"SIDETRAKT_"}
    assert [name for name in names if name not in text] == []
    metrics = set(re.findall(r"\"(sidetrakt_[a-z_]+)\"", (ROOT / "sidecar" / "metrics.py").read_text()))
    assert [name for name in metrics if name not in text] == []


def test_the_readme_names_every_command() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "sidecar", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("Commands:")[1]
    commands = [line.split()[0] for line in listed.splitlines() if line.strip()]
    assert [command for command in commands if f"sidetrakt {command}" not in (ROOT / "README.md").read_text()] == []


@pytest.mark.parametrize("word", ["make demo", "make test", "make check", "make bench"])
def test_the_readme_and_the_makefile_agree(word: str) -> None:
    assert word in (ROOT / "README.md").read_text()
    assert re.search(rf"^{word.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
