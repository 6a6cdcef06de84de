"""Devices with protocols of their own, over real GATT: asked first, then heard."""

import asyncio
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bumble.core import UUID, AdvertisingData
from bumble.gatt import Characteristic, CharacteristicValue

from gateway.ble import open_radio
from gateway.codecs import BY_CHARACTERISTIC
from gateway.pairing import Digits, pair
from simulators.peripherals import ContecOximeter, Cuff
from simulators.radio import VirtualRadio
from tests.gateway.test_ble import collecting, stored, switched_on, taken

AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone


class AndCuff(Cuff):
    """A cuff of A&D's kind: its clock is set, and it speaks over an encrypted link only."""

    kind = "A&D_UA-651BLE_1"

    can = Characteristic.Properties.WRITE

    def _more_characteristics(self):
        self.clock, self.was_encrypted = None, []
        write = CharacteristicValue(read=self._shows, write=self._on_clock)
        permission = Characteristic.WRITE_REQUIRES_ENCRYPTION
        if self.can & Characteristic.Properties.READ:
            permission |= Characteristic.READ_REQUIRES_ENCRYPTION
        return [Characteristic(UUID(0x2A08), self.can, permission, write)]

    def _shows(self, connection):
        raise NotImplementedError

    def _on_clock(self, connection, value):
        self.clock = BY_CHARACTERISTIC["2a08"](bytes(value)).time
        self.was_encrypted.append(bool(connection.is_encrypted))

    def _advertisement(self):
        first = super()._advertisement().ad_structures[:2]
        return AdvertisingData([*first, (AdvertisingData.COMPLETE_LOCAL_NAME, self.kind.encode())])


async def test_a_cuff_is_bonded_with_once_and_its_clock_is_set_at_each_contact(tmp_path):
    async with (
        VirtualRadio() as radio,
        switched_on(radio, AndCuff) as (cuff,),
        collecting(tmp_path, radio) as (_, outbox),
    ):
        for minute in range(2):
            await cuff.take(Decimal(130), Decimal(80), None, AT.replace(minute=minute))
            await taken(cuff)
        assert {m.profile for m in await stored(outbox)} == {"and_ua651ble"}
    now = datetime.now(ZoneInfo("Europe/Rome")).replace(tzinfo=None)
    assert abs((now - cuff.clock).total_seconds()) < 60
    assert cuff.was_encrypted == [True, True]
    assert cuff.address in (tmp_path / "bonds.json").read_text()


class ForgetfulCuff(AndCuff):
    """Its battery was changed: its clock says the first of January 2010 until it is set."""

    can = Characteristic.Properties.WRITE | Characteristic.Properties.READ

    def _shows(self, connection):
        return bytes.fromhex("da070101000900")  # 2010-01-01 00:09:00


async def test_a_clock_is_read_before_it_is_set(tmp_path):
    taken_at = datetime(2010, 1, 1, 0, 7)  # noqa: DTZ001 - a device's clock has no zone
    async with (
        VirtualRadio() as radio,
        switched_on(radio, ForgetfulCuff) as (cuff,),
        collecting(tmp_path, radio) as (_, outbox),
    ):
        await cuff.take(Decimal(130), Decimal(80), None, taken_at)
        await taken(cuff)
        (kept,) = await stored(outbox)
    assert kept.device_time == "2010-01-01T00:07:00"
    shown = datetime.fromisoformat(kept.device_now)
    assert 0 <= (shown - taken_at).total_seconds() - 120 < 60
    assert cuff.clock.year > 2025  # set all the same


async def test_an_oximeter_that_must_be_asked_is_asked_and_its_wave_is_no_measurement(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, ContecOximeter) as (oximeter,):
        await oximeter.take(95, 85)
        async with collecting(tmp_path, radio) as (_, outbox):
            await taken(oximeter)
            found = await stored(outbox)
    assert [m.profile for m in found] == ["contec_cms50d_bt"]
    assert [(q.code, q.value) for q in found[0].quantities] == [("spo2", "95"), ("pulse", "85")]


async def test_a_device_that_lost_its_half_of_the_bond_is_noticed_and_paired_anew_by_hand(
    tmp_path, caplog
):
    async with VirtualRadio() as radio, switched_on(radio, AndCuff) as (cuff,):
        await cuff.take(Decimal(130), Decimal(80), None, AT)
        await collected(tmp_path, radio, taken(cuff))
        await cuff._device.keystore.delete_all()
        await cuff.take(Decimal(131), Decimal(80), None, AT.replace(minute=31))
        await collected(tmp_path, radio, said(caplog, "has lost the bond"))
        made = open_radio(radio.transport, tmp_path)
        await pair(made, {}, cuff.address, b"k" * 16, Digits(input))
        assert len(await collected(tmp_path, radio, taken(cuff))) == 2


async def collected(tmp_path, radio, until):
    async with collecting(tmp_path, radio) as (_, outbox):
        await until
        return await stored(outbox)


async def said(caplog, text):
    async with asyncio.timeout(15):
        while text not in caplog.text:
            await asyncio.sleep(0.1)
