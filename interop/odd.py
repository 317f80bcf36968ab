"""Certificates that are written oddly: a sound one with one thing changed somewhere in its DER. Signatures do not
matter here, so they are left as they were."""

import random

import der

TAGS = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A, 0x0C, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1A, 0x1B, 0x1C, 0x1E,
        0x30, 0x31, 0x80, 0x81, 0x82, 0x86, 0x87, 0xA0, 0xA1, 0xA3, 0xA4, 0x24, 0x2C, 0x33]
VALUES = [b"", b"\0", b"\1", b"\xff", b"\0\1", b"\xff\xff", b"\0\xff", b"\x80", b"\7", b"\7\0", b"\1\1", b"\x80\1",
          b"\x0c\1\xff", b"\5\0", b"\x30\0", b"\x31\0", b"\x04\0", b"\x03\2\0\6", b"\xe4", b"a@b", b"a\0b",
          b"9912312359Z", b"20661231235960Z", b"00000101000000Z", b"20660101000000+0100", b"\xd8\0", b"\0a", b"\x99" * 21]


class Node:
    """An element; `inside` are the elements in it, also those in an octet string."""

    def __init__(self, tag, content):
        self.tag, self.content, self.inside, self.prefix = tag, content, None, b""
        self.length = None
        if tag & 0x20 or (tag == 0x04 and content[:1] in (b"\x30", b"\x03", b"\x04")):
            self.inside = parse(content)

    def encode(self):
        body = self.content if self.inside is None else b"".join(node.encode() for node in self.inside)
        if self.length is None:
            return der.encode(self.tag, body)
        return bytes([self.tag]) + self.length(len(body)) + body

    def all(self):
        yield self
        for node in self.inside or []:
            yield from node.all()


def parse(data):
    """The elements that the bytes are made of, or None."""
    found, at = [], 0
    try:
        while at < len(data):
            begin, end = der.header(data, at)
            if end > len(data):
                return None
            found.append(Node(data[at], data[begin:end]))
            at = end
    except IndexError:
        return None
    return found


LENGTHS = [lambda size: b"\x81" + bytes([size % 256]), lambda size: b"\x82" + size.to_bytes(2),
           lambda size: b"\x83" + size.to_bytes(3), lambda size: b"\x80"]


def mutants(base, count, seed):
    """So many certificates with a thing or two changed."""
    rng = random.Random(seed)
    for _ in range(count):
        tree, = parse(base)
        for _ in range(rng.choice([1, 1, 1, 2])):
            change(rng, tree)
        yield tree.encode()


def change(rng, tree):
    nodes = list(tree.all())[1:]
    node = rng.choice(nodes)
    siblings = next((other.inside for other in tree.all() if other.inside and node in other.inside), None)
    way = rng.randrange(10)
    if way == 0:
        node.tag = rng.choice(TAGS)
    elif way == 1 and siblings is not None:
        siblings.remove(node)
    elif way == 2 and siblings is not None:
        siblings.insert(siblings.index(node), node)
    elif way == 3 and siblings is not None:
        rng.shuffle(siblings)
    elif way == 4:
        node.length = rng.choice(LENGTHS)
    elif way == 5:
        node.inside, node.content = None, rng.choice(VALUES)
    elif way == 6 and siblings is not None:
        siblings.insert(rng.randrange(len(siblings) + 1), Node(rng.choice(TAGS), rng.choice(VALUES)))
    elif node.inside is None and node.content:
        content = bytearray(node.content)
        at = rng.choice([0, 0, len(content) - 1, rng.randrange(len(content))])
        if way == 7:
            content[at] ^= 1 << rng.randrange(8)
        elif way == 8:
            content.insert(at, rng.choice([0, 0xFF, 0x80, 1]))
        else:
            del content[at]
        node.content = bytes(content)


def extended(base, *extensions):
    """The certificate with these extensions behind its own."""
    tree, = parse(base)
    listed = tree.inside[0].inside[-1].inside[0].inside
    listed += [Node(extension[0], der.content(extension)) for extension in extensions]
    return tree.encode()
