"""As much of DER as taking a certificate apart and putting it together again needs."""

from datetime import datetime, timezone


def header(data, at=0):
    """Where the content of the element at this place begins and ends."""
    length = data[at + 1]
    if length < 0x80:
        return at + 2, at + 2 + length
    size = length & 0x7F
    begin = at + 2 + size
    return begin, begin + int.from_bytes(data[at + 2:begin])


def content(data):
    begin, end = header(data)
    return data[begin:end]


def children(data):
    """The elements in a constructed element, each with its header."""
    at, end = header(data)
    found = []
    while at < end:
        _, after = header(data, at)
        found.append(data[at:after])
        at = after
    return found


def encode(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size) + body


def sequence(*parts):
    return encode(0x30, *parts)


def oid(dotted):
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = bytearray()
    for number in (40 * first + second, *rest):
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.append(0x80 | number & 0x7F)
        body += bytes(reversed(septets))
    return encode(0x06, bytes(body))


def integer(number):
    return encode(0x02, number.to_bytes(number.bit_length() // 8 + 1, signed=True))


def boolean(value):
    return encode(0x01, b"\xff" if value else b"\0")


def octets(data):
    return encode(0x04, data)


def named_bits(*numbers):
    """A bit string in which these bits are set, as DER wants it: without trailing zeros."""
    if not numbers:
        return encode(0x03, b"\0")
    size = max(numbers) // 8 + 1
    value = sum(1 << (8 * size - 1 - number) for number in numbers)
    return encode(0x03, bytes([7 - max(numbers) % 8]), value.to_bytes(size))


def time(seconds):
    """A Time of RFC 5280: UTCTime until 2049."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    if moment.year < 2050:
        return encode(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())
    return encode(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())
