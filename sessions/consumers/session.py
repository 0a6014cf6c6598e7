"""`/ws/sessions/{id}?after=SEQ`: one session's log, then what happens."""

from dataclasses import dataclass
from urllib.parse import parse_qs

from sessions.consumers.socket import Receive, Scope, Send, Socket, serve
from sessions.streaming import conf
from sessions.streaming.access import place_in
from sessions.streaming.backlog import SlowClient
from sessions.streaming.frames import CloseCode, heartbeat
from sessions.streaming.hub import Hub, Subscription
from sessions.streaming.watch import Watch
from workspaces.access import Access


async def session_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """The frames of one session behind `?after=`, then live. Stays open for a while after the last one."""
    await serve(Socket(scope, receive, send), _stream_session)


async def _stream_session(socket: Socket, hub: Hub, access: Access) -> None:
    session_id = socket.scope["url_route"]["kwargs"]["session_id"]
    after = parse_qs(socket.scope.get("query_string", b"").decode("latin-1")).get("after", [""])[0]
    place = await hub.read(place_in, access=access, session_id=session_id, after=after)
    async with hub.subscribe(place.session_id, place.after, place.last_seq) as subscription:
        if place.is_finished and place.after == place.last_seq:
            subscription.cursor.has_ended = True
        sent = Sent(place.after)
        try:
            await _send_frames(socket, subscription, sent, Watch(hub, place))
        except SlowClient:
            await socket.close(CloseCode.SLOW, f"Too slow: resume from {sent.seq}.", sent.seq)
        else:
            await socket.close(CloseCode.NORMAL, "The session has ended.", sent.seq)


@dataclass(slots=True)
class Sent:
    """The newest event that was sent."""

    seq: int


async def _send_frames(socket: Socket, subscription: Subscription, sent: Sent, watch: Watch) -> None:
    """Returns when the session has ended and nothing came for LINGER_SECONDS since."""
    while True:
        await watch.check()
        has_ended = subscription.cursor.has_ended
        rows = await subscription.next(conf.LINGER_SECONDS if has_ended else conf.HEARTBEAT_SECONDS)
        if not rows and has_ended:
            return
        if not rows:
            await socket.send(heartbeat(sent.seq))
        for seq, text in rows:
            await socket.send(text)
            sent.seq = max(sent.seq, seq)
            await socket.keep_pace()
