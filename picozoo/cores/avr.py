"""Microchip AVR (ATmega328P): 8 bits, 32 registers, hardware 8x8 multiply, constants in flash need LPM."""

from picozoo.specs import Core, CycleModel, Target

CORE = Core(
    name="avr",
    title="AVR",
    arch="avr",
    target=Target(pointer_bytes=2, align=1, features=frozenset(), progmem=True),
    zig=("-target", "avr-freestanding-none", "-mcpu=atmega328p"),
    gcc=("avr-", ("-mmcu=atmega328p",)),
    cpu="atmega328p",
    cycles=CycleModel(costs={}, error=0.0, source="simavr counts the cycles of every instruction.", exact=True),
)
