"""Which peers there are: what is installed, how workers are started, how the store shows what is left.

Each is run as its manual advises for many short jobs on two cores, two worker processes, logging no job.
Where a default would make a queue look slow it is helped: Celery's prefetch, arq's polling, how many
jobs streaq and arq take at once, uvloop for those that can use it. Where results are only stored when
asked for, they are, for the latency only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.steady import length, unacknowledged


@dataclass(frozen=True)
class Peer:
    """One peer. `worker` are the words of its command, `{url}` stands for the store's address."""

    name: str
    title: str
    packages: tuple[str, ...]
    job: str  # its file in jobs/, without .py
    worker: tuple[str, ...]
    left: Callable[[Any], int]
    jobs: int  # put into the queue: some seconds of work
    copies: int = 1  # how often `worker` is started
    has_results: bool = True

    @property
    def command(self) -> str:
        """What starts its workers, as one would type it."""
        words = " ".join(self.worker).replace("{url}", "URL")
        return words if self.copies == 1 else f"{words} (started {self.copies} times)"


TWO_WORKERS = ("--workers", "2")
CELERY_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")  # no other hosts
RQ = ("rq==3.0.0", "redis[hiredis]")
RQ_POOL = ("rq", "worker-pool", "bench", "-n", "2", "-u", "{url}", "-q")

PEERS: tuple[Peer, ...] = (
    Peer(
        name="huey",
        title="huey 3.5.4 (processes)",
        packages=("huey==3.5.4", "redis[hiredis]"),
        job="huey_job",
        worker=("huey_consumer", "huey_job.huey", "-w", "2", "-k", "process", "-q"),
        left=lambda client: length(client, "LLEN", "huey.redis.bench"),
        jobs=40_000,
    ),
    Peer(
        name="taskiq",
        title="taskiq 0.12.6 (redis stream)",
        packages=("taskiq==0.12.6", "taskiq-redis==1.2.3", "redis[hiredis]", "uvloop"),
        job="taskiq_job",
        worker=("taskiq", "worker", "taskiq_job:broker", *TWO_WORKERS, "--log-level", "WARNING"),
        left=lambda client: unacknowledged(client, "bench", "taskiq"),
        jobs=40_000,
    ),
    Peer(
        name="dramatiq",
        title="dramatiq 2.2.1",
        packages=("dramatiq[redis]==2.2.1", "redis[hiredis]"),
        job="dramatiq_job",
        worker=("dramatiq", "dramatiq_job", "--processes", "2", "--threads", "8"),
        left=lambda client: length(client, "HLEN", "dramatiq:default.msgs"),
        jobs=30_000,
    ),
    Peer(
        name="faststream",
        title="FastStream 0.7.8 (redis stream)",
        packages=("faststream[redis,cli]==0.7.8", "redis[hiredis]", "uvloop"),
        job="faststream_job",
        worker=("faststream", "run", "faststream_job:app", *TWO_WORKERS, "--log-level", "warning"),
        left=lambda client: unacknowledged(client, "bench", "bench"),
        jobs=30_000,
        has_results=False,
    ),
    Peer(
        name="saq",
        title="SAQ 0.26.4",
        # typing_extensions: it imports them and does not ask for them
        packages=("saq[redis,hiredis]==0.26.4", "uvloop", "typing_extensions"),
        job="saq_job",
        worker=("saq", "saq_job.settings", "--workers", "2", "--quiet"),
        left=lambda client: length(client, "ZCARD", "saq:bench:incomplete"),
        jobs=20_000,
    ),
    Peer(
        name="streaq",
        title="streaq 7.2.0 (redis stream)",
        packages=("streaq==7.2.0", "uvloop"),
        job="streaq_job",
        worker=("streaq", "run", "streaq_job:worker", "--workers", "2"),
        left=lambda client: length(client, "XLEN", "streaq:bench:queues:normal"),
        jobs=10_000,
    ),
    Peer(
        name="arq",
        title="arq 0.28.0",
        packages=("arq==0.28.0", "redis[hiredis]", "uvloop"),
        job="arq_job",
        worker=("arq", "arq_job.WorkerSettings"),
        left=lambda client: length(client, "ZCARD", "arq:queue"),
        jobs=10_000,
        copies=2,
    ),
    Peer(
        name="celery",
        title="Celery 5.7.0 (prefork)",
        packages=("celery[redis]==5.7.0", "redis[hiredis]"),
        job="celery_job",
        worker=(
            "celery",
            "-A",
            "celery_job",
            "worker",
            "-c",
            "2",
            "--loglevel=WARNING",
            *CELERY_QUIET,
        ),
        left=lambda client: length(client, "LLEN", "celery") + length(client, "HLEN", "unacked"),
        jobs=8_000,
    ),
    Peer(
        name="rq-simple",
        title="RQ 3.0.0 without fork",
        packages=RQ,
        job="rq_job",
        worker=(*RQ_POOL, "-w", "rq.worker.SimpleWorker"),
        left=lambda client: length(client, "LLEN", "rq:queue:bench"),
        jobs=3_000,
    ),
    Peer(
        name="rq",
        title="RQ 3.0.0, a fork for each job",
        packages=RQ,
        job="rq_job",
        worker=RQ_POOL,
        left=lambda client: length(client, "LLEN", "rq:queue:bench"),
        jobs=800,
    ),
)
