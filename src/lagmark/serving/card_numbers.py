"""Payment cards' numbers, which have no place in any event."""

from __future__ import annotations

__all__ = ["is_card_number"]


def is_card_number(text: str) -> bool:
    """Whether a text is a payment card's number: its length, first digits and check digit (Luhn).

    One digit string in ten has a right check digit, so the first digits count too: those of the
    card schemes, which no clock and no counter reaches soon.

    Examples
    --------
    >>> is_card_number("4111 1111 1111 1111"), is_card_number("4111111111111112")
    (True, False)
    """
    digits = text.replace(" ", "").replace("-", "")
    if not (13 <= len(digits) <= 19 and digits.isascii() and digits.isdigit()):
        return False
    if digits[0] not in "3456" and not "22" <= digits[:2] <= "27":
        return False
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0
