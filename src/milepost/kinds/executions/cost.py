"""What the tokens of an execution cost: counts, prices per thousand, US dollars to six decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

MOST = Decimal("9999.999999")

_MICRO = Decimal("0.000001")


def cost(
    input_tokens: int | None, output_tokens: int | None, in_price: Decimal | None, out_price: Decimal | None
) -> Decimal | None:
    """Prices are per 1,000 tokens. None if a price is missing, for an unknown price is not zero; capped at `MOST`."""
    if in_price is None or out_price is None:
        return None
    with localcontext() as context:
        context.prec = 50  # the default of 28 digits could round before quantize does
        total = ((input_tokens or 0) * in_price + (output_tokens or 0) * out_price) / 1000
        return min(total, MOST).quantize(_MICRO, rounding=ROUND_HALF_EVEN)
