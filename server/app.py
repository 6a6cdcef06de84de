"""Wires the server: builds everything, starts it, and stops it on the same stack.

Threads: ``intake`` stores and answers, ``engine`` judges, ``poller`` minds deadlines and what is
told, ``deliver`` sends it, ``followers`` write what may lag; pages are served by uvicorn in the
main thread. A thread that ends by an error ends the process: its supervisor starts it again.
"""

import logging
import random
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from server.broker.access import BrokerAccess, keep_out
from server.broker.supervisor import Supervisor
from server.clock import Clock, monotonic_ms
from server.domain.instants import MINUTE
from server.domain.plans import Priority
from server.errors import ReplicaUnavailable, StoreUnavailable
from server.intake.connection import Connection, client_id
from server.intake.loop import Intake
from server.messaging.delivery import Delivery
from server.messaging.post import CourierPost
from server.messaging.screen import Screen
from server.services.changes import Changes
from server.services.correcting import carry_on
from server.services.following import follow_charts, follow_replica
from server.services.judging import Judge, StateBehind, restore
from server.services.matters import raise_matter
from server.services.polling import ENGINE, poll_all
from server.services.telling import deliver_messages
from server.services.timekeeping import note_clock
from server.settings import Settings
from server.stores import snapshot
from server.stores.influx import InfluxReplica
from server.stores.opening import open_to_serve
from server.web import letters
from server.web.application import make_application

_ENGINE_IDLE_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 2.0
_FOLLOW_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 2.0
_BEAT_SECONDS: Final = 5.0
_SNAPSHOT_EVERY: Final = 10 * MINUTE

log = logging.getLogger(__name__)


class Server:
    """One running server. ``run`` blocks until it is told to stop or a part of it fails."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._stored = threading.Event()
        self._judging = threading.Lock()
        self._engine: Judge | None = None
        self._changes = Changes()
        self._clock = Clock()
        self._now = self._clock.now
        self._listening_since = self._now()
        self._failed: BaseException | None = None
        self._stack = ExitStack()

    def run(self) -> int:
        """Start everything and serve until a signal; return the process's exit status."""
        with self._stack:
            web = self._build()
            # uvicorn raises the signal again once it has stopped: by default that would end the
            # process before its stack.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._told_to_stop)
            web.run()
            self._stopping.set()
        if self._failed is not None:
            log.error("ended by %s: %s", type(self._failed).__name__, self._failed)
            return 1
        return 0

    def _told_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()
        self._web.should_exit = True

    def _build(self) -> uvicorn.Server:
        settings = self._settings
        self._database, self._sole = open_to_serve(settings, self._stack)
        self._replica = InfluxReplica(settings.influx) if settings.influx else None
        self._database.replicates = self._replica is not None
        if self._replica is not None:
            self._stack.callback(self._replica.close)
        broker = self._start_broker()
        host, port = settings.broker_address
        name = client_id(settings.data_dir / "intake.client-id")
        self._intake = Intake(
            Connection(host, port, settings.keys_dir, name, embedded=settings.embedded_broker),
            self._database,
            now=self._now,
            stored=self._judge_at_once,
            replicate=self._replica is not None,
        )

        def broker_ready() -> bool:
            return self._intake.connected and (broker is None or broker.ready)

        self._post = CourierPost(
            settings.smtp, settings.apprise_schemas, letters.writer(settings.page_url)
        )
        application = make_application(
            settings,
            self._database,
            self._changes,
            post=self._post,
            broker_ready=broker_ready,
            access=BrokerAccess(settings),
            now=self._now,
        )
        config = uvicorn.Config(
            application,
            host=settings.http_host,
            port=settings.http_port,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        self._web = uvicorn.Server(config)
        for target in (self._follow, self._deliver, self._poll, self._judge, self._take_in):
            self._start(target)
        self._stack.callback(self._intake.stop)  # before its thread is waited for
        return self._web

    def _start_broker(self) -> Supervisor | None:
        if not self._settings.embedded_broker:
            return None
        with self._database.read() as tx:
            keep_out(self._settings, tx.fleet.revoked())
        broker = Supervisor(self._settings, self._on_broker_event)
        broker.start()
        self._stack.callback(broker.stop)
        return broker

    def _start(self, target: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                target()
            except BaseException as error:
                self._failed = error
                log.error("%s failed", target.__name__, exc_info=error)
                self._stopping.set()
                self._web.should_exit = True

        thread = threading.Thread(target=guarded, name=target.__name__)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._stopping.set)

    def _take_in(self) -> None:
        self._intake.run()

    def _judge(self) -> None:
        """The engine's own loop: what intake did not judge at once, due times, snapshots."""
        path = self._settings.snapshot_dir / "engine.npz"
        beaten = saved = -_SNAPSHOT_EVERY  # by the clock that never goes back
        while not self._stopping.is_set():
            try:
                with self._judging:
                    if self._engine is None:
                        self._engine = self._restored(path)
                    raised = self._engine.run_once(self._now())
                if raised >= 0:
                    self._changes.notify()
                if monotonic_ms() - beaten > _BEAT_SECONDS * 1000:
                    beaten = monotonic_ms()
                    with self._database.write() as tx:
                        tx.heartbeat(ENGINE, self._now())
                if monotonic_ms() - saved > _SNAPSHOT_EVERY and raised < 0:
                    saved = monotonic_ms()
                    self._save(path)
            except StateBehind:
                self._engine = None
                continue
            except StoreUnavailable as error:
                log.error("judging waits for the store: %s", error)
                self._stopping.wait(_RETRY_SECONDS)
                continue
            if raised < 0:
                self._stored.wait(_ENGINE_IDLE_SECONDS)
                self._stored.clear()
        self._save(path)

    def _judge_at_once(self) -> None:
        """Judge what was just stored, in the thread that stored it: the second commit follows the
        first without a hand-over. Whatever stands in the way is left to the engine's own loop."""
        if not self._judging.acquire(blocking=False):
            self._stored.set()
            return
        try:
            raised = self._engine.run_once(self._now()) if self._engine is not None else 0
        except (StateBehind, StoreUnavailable):
            self._stored.set()
            return
        finally:
            self._judging.release()
        if raised != 0:
            self._changes.notify()
        self._stored.set()

    def _restored(self, path: Path) -> Judge:
        with self._database.write() as tx:
            database_id, cursor = tx.inputs.database_id(), tx.inputs.cursor()
        state = snapshot.load(path, database_id, cursor)
        restore(self._database, state)
        return Judge(self._database, state, self._listening_since)

    def _save(self, path: Path) -> None:
        try:
            with self._judging, self._database.read() as tx:
                if self._engine is not None:
                    snapshot.save(path, self._engine.state, tx.inputs.database_id())
        except (OSError, StoreUnavailable) as error:
            log.warning("no snapshot could be written: %s", error)

    def _poll(self) -> None:
        screen = Screen(self._changes.notify)
        was_told: bool | None = None
        while not self._stopping.wait(_POLL_SECONDS):
            try:
                self._sole.keep()
                was_told = self._mind_clock(was_told)
                moved = poll_all(self._database, self._now(), self._listening_since)
                deliver_messages(self._database, screen, self._now())
                if moved:
                    self._changes.notify()
            except StoreUnavailable as error:
                log.error("deadlines wait for the store: %s", error)

    def _mind_clock(self, was_told: bool | None) -> bool:
        """Say when the clock has jumped and when it is believed again; return what is told now."""
        jumped_ms = self._clock.jumped_ms
        if bool(jumped_ms) is not was_told:
            if jumped_ms:
                log.error("the clock jumped by %d ms: not believed yet", jumped_ms)
            with self._database.write() as tx:
                note_clock(tx, jumped_ms, self._now())
        return bool(jumped_ms)

    def _deliver(self) -> None:
        Delivery(self._database, self._post, self._now, random.random).run(self._stopping)

    def _follow(self) -> None:
        while not self._stopping.wait(_FOLLOW_SECONDS):
            try:
                if carry_on(self._database, self._now()):
                    self._stored.set()
                    self._changes.notify()
                while follow_charts(self._database, self._now()) and not self._stopping.is_set():
                    pass
                if self._replica is not None:
                    while follow_replica(self._database, self._replica):
                        pass
            except StoreUnavailable as error:
                log.error("charts wait for the store: %s", error)
            except ReplicaUnavailable as error:
                log.warning("the time-series replica is away: %s", error)
                self._stopping.wait(_RETRY_SECONDS)

    def _on_broker_event(self, kind: str, gateway: str | None, text: str) -> None:
        """Make a technical alert of what the broker complains of."""
        try:
            with self._database.write() as tx:
                known = tx.measurements.gateway(gateway) if gateway else None
                chc_id = known.chc_id if known else tx.directory.first_chc()
                if chc_id is None:  # nobody is set up yet, so nobody could be told
                    return
                raise_matter(
                    tx,
                    chc_id=chc_id,
                    subject=f"gateway:{gateway}" if known else "server",
                    rule=f"broker-{kind}",
                    priority=Priority.MEDIUM,
                    detail=text,
                    now=self._now(),
                )
        except StoreUnavailable as error:
            log.error("a broker event could not be stored: %s: %s", kind, error)
