"""Streamed text: the first piece at once, then a frame now and then, and never more waiting than there is room for."""

import asyncio

import pytest

from sessions.engine import tokens
from sessions.engine.tokens import PIECE_CHARACTERS, ROOM_CHARACTERS, TokenStream


async def test_a_first_piece_is_not_held_back() -> None:
    sent: list[str] = []
    stream = TokenStream(sent.append)
    await stream.write("now")
    assert sent == ["now"]
    stream.close()


async def test_pieces_that_follow_fast_travel_together() -> None:
    sent: list[str] = []
    stream = TokenStream(sent.append)
    for word in ("one ", "two ", "three"):
        await stream.write(word)
    stream.close()
    assert sent == ["one ", "two three"]


async def test_a_piece_is_sent_although_nothing_follows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "FRAME_SECONDS", 0.001)
    came = asyncio.Event()
    stream = TokenStream(lambda text: came.set() if text == "second" else None)
    await stream.write("first")
    await stream.write("second")
    async with asyncio.timeout(5):
        await came.wait()
    stream.close()


async def test_a_writer_faster_than_the_stream_waits_and_nothing_piles_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "FRAME_SECONDS", 0.001)
    sent: list[str] = []
    stream = TokenStream(sent.append)
    for number in range(10_000):
        await stream.write(f"{number:05}")
        assert stream._size < ROOM_CHARACTERS
    stream.close()
    assert "".join(sent) == "".join(f"{number:05}" for number in range(10_000))


async def test_a_writer_that_never_waits_for_anything_else_gives_others_a_turn() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    stream = TokenStream(lambda text: None)
    for _ in range(100):
        await stream.write("x")
    counting.cancel()
    stream.close()
    assert turns >= 90


async def test_a_long_text_is_cut_into_pieces_that_can_travel() -> None:
    sent: list[str] = []
    stream = TokenStream(sent.append)
    await stream.write("x" * (PIECE_CHARACTERS * 3 + 1))
    stream.close()
    assert [len(text) for text in sent] == [PIECE_CHARACTERS] * 3 + [1]


async def test_nothing_is_sent_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "FRAME_SECONDS", 0.001)
    sent: list[str] = []
    stream = TokenStream(sent.append)
    await stream.write("one")
    await stream.write("two")
    stream.close()
    await asyncio.sleep(0.01)
    assert sent == ["one", "two"]
