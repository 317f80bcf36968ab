"""SDP as charging stacks and cars speak it, for interop/checks/49-sdp: run within a network namespace.

sdp.py secc INTERFACE everest|josev tls|none   the socket of a charging stack, set up as the one or the other sets it up
sdp.py discover INTERFACE                      a car's own question (0x9000); prints who answered what
sdp.py crowd INTERFACE NUMBER IDENTIFIERS      so many cars ask at once, and again like cars; prints how many were answered
sdp.py listen INTERFACE SECONDS                prints what arrives for all nodes meanwhile
sdp.py send INTERFACE HEX...                   sends datagrams to all nodes; an answer to one is printed"""

import select
import socket
import struct
import sys
import time

GROUP, PORT = "ff02::1", 15118


def v2gtp(kind, payload):
    return struct.pack(">HHI", 0x01FE, kind, len(payload)) + payload


def join(sock, interface):
    index = socket.if_nametoindex(interface)
    group = socket.inet_pton(socket.AF_INET6, GROUP)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@I", index))


def link_local(interface):
    with open("/proc/self/net/if_inet6", encoding="ascii") as file:
        for line in file:
            address, _, _, _, _, name = line.split()
            if name == interface and address.startswith("fe80"):
                return bytes.fromhex(address)
    raise SystemExit(f"{interface} has no link-local address")


def secc(interface, kind, security):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    device = interface.encode() + b"\0"
    if kind == "everest":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("::", PORT))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
        sock.bind(("", PORT))
    join(sock, interface)
    endpoint = link_local(interface) + struct.pack(">HBB", 64109, 0 if security == "tls" else 0x10, 0)
    print("ready", flush=True)
    while True:
        # EvseV2G reads ten bytes.
        data, peer = sock.recvfrom(10)
        print(data.hex(), peer[0], flush=True)
        if data[:4] == bytes.fromhex("01fe9000"):
            sock.sendto(v2gtp(0x9001, endpoint), peer)


def car(interface):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, struct.pack("@I", socket.if_nametoindex(interface)))
    return sock


def discover(interface):
    sock = car(interface)
    for _ in range(12):
        sock.sendto(v2gtp(0x9000, b"\0\0"), (GROUP, PORT))
        while select.select([sock], [], [], 0.25)[0]:
            data, peer = sock.recvfrom(100)
            print(data.hex(), peer[0].split("%")[0], peer[1], flush=True)
            return


def crowd(interface, number, identifiers):
    cars = {sock.fileno(): sock for sock in (car(interface) for _ in range(int(number)))}
    question = v2gtp(0x9004, identifiers.encode())
    poll = select.poll()
    for fileno in cars:
        poll.register(fileno, select.POLLIN)
    answers = set()
    total = len(cars)
    for _ in range(60):
        if not cars:
            break
        for sock in cars.values():
            sock.sendto(question, (GROUP, PORT))
        end = time.monotonic() + 0.25
        while cars and time.monotonic() < end:
            for fileno, _ in poll.poll(50):
                data, peer = cars[fileno].recvfrom(2000)
                answers.add((data[28:].decode(), peer[1]))
                poll.unregister(fileno)
                cars.pop(fileno).close()
    print(total - len(cars), sorted(answers), flush=True)


def listen(interface, seconds):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("::", PORT))
    join(sock, interface)
    end = time.monotonic() + float(seconds)
    print("ready", flush=True)
    while (left := end - time.monotonic()) > 0:
        if select.select([sock], [], [], left)[0]:
            data, peer = sock.recvfrom(2000)
            print(data.hex(), peer[0].split("%")[0], flush=True)


def send(interface, *datagrams):
    sock = car(interface)
    for datagram in datagrams:
        sock.sendto(bytes.fromhex(datagram), (GROUP, PORT))
    while select.select([sock], [], [], 0.5)[0]:
        print(sock.recvfrom(2000)[0].hex(), flush=True)


if __name__ == "__main__":
    {"secc": secc, "discover": discover, "crowd": crowd, "listen": listen, "send": send}[sys.argv[1]](*sys.argv[2:])
