"""A TCP proxy that can be told to misbehave; each connection of a program to MySQL, Redis or Kafka goes through one."""

import asyncio
import contextlib
import socket
import struct
import threading

PASS, CUT, SILENT, SLOW, DEAF = "pass", "cut", "silent", "slow", "deaf"
CHUNK = 64 * 1024


def reset(writer):
    """Ends a connection with RST, as the kernel of a host that died does."""
    with contextlib.suppress(OSError):  # it has just ended by itself
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Loop:
    """The thread that all proxies run in."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


class Proxy:
    """Modes: pass; cut: connections are reset, new ones too; silent: they stay and nothing moves, as between hosts that lost each other;
    slow: each piece waits `delay` seconds; deaf: requests arrive, answers are lost (when it ends, so do those connections)."""

    def __init__(self, loop, host, port, listen=0):
        self.loop, self.target = loop, (host, port)
        self.mode, self.delay = PASS, 0.0
        self.connections = set()
        self.port = loop.run(self.listen(listen))

    async def listen(self, port):
        self.moving = asyncio.Event()
        self.moving.set()
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port, limit=CHUNK)
        return self.server.sockets[0].getsockname()[1]

    def set(self, mode, delay=0.0):
        self.loop.run(self.change(mode, delay))

    async def change(self, mode, delay):
        if mode == CUT or self.mode == DEAF:
            for writer in list(self.connections):
                reset(writer)
        self.mode, self.delay = mode, delay
        if mode == SILENT:
            self.moving.clear()
        else:
            self.moving.set()

    def close(self):
        self.loop.run(self.end())

    async def end(self):
        await self.change(CUT, 0)
        self.server.close()

    async def serve(self, reader, writer):
        self.connections.add(writer)
        onward = None
        try:
            await self.moving.wait()
            if self.mode == CUT:
                return
            back, onward = await asyncio.open_connection(*self.target, limit=CHUNK)
            self.connections.add(onward)
            pumps = [asyncio.ensure_future(self.pump(reader, onward, False)), asyncio.ensure_future(self.pump(back, writer, True))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass  # the target is down: so is this
        finally:
            for end in (writer, onward):
                if end:
                    self.connections.discard(end)
                    end.transport.abort()

    async def pump(self, reader, writer, answers):
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self.moving.wait()
                if self.mode == SLOW:
                    await asyncio.sleep(self.delay)
                if self.mode == DEAF and answers:
                    continue
                writer.write(data)
                await writer.drain()
