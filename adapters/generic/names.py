"""Names whose values are never stored."""

from __future__ import annotations

from typing import Final

from relay.normalise.fields import names_of

DROPPED: Final = names_of("""
    cardnumber cardno ccnumber creditcard creditcardnumber pan securitycode cardsecuritycode cvv cvv2 cvc
    cardcvv cardcvc cardexpiry cardexpiration cardexpirydate cardexpirationdate cardexpmonth cardexpyear
    cardtoken cardholdername iban bic bankaccount bankaccountnumber accountnumber routingnumber
    bankroutingnumber password passwd token accesstoken refreshtoken authtoken apitoken apikey secret
    clientsecret webhooksecret authorization signature
""")
"""Plain keys of card, bank and sign-in values."""
