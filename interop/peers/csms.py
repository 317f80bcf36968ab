"""Charging stations of the PyPI package ocpp, and a small back end between them and whoever manages them: with the message
API of CitrineOS (a request is sent, the station's answer is called back without any id, and its own table has one row for
each station and type), the certificates of MaEVe, and the DataTransfer of SteVe."""

import asyncio
import json
import random
import secrets
from collections import defaultdict

import aiohttp
import websockets
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16, call_result as result16
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201, call_result as result201

PNC = "org.openchargealliance.iso15118pnc"
ALGORITHMS = {"SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}
TYPES = {"V2GRootCertificate", "MORootCertificate", "CSMSRootCertificate", "ManufacturerRootCertificate"}


def digest(algorithm, data):
    made = hashes.Hash(ALGORITHMS[algorithm]())
    made.update(data)
    return made.finalize().hex()


def named(pem, algorithm, loud):
    """CertificateHashData of a root, by the cryptography package."""
    root = x509.load_pem_x509_certificate(pem.encode())
    key = root.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    data = {"hashAlgorithm": algorithm, "issuerNameHash": digest(algorithm, root.issuer.public_bytes()),
            "issuerKeyHash": digest(algorithm, key), "serialNumber": f"{root.serial_number:x}"}
    if loud:
        data |= {name: data[name].upper() for name in ("issuerNameHash", "issuerKeyHash", "serialNumber")}
    return data


class Store:
    """What a station keeps through restarts, and how it behaves."""

    def __init__(self, number, mood="honest"):
        self.holds = set()
        self.mood = mood
        self.algorithm = list(ALGORITHMS)[number % 3]
        self.loud = number % 2 == 1
        self.busy = 0
        self.crowded = False
        self.history = []
        self.restart = asyncio.Event()

    def data(self, pem):
        return named(pem, self.algorithm, self.loud)

    def install(self, kind, pem):
        self.history.append(("install", kind, pem))
        if self.mood == "refuses":
            return "Rejected"
        if self.mood == "restarts":
            # Every third installation it forgets, or remembers, what it was just told.
            self.mood_count = getattr(self, "mood_count", 0) + 1
            if self.mood_count % 3 == 1:
                if self.mood_count % 2:
                    self.holds.add((kind, pem))
                self.restart.set()
                return None
        assert kind in TYPES
        x509.load_pem_x509_certificate(pem.encode())
        self.holds.add((kind, pem))
        return "Accepted"

    def delete(self, data):
        def same(pem):
            ours = named(pem, data["hashAlgorithm"], False)
            return all(ours[name].lower() == data[name].lower() for name in ours)
        gone = {(kind, pem) for kind, pem in self.holds if same(pem)}
        self.history.append(("delete", sorted(kind for kind, _ in gone), {pem for _, pem in gone}))
        self.holds -= gone
        return "Accepted" if gone else "NotFound"

    def rows(self, kinds):
        return [{"certificateType": kind, "certificateHashData": self.data(pem)}
                for kind, pem in sorted(self.holds) if not kinds or kind in kinds]


def snake(data):
    names = {"hashAlgorithm": "hash_algorithm", "issuerNameHash": "issuer_name_hash",
             "issuerKeyHash": "issuer_key_hash", "serialNumber": "serial_number"}
    return {names[name]: value for name, value in data.items()}


def camel(data):
    names = {"hash_algorithm": "hashAlgorithm", "issuer_name_hash": "issuerNameHash",
             "issuer_key_hash": "issuerKeyHash", "serial_number": "serialNumber"}
    return {names[name]: value for name, value in data.items() if name in names}



class Station201(ChargePoint201):
    def __init__(self, *arguments, store):
        super().__init__(*arguments)
        self.store = store

    @on("InstallCertificate")
    async def install(self, certificate_type, certificate, **_):
        status = self.store.install(certificate_type, certificate)
        if status is None:
            await asyncio.sleep(3600)
        return result201.InstallCertificate(status=status)

    @on("DeleteCertificate")
    async def delete(self, certificate_hash_data, **_):
        return result201.DeleteCertificate(status=self.store.delete(camel(certificate_hash_data)))

    @on("GetInstalledCertificateIds")
    async def installed(self, certificate_type=None, **_):
        rows = [{"certificate_type": row["certificateType"],
                 "certificate_hash_data": snake(row["certificateHashData"])}
                for row in self.store.rows(certificate_type)]
        if not rows:
            return result201.GetInstalledCertificateIds(status="NotFound")
        return result201.GetInstalledCertificateIds(status="Accepted", certificate_hash_data_chain=rows)


class Station16(ChargePoint16):
    def __init__(self, *arguments, store):
        super().__init__(*arguments)
        self.store = store

    @on("DataTransfer")
    async def transfer(self, vendor_id, message_id=None, data=None, **_):
        if vendor_id != PNC or self.store.mood == "ignorant":
            return result16.DataTransfer(status="UnknownVendorId")
        asked = json.loads(data)
        if message_id == "InstallCertificate":
            said = {"status": self.store.install(asked["certificateType"], asked["certificate"])}
        elif message_id == "DeleteCertificate":
            said = {"status": self.store.delete(asked["certificateHashData"])}
        elif message_id == "GetInstalledCertificateIds":
            rows = self.store.rows(asked.get("certificateType"))
            said = {"status": "Accepted", "certificateHashDataChain": rows} if rows else {"status": "NotFound"}
        else:
            return result16.DataTransfer(status="UnknownMessageId")
        return result16.DataTransfer(status="Accepted", data=json.dumps(said))


async def live(name, store, version, port):
    """A station: connects, answers, and comes back after a restart."""
    kind = Station16 if version == "1.6" else Station201
    while True:
        store.restart.clear()
        try:
            address = f"ws://127.0.0.1:{port}/{name}"
            async with websockets.connect(address, subprotocols=[f"ocpp{version}"], open_timeout=60) as socket:
                station = kind(name, socket, store=store)
                running = asyncio.create_task(station.start())
                restarting = asyncio.create_task(store.restart.wait())
                await asyncio.wait({running, restarting}, return_when=asyncio.FIRST_COMPLETED)
                running.cancel()
                restarting.cancel()
        except (OSError, websockets.WebSocketException):
            pass
        await asyncio.sleep(0.3)


class BackEnd:
    """The back end: stations on one port, its API on another."""

    def __init__(self, stores, patience=2):
        self.stores = stores
        self.patience = patience
        self.connected = {}
        self.locks = defaultdict(asyncio.Lock)
        self.table = {}
        self.calls = []
        self.callbacks = []
        self.statuses = defaultdict(int)
        self.attack = False
        self.data_was_asked = False
        self.token = secrets.token_hex(8)
        self.tasks = set()
        # How late stations answer whose mood is late, in seconds.
        self.late = 0
        self.problems = []

    async def start(self):
        self.sockets = await websockets.serve(self.welcome, "127.0.0.1", 0,
                                              subprotocols=["ocpp2.0.1", "ocpp1.6"])
        self.station_port = self.sockets.sockets[0].getsockname()[1]
        app = web.Application(client_max_size=2**20)
        app.router.add_post("/ocpp/2.0.1/certificates/{action}", self.citrineos)
        app.router.add_post("/ocpp/1.6/configuration/dataTransfer", self.citrineos_transfer)
        app.router.add_get("/data/{rest:.*}", self.data)
        app.router.add_post("/api/v1/operations/DataTransfer", self.steve)
        app.router.add_post("/api/v0/cs/{id}/certificates", self.maeve)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self.session = aiohttp.ClientSession()

    async def welcome(self, socket):
        name = socket.request.path.strip("/")
        kind = ChargePoint16 if socket.subprotocol == "ocpp1.6" else ChargePoint201
        peer = kind(name, socket, response_timeout=self.patience)
        self.connected[name] = peer
        try:
            await peer.start()
        except websockets.ConnectionClosed:
            pass
        finally:
            if self.connected.get(name) is peer:
                del self.connected[name]

    async def ask(self, name, request):
        """The station's answer in camel case; none if there is none."""
        store = self.stores[name]
        store.crowded |= store.busy > 0
        store.busy += 1
        try:
            async with self.locks[name]:
                peer = self.connected.get(name)
                if peer is None:
                    return None
                return await peer.call(request, suppress=False)
        except Exception:  # whatever goes wrong, CitrineOS calls nobody back
            return None
        finally:
            store.busy -= 1

    def later(self, work):
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.over)

    def over(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            self.problems.append(repr(task.exception()))

    async def post(self, url, body):
        try:
            async with self.session.post(url, json=body) as answer:
                self.statuses[answer.status] += 1
                return answer.status
        except aiohttp.ClientError:
            return None

    async def call_back(self, name, url, body):
        if self.stores[name].mood == "late":
            await asyncio.sleep(self.late)
            assert await self.post(url, body) in (404, None), "late"
            return
        if self.attack:
            # Somebody who knows where the client listens, and not the address; and who has seen earlier ones.
            base = url.rsplit("/", 1)[0]
            lie = random.choice([{"status": "NotFound"}, {"status": "Accepted"}, {"status": "Rejected"}])
            assert await self.post(f"{base}/{secrets.token_hex(16)}", lie) in (404, None)
            if self.callbacks:
                assert await self.post(random.choice(self.callbacks)[0], lie) in (404, None)
        await self.post(url, body)
        self.callbacks.append((url, body))
        if self.attack:
            # The client may have ended meanwhile.
            assert await self.post(url, {"status": "Accepted"}) in (404, None), "twice"

    def sent(self, query, version):
        assert query["tenantId"] == "1" and len(query.getall("identifier")) == 1
        name = query["identifier"]
        peer = self.connected.get(name)
        if peer is None:
            return name, {"success": False, "payload": f"No connection found for {name}"}
        protocol = peer._connection.subprotocol
        if protocol != f"ocpp{version}":
            text = f"Requested protocol {version} does not match connection protocol {protocol}"
            return name, {"success": False, "payload": text}
        return name, {"success": True}

    async def citrineos(self, request):
        action, body = request.match_info["action"], await request.json()
        name, said = self.sent(request.query, "2.0.1")
        self.calls.append((name, action))
        makes = {
            "installCertificate": lambda: call201.InstallCertificate(
                certificate_type=body["certificateType"], certificate=body["certificate"]),
            "deleteCertificate": lambda: call201.DeleteCertificate(
                certificate_hash_data=snake(body["certificateHashData"])),
            "getInstalledCertificateIds": lambda: call201.GetInstalledCertificateIds(
                certificate_type=body.get("certificateType")),
        }
        if action not in makes:
            raise web.HTTPNotFound
        made = makes[action]()

        async def go():
            answer = await self.ask(name, made)
            if answer is None:
                return
            out = {"status": answer.status}
            if action == "getInstalledCertificateIds" and answer.certificate_hash_data_chain:
                out["certificateHashDataChain"] = [
                    {"certificateType": row["certificate_type"],
                     "certificateHashData": camel(row["certificate_hash_data"])}
                    for row in answer.certificate_hash_data_chain]
                for row in out["certificateHashDataChain"]:
                    self.table[name, row["certificateType"]] = row  # the last one wins
            await self.call_back(name, request.query["callbackUrl"], out)
        if said["success"]:
            self.later(go())
        return web.json_response([said])

    async def citrineos_transfer(self, request):
        body = await request.json()
        name, said = self.sent(request.query, "1.6")
        self.calls.append((name, body["messageId"]))

        async def go():
            answer = await self.ask(name, call16.DataTransfer(
                vendor_id=body["vendorId"], message_id=body["messageId"], data=body["data"]))
            if answer is not None:
                out = {"status": answer.status}
                if answer.data is not None:
                    out["data"] = answer.data
                await self.call_back(name, request.query["callbackUrl"], out)
        if said["success"]:
            self.later(go())
        return web.json_response([said])

    async def data(self, _):
        self.data_was_asked = True
        return web.json_response(list(self.table.values()))

    async def steve(self, request):
        if request.headers.get("Authorization") != aiohttp.BasicAuth("admin", self.token).encode():
            raise web.HTTPUnauthorized
        body = await request.json()
        (name,) = body["chargeBoxIdList"]
        self.calls.append((name, body["messageId"]))
        task = {"taskId": len(self.calls), "taskFinished": True, "successResponses": [], "errorResponses": [],
                "exceptions": []}
        if name not in self.connected:
            task["exceptions"] = [{"chargeBoxId": name, "exceptionMessage": "No session"}]
            return web.json_response(task)
        answer = await self.ask(name, call16.DataTransfer(
            vendor_id=body["vendorId"], message_id=body["messageId"], data=body["data"]))
        if answer is None:
            task["taskFinished"] = False
        else:
            response = {"status": answer.status, "data": answer.data}
            task["successResponses"] = [{"chargeBoxId": name, "response": response}]
        return web.json_response(task)

    async def maeve(self, request):
        name, body = request.match_info["id"], await request.json()
        if name not in self.stores:
            raise web.HTTPNotFound
        self.calls.append((name, "certificates"))
        kinds = {"V2G": "V2GRootCertificate", "MO": "MORootCertificate"}

        async def go():
            for certificate in body["certificates"]:
                assert set(certificate) == {"type", "certificate", "status"} and certificate["status"] == "Pending"
                await self.ask(name, call201.InstallCertificate(
                    certificate_type=kinds[certificate["type"]], certificate=certificate["certificate"]))
        self.later(go())
        return web.Response()
