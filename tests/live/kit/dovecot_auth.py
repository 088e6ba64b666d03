"""Says yes to whoever knows the password "pw", in the protocol that Postfix asks Dovecot in.

usage: dovecot_auth.py HOST PORT   writes "ready" when it listens
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys

GREETING = (
    "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t{pid}\nCUID\t1\nCOOKIE\t00112233445566778899aabbccddeeff\nDONE\n"
)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING.format(pid=os.getpid()).encode())
    while line := await reader.readline():
        fields = line.decode().rstrip("\n").split("\t")
        if fields[0] == "AUTH":
            response = next(field[5:] for field in fields if field.startswith("resp="))
            _, user, password = base64.b64decode(response).decode().split("\0")
            word = "OK" if password == "pw" else "FAIL"
            writer.write(f"{word}\t{fields[1]}\tuser={user}\n".encode())
        await writer.drain()


async def main(host: str, port: str) -> None:
    server = await asyncio.start_server(serve, host, int(port))
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
