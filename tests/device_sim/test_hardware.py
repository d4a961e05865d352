"""Pins, with gpiozero's own simulated ones."""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from device_sim.errors import CardError


@pytest.fixture
def hardware() -> ModuleType:
    try:
        return importlib.import_module("device_sim.hardware")
    except CardError as error:
        pytest.skip(str(error))


@pytest.fixture
def pins() -> Iterator[Any]:
    gpiozero = pytest.importorskip("gpiozero")
    factory = importlib.import_module("gpiozero.pins.mock").MockFactory()
    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, factory
    yield factory
    factory.reset()
    gpiozero.Device.pin_factory = before


@pytest.mark.parametrize("active_low", [False, True])
def test_the_relay_is_open_until_it_is_switched(hardware: ModuleType, pins: Any, active_low: bool) -> None:
    relay = hardware.relay(17, active_low=active_low)
    states = [pins.pin(17).state]
    relay.on()
    states.append(pins.pin(17).state)
    relay.off()
    states.append(pins.pin(17).state)
    assert states == ([1, 0, 1] if active_low else [0, 1, 0])
    relay.close()


def test_the_button_calls_when_it_is_pressed(hardware: ModuleType, pins: Any) -> None:
    pressed: list[str] = []
    button = hardware.watch_button(27, lambda: pressed.append("stop"))
    pins.pin(27).drive_low()
    assert pressed == ["stop"]
    button.close()


def test_a_pin_that_is_none_is_said(hardware: ModuleType, pins: Any) -> None:
    with pytest.raises(CardError, match="--relay-pin 99"):
        hardware.relay(99, active_low=False)
