import signal
import subprocess
import sys

from tests.system.conftest import Sidetrakt


def test_the_tour_runs_to_its_end_leaves_nothing_running_and_never_meets_real_settings(sidetrakt: Sidetrakt) -> None:
    done = sidetrakt(
        "up", "--demo", "--once", SIDETRAKT_TRAKT__CLIENT_ID="mine", SIDETRAKT_SERVERS__HOME__URL="http://192.0.2.1"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    steps = tuple(f"{number}/15" for number in range(1, 16))
    seen = ("finishes", "the two servers counted 3 plays", "Anna is linked to anna", "her history: 3 titles")
    told = ("her 2 plays and ratings were there", "nothing of David", "`sidetrakt status` shows: play,")
    synced = ("held: 9 of 9 titles", "repeats none of it")
    for part in (*steps, *seen, *told, *synced, "Sidetrakt has ended"):
        assert part in done.stdout
    assert sidetrakt.names() == ["demo"]


def test_a_folder_that_no_demo_made_is_not_touched(sidetrakt: Sidetrakt) -> None:
    (sidetrakt.folder / "demo").mkdir(parents=True)
    (sidetrakt.folder / "demo" / "sidetrakt.db").write_text("somebody's real links")
    done = sidetrakt("up", "--demo", "--once")
    assert (done.returncode, "not made by a demo" in done.stderr) == (2, True)
    assert (sidetrakt.folder / "demo" / "sidetrakt.db").read_text() == "somebody's real links"


def test_a_demo_begins_anew_and_goes_on_until_it_is_ended(sidetrakt: Sidetrakt) -> None:
    former = sidetrakt.folder / "demo"
    former.mkdir(parents=True)
    (former / "this-is-a-demo").write_text("")
    (former / "sidetrakt.db").write_text("the demo before")
    with subprocess.Popen(
        [sys.executable, "-m", "sidecar", "up", "--demo"], env=sidetrakt.environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "People go on watching" in "".join(lines) and "finishes" in line:
                break
        assert "finishes" in lines[-1]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_the_household_alone_ends_with_its_input(sidetrakt: Sidetrakt) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sidecar", "household", "--titles", "200"],
        env=sidetrakt.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().startswith(b'{"wanted"')
        process.stdin.close()
        assert process.wait(20) == 0
