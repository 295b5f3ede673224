import pytest

from app.monitor import Monitor
from app.readings import Readings
from botcannon_core.chat.command import run
from tests.app.fake_ledger import FakeLedger

MEASURES = ["cpu", "memory", "load", "disk", "net"]


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def monitor(ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    """A monitor whose time is the ledger's."""

    class Timed(Readings):
        def __init__(self, of: FakeLedger, service: str) -> None:
            super().__init__(of, service, clock=lambda: of.time, sleep=of.sleep)

    monkeypatch.setattr("app.monitor.Readings", Timed)
    return Monitor(ledger)


def said(monitor: Monitor, words: str) -> str:
    """The reply to a line, as torch gives it."""
    return run(monitor, words).text


@pytest.mark.parametrize(
    ("measure", "answer"),
    [
        ("cpu", "cpu 25 % (of 2 cores: 10 %, 40 %)"),
        ("memory", "memory 50 % (8.0 GB of 16 GB used), swap 0 %"),
        ("load", "load 0.50 over the last minute, 0.25 over 5, 0.10 over 15 minutes"),
        ("disk", "disk reading 0 B/s, writing 2.0 KB/s"),
        ("net", "net receiving 3.0 MB/s, sending 512 B/s"),
    ],
)
def test_now_is_a_sentence(monitor: Monitor, ledger: FakeLedger, measure: str, answer: str) -> None:
    ledger.add(age=0.5)
    assert getattr(monitor, measure).now() == answer


def test_the_warmest_sensor_is_told_where_there_is_one(
    monitor: Monitor, ledger: FakeLedger
) -> None:
    ledger.add(age=0.5, temperatures='{"coretemp": 61.0, "nvme": 38.0}')
    assert monitor.cpu.now().endswith(", 61 °C")


@pytest.mark.parametrize("measure", MEASURES)
def test_the_past_is_words_and_a_chart(monitor: Monitor, ledger: FakeLedger, measure: str) -> None:
    for age in range(120, 0, -1):
        ledger.add(age=age)
    title, *drawn, axis, ends = getattr(monitor, measure).last("1m").splitlines()
    assert title.startswith(f"{measure} over 59 s: ")
    assert "█" in "".join(drawn)
    assert len(axis) <= 72
    assert ends.split() == ["59", "s", "earlier", "now"]


def test_least_most_and_mean_are_told(monitor: Monitor, ledger: FakeLedger) -> None:
    for age, cpu in [(3, "10.0"), (2, "20.0"), (1, "60.0")]:
        ledger.add(age=age, cpu=cpu)
    assert monitor.cpu.last().startswith("cpu over 2 s: 10 % to 60 %, 30 % on average\n60 % ┤")


def test_history_is_the_past_of_any_measure(monitor: Monitor, ledger: FakeLedger) -> None:
    for age in (3000, 2000, 1):
        ledger.add(age=age)
    assert monitor.history("net") == monitor.net.last("1h")
    assert monitor.history("net").startswith("net over 50 min: ")


def test_of_a_long_time_a_sample_is_enough(monitor: Monitor, ledger: FakeLedger) -> None:
    for age in range(20_000, 0, -5):
        ledger.add(age=age)
    assert monitor.net.last("6h").startswith("net over 5.5 h: ")
    assert len(monitor._readings.last(21_600)) == 1000


def test_old_readings_are_not_called_now(monitor: Monitor, ledger: FakeLedger) -> None:
    ledger.add(age=120)
    ledger.add(age=60)
    assert monitor.cpu.last("5m").splitlines()[-1].endswith("1 min ago")
    assert monitor.cpu.now() == (
        "The newest reading is of 1 min ago. "
        "To take some, start the sensors: ./botcannon up sensors"
    )


def test_without_readings_it_says_how_to_take_some(monitor: Monitor) -> None:
    answers = {said(monitor, "top"), monitor.history("cpu")}
    for measure in MEASURES:
        answers |= {getattr(monitor, measure).now(), getattr(monitor, measure).last("5m")}
    assert answers == {"No readings yet. To take some, start the sensors: ./botcannon up sensors"}


def test_sensors_that_are_just_starting_are_waited_for(
    monitor: Monitor, ledger: FakeLedger
) -> None:
    ledger.while_sleeping = lambda: ledger.add(age=0) if not ledger.messages else None
    assert monitor.memory.now().startswith("memory 50 %")


def test_a_first_reading_is_told_before_there_is_a_chart(
    monitor: Monitor, ledger: FakeLedger
) -> None:
    ledger.while_sleeping = lambda: ledger.add(age=0) if not ledger.messages else None
    assert monitor.cpu.last("5m") == (
        "cpu 25 % (of 2 cores: 10 %, 40 %); that is the only reading yet, so there is no chart"
    )


def test_a_wrong_span_is_answered_not_raised(monitor: Monitor) -> None:
    assert monitor.cpu.last("soon") == "'soon' is no span of time; try 90s, 5m, 2h or 1d."


def test_top_is_a_table(monitor: Monitor, ledger: FakeLedger) -> None:
    ledger.add(age=0.5)
    assert said(monitor, "top").splitlines() == [
        "pid  cpu   memory  name",
        " 42  90 %  50 MB   python",
    ]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("cpu", "cpu 25 %"),
        ("memory now", "memory 50 %"),
        ("cpu last 5m", "cpu over 2 s"),
        ("cpu last --span=5m", "cpu over 2 s"),
        ("history net 1h", "net over 2 s"),
        ("history cpu", "cpu over 2 s"),
        ("load", "load 0.50"),
        ("disk last 1m", "disk over 2 s"),
    ],
)
def test_the_words_of_a_chat_reach_it(
    monitor: Monitor, ledger: FakeLedger, words: str, answer: str
) -> None:
    for age in (3, 1):
        ledger.add(age=age)
    assert said(monitor, words).startswith(answer)


def test_help_names_the_commands_and_nothing_inner(monitor: Monitor) -> None:
    answer = said(monitor, "help")
    assert all(word in answer for word in [*MEASURES, "top", "history"])
    assert "readings" not in answer
    assert "last" in said(monitor, "help cpu")


def test_a_wrong_measure_is_answered_with_the_right_ones(monitor: Monitor) -> None:
    assert "net" in said(monitor, "history nte 1h")


def test_the_service_to_watch_can_be_another(ledger: FakeLedger) -> None:
    ledger.add(age=0)
    Readings(ledger, "other machine", clock=lambda: ledger.time).now()
    assert ledger.asked == {"other machine"}
