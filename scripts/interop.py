"""Calls a running Kapok node with py-libp2p: connect, identify, ping; then over TCP with Noise and Yamux.

Usage: interop.py MULTIADDR… (those of the node's ready line). Prints one line a step; exits 1 where one fails.
"""

import logging
import sys

import trio
from libp2p import new_host
from libp2p.host.ping import PingService
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.utils import read_length_prefixed_protobuf
from multiaddr import Multiaddr

# A step takes milliseconds on loopback; a poor machine may need more.
PATIENCE_S = 30
PINGS = 3


async def converse(address: str) -> None:
    quic = "/quic-v1" in address
    listen = Multiaddr("/ip4/127.0.0.1/udp/0/quic-v1" if quic else "/ip4/127.0.0.1/tcp/0")
    host = new_host(enable_quic=quic, listen_addrs=[listen])
    with trio.fail_after(PATIENCE_S):
        async with host.run(listen_addrs=[listen]):
            info = info_from_p2p_addr(Multiaddr(address))
            await host.connect(info)
            print(f"  connected, and the key proved")
            stream = await host.new_stream(info.peer_id, [IDENTIFY])
            message = Identify()
            message.ParseFromString(await read_length_prefixed_protobuf(stream, use_varint_format=True))
            await stream.close()
            if not message.agent_version.startswith("kapok/"):
                raise RuntimeError(f"identify says {message.agent_version!r}, not kapok/…")
            print(f"  identified: {message.agent_version}, {len(message.protocols)} protocols")
            rtts = await PingService(host).ping(info.peer_id, PINGS)
            print(f"  {len(rtts)} pings, the fastest in {min(rtts)} ms")


def main() -> int:
    logging.disable(logging.CRITICAL)
    failed = 0
    for address in sys.argv[1:]:
        print(f"py-libp2p → {address}")
        try:
            trio.run(converse, address)
        except BaseException as error:  # noqa: BLE001: trio groups whatever went wrong
            failed += 1
            print(f"  FAILED: {error!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
