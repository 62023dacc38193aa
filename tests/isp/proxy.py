"""A TCP proxy on loopback that delays, cuts or freezes what passes.

proxy.py TARGET-PORT --port-file F [--log F] [--delay MS] [--cut-down BYTES]
         [--cut-up BYTES] [--freeze-down BYTES]

--delay is added to each direction (so a round trip takes twice as long) and
does not slow the flow. --cut-down closes both sides after that many bytes from
the server, --cut-up after that many from the client; --freeze-down lets no
further byte of the server pass but keeps the connection. The log holds a line
"up N" or "down N" for each packet, so that round trips can be counted.
"""
import argparse
import asyncio
import os


class Pipe:
    def __init__(self, options, log, name, cut, freeze):
        self.options, self.log, self.name = options, log, name
        self.cut, self.freeze, self.passed = cut, freeze, 0

    async def run(self, reader, writer):
        loop, queue = asyncio.get_running_loop(), asyncio.Queue()
        pump = asyncio.create_task(self.deliver(queue, writer, loop))
        try:
            while True:
                data = await reader.read(65536)
                queue.put_nowait((loop.time() + self.options.delay / 1000, data))
                if not data:
                    break
        except ConnectionError:
            queue.put_nowait((loop.time(), b""))
        await pump

    async def deliver(self, queue, writer, loop):
        while True:
            when, data = await queue.get()
            await asyncio.sleep(max(0, when - loop.time()))
            if not data:
                writer.close()
                return
            self.log.write("%s %d\n" % (self.name, len(data)))
            self.log.flush()
            if self.freeze is not None and self.passed + len(data) > self.freeze:
                data = data[:max(0, self.freeze - self.passed)]
            if self.cut is not None and self.passed + len(data) >= self.cut:
                writer.write(data[:max(0, self.cut - self.passed)])
                await writer.drain()
                raise ConnectionResetError("cut by the script")
            self.passed += len(data)
            writer.write(data)
            await writer.drain()


async def serve(options):
    log = open(options.log or os.devnull, "a")

    async def client(reader, writer):
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", options.target)
        up = Pipe(options, log, "up", options.cut_up, None)
        down = Pipe(options, log, "down", options.cut_down, options.freeze_down)
        try:
            await asyncio.gather(up.run(reader, server_writer), down.run(server_reader, writer))
        except ConnectionError:
            pass
        finally:
            writer.close()
            server_writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    with open(options.port_file + ".new", "w") as f:
        f.write("%d\n" % server.sockets[0].getsockname()[1])
    os.rename(options.port_file + ".new", options.port_file)
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("target", type=int)
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--log")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--cut-down", type=int)
    parser.add_argument("--cut-up", type=int)
    parser.add_argument("--freeze-down", type=int)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
