"""Josev's charger: its own SECCHandler with its simulated station, listening on NETWORK_INTERFACE and with PKI_PATH set. Run with
Josev's Python environment. Only what needs its Java codec is missing: a session ends at its first message."""

import asyncio

from iso15118.secc import SECCHandler
from iso15118.secc.controller.interface import ServiceStatus
from iso15118.secc.controller.simulator import SimEVSEController
from iso15118.secc.secc_settings import Config
from iso15118.shared.iexi_codec import IEXICodec


class NoCodec(IEXICodec):
    def encode(self, message, namespace):
        raise NotImplementedError

    def decode(self, stream, namespace):
        raise NotImplementedError

    def get_version(self):
        return "none"


async def main():
    config = Config()
    config.load_envs()
    station = SimEVSEController()
    await station.set_status(ServiceStatus.STARTING)
    await SECCHandler(exi_codec=NoCodec(), evse_controller=station, config=config).start(config.iface)


asyncio.run(main())
