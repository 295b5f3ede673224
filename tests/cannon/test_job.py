"""A job, and how its ending is written down."""

from botcannon_core.cannon import job as jobs
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.job import Job
from botcannon_core.ledger.stream import Entry

ENTRY = Entry("5-0", {"text": "hi", "_from": "host:1:2", "_trace": "t"})


def test_botcannons_own_fields_are_no_part_of_the_message() -> None:
    job = Job.of(ENTRY, 1)
    assert (job.entry, job.id, job.asked_by) == ("5-0", "5-0", "host:1:2")
    assert job.fields == {"text": "hi"}
    assert (job.begun().tries, job.begun().not_begun().tries) == (2, 1)


def test_a_message_put_back_keeps_its_id() -> None:
    assert Job.of(Entry("9-0", {"text": "hi", "_id": "5-0"})).id == "5-0"


def test_results_win_over_the_message_and_botcannon_over_both() -> None:
    ended = Ended("done", {"text": "HI", "more": "1"})
    assert jobs.taskback(Job.of(ENTRY), ended) == {
        "text": "HI",
        "more": "1",
        "_id": "5-0",
        "_from": "host:1:2",
        "_outcome": "done",
    }


def test_an_answer_without_results_says_so() -> None:
    job = Job.of(ENTRY)
    assert jobs.taskback(job, Ended("done"))["_empty"] == "1"
    assert "_same" not in jobs.taskback(job, Ended("done"))
    skipped = jobs.taskback(job, Ended("skipped"))
    assert (skipped["_outcome"], skipped["_empty"]) == ("skipped", "1")


def test_every_other_ending_is_parked_with_its_error_and_without_its_trace() -> None:
    for how in ("failed", "parked", "again"):
        ended = Ended(how, error="why", error_id="abc", trace="secret stack")  # type: ignore[arg-type]
        answer = jobs.taskback(Job.of(ENTRY), ended)
        assert (answer["_outcome"], answer["_error"], answer["_error_id"]) == (
            "parked",
            "why",
            "abc",
        )
        assert "secret stack" not in str(answer)


def test_the_dead_hold_everything_that_is_known() -> None:
    cause = {"signal": "SIGKILL", "peak_memory": "5 MB"}
    ended = Ended("failed", {}, "why", "abc", "x" * 30_000 + "end", cause)
    dead = jobs.dead(Job.of(ENTRY, 2), ended, "here")
    assert dead["text"] == "hi"
    assert (dead["_tries"], dead["_host"], dead["_signal"]) == ("2", "here", "SIGKILL")
    assert dead["_trace"].endswith("end")
    assert len(dead["_trace"]) == jobs.LONGEST_TRACE
    assert float(dead["_time"]) > 0


def test_a_line_of_the_log_begins_with_what_to_look_for() -> None:
    line = jobs.log_line(
        Job.of(ENTRY), Ended("failed", error="why", error_id="abc", trace="a\nb\n")
    )
    assert line == "[abc] message 5-0 (text=hi): why\na\nb"


def test_a_result_that_says_what_was_said_is_told_by_its_name() -> None:
    assert (
        jobs.taskback(Job.of(ENTRY), Ended("done", {"text": "hi", "n": "1"}))["_same"] == '["text"]'
    )
