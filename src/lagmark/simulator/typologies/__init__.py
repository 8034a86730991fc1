"""Kinds of fraud: one file each, one line here."""

from __future__ import annotations

from collections.abc import Mapping

from lagmark.simulator.typologies import (
    account_takeover,
    bust_out,
    card_testing,
    fake_shop,
    link_burst,
    liquidity_crunch,
    merchant_compromise,
    mule_ring,
    sleeper_takeover,
)
from lagmark.simulator.typologies.typology import Scene, Typology

__all__ = ["TYPOLOGIES", "Scene", "Typology"]

TYPOLOGIES: Mapping[str, Typology] = {
    each.TYPOLOGY.name: each.TYPOLOGY
    for each in (
        account_takeover,
        card_testing,
        merchant_compromise,
        bust_out,
        fake_shop,
        liquidity_crunch,
        link_burst,
        sleeper_takeover,
        mule_ring,
    )
}
"""Typologies by name; the order gives their codes."""
