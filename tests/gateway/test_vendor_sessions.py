"""Devices with protocols of their own, over real GATT: asked first, then heard."""

from simulators.peripherals import ContecOximeter
from simulators.radio import VirtualRadio
from tests.gateway.test_ble import collecting, stored, switched_on, taken


async def test_an_oximeter_that_must_be_asked_is_asked_and_its_wave_is_no_measurement(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, ContecOximeter) as (oximeter,):
        await oximeter.take(95, 85)
        async with collecting(tmp_path, radio) as (_, outbox):
            await taken(oximeter)
            found = await stored(outbox)
    assert [m.profile for m in found] == ["contec_cms50d_bt"]
    assert [(q.code, q.value) for q in found[0].quantities] == [("spo2", "95"), ("pulse", "85")]
