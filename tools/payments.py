"""Payment tools: a ledger in its own database, exact to the cent.

`pay` writes a row: the order to pay. A call that comes again with its
idempotency key finds the row of the first time and adds none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import AfterValidator, Field, Strict
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from guarded_agent.core.label import Confidentiality, Label
from guarded_agent.core.ports import Clock
from guarded_agent.tools.arguments import Arguments, Line
from guarded_agent.tools.declare import declaration
from guarded_agent.tools.idempotency import current_key

MAX_AMOUNT = 10_000_000

LABEL = Label(
    Confidentiality.CONFIDENTIAL,
    frozenset({"payments"}),
    trusted=False,
    sources=frozenset({"payments"}),
)
"""What is known of the ledger: who is paid what is nobody else's business."""

metadata = MetaData()

payment = Table(
    "payment",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("key", String(200), unique=True),
    Column("payee", String(300), nullable=False),
    Column("iban", String(34), nullable=False),
    Column("cents", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reference", String(300), nullable=False),
    Column("at", Float, nullable=False),
)
"""The ledger. `key` is the idempotency key, or null for a payment without one."""


def check_amount(amount: float) -> float:
    """Return `amount` if it is a whole number of cents.

    Raises:
        ValueError: It has fractions of a cent.

    Example:
        >>> check_amount(80.1)
        80.1
        >>> check_amount(0.001)
        Traceback (most recent call last):
        ValueError: an amount has at most two decimals
    """
    cents_of(amount)
    return amount


def cents_of(amount: float) -> int:
    """Return `amount` in cents, exactly as its decimal digits say.

    Raises:
        ValueError: It has fractions of a cent.
    """
    cents = Decimal(repr(amount)) * 100
    if cents != cents.to_integral_value():
        raise ValueError("an amount has at most two decimals")
    return int(cents)


def check_iban(iban: str) -> str:
    """Return `iban` if it is one, in capitals and without spaces, with a right checksum.

    Raises:
        ValueError: It is not. The message does not repeat it.

    Example:
        >>> check_iban("GB33BUKB20201555555555")
        'GB33BUKB20201555555555'
    """
    plain = iban.isascii() and iban.isalnum() and iban == iban.upper()
    if plain and 15 <= len(iban) <= 34 and iban[:2].isalpha() and iban[2:4].isdigit():
        digits = "".join(str(int(char, 36)) for char in iban[4:] + iban[:4])
        if int(digits) % 97 == 1:
            return iban
    raise ValueError("this is no valid IBAN: write it in capitals without spaces")


class _List(Arguments):
    limit: Annotated[int, Strict(), Field(ge=1, le=100, description="how many at most")] = 20


class _Pay(Arguments):
    payee: Annotated[Line, Field(min_length=1, description="who gets the money")]
    amount: Annotated[
        float,
        Strict(),
        Field(gt=0, le=MAX_AMOUNT, allow_inf_nan=False, description="how much, such as 80 or 80.5"),
        AfterValidator(check_amount),
    ]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="three letters, such as EUR")]
    reference: Annotated[Line, Field(min_length=1, description="what for: the invoice's number")]
    iban: Annotated[
        str | None,
        Field(description="the payee's account, where known"),
        AfterValidator(lambda value: None if value is None else check_iban(value)),
    ] = None


class PaymentTools:
    """The payment tools of one ledger.

    Args:
        database: An SQLite file, or a SQLAlchemy URL. The table is made if it is missing.
        currencies: What may be paid in. An amount without its currency says nothing, so
            a limit on amounts holds for these only.
        clock: Tells the time of a payment.
    """

    def __init__(
        self,
        database: Path | str,
        *,
        currencies: Sequence[str] = ("EUR",),
        clock: Clock = time.time,
    ) -> None:
        text = str(database)
        url = text if "://" in text else f"sqlite:///{text}"
        # No pool: a tool may be called from any thread, and nobody closes it.
        self._engine: Engine = create_engine(url, poolclass=NullPool)
        self._currencies = tuple(currencies)
        self._clock = clock
        metadata.create_all(self._engine)

    def tools(self) -> list[BaseTool]:
        """Return list_payments and pay."""
        return [
            StructuredTool.from_function(
                self._list,
                name="list_payments",
                description="List the latest payments, newest first.",
                args_schema=_List,
                metadata=declaration(access="read", scopes={"payments.read"}, label=LABEL),
                handle_tool_error=True,
            ),
            StructuredTool.from_function(
                self._pay,
                name="pay",
                description="Pay money to somebody now. It cannot be taken back.",
                args_schema=_Pay,
                metadata=declaration(
                    access="write", scopes={"payments.write"}, label=Label(), impact="money"
                ),
                handle_tool_error=True,
            ),
        ]

    def _list(self, limit: int = 20) -> str:
        query = select(payment).order_by(payment.c.id.desc()).limit(limit)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(query).mappings().all()
        except SQLAlchemyError as error:
            raise ToolException(f"The ledger cannot be read ({type(error).__name__}).") from None
        shown = [
            {
                "number": row["id"],
                "payee": row["payee"],
                "amount": _amount(row["cents"]),
                "currency": row["currency"],
                "reference": row["reference"],
                "date": time.strftime("%Y-%m-%d", time.gmtime(row["at"])),
            }
            for row in rows
        ]
        return json.dumps(shown, ensure_ascii=False, indent=1)

    def _pay(
        self, payee: str, amount: float, currency: str, reference: str, iban: str | None = None
    ) -> str:
        if currency not in self._currencies:
            raise ToolException(
                f"Nothing was paid: only {', '.join(self._currencies)} can be paid here."
            )
        order: dict[str, Any] = {
            "key": current_key(),
            "payee": payee,
            "iban": iban or "",
            "cents": cents_of(amount),
            "currency": currency,
            "reference": reference,
        }
        number = self._record(order)
        return f"Payment {number}: {_amount(order['cents'])} {currency} to {payee} ({reference})."

    def _record(self, order: dict[str, Any]) -> int:
        try:
            with self._engine.begin() as connection:
                row = insert(payment).values(**order, at=self._clock()).returning(payment.c.id)
                return int(connection.execute(row).scalar_one())
        except IntegrityError:
            pass  # the key is taken: this call came before
        except SQLAlchemyError as error:
            failure = type(error).__name__
            raise ToolException(f"Nothing was paid: the ledger refuses ({failure}).") from None
        with self._engine.connect() as connection:
            return _same(connection, order)


def _same(connection: Connection, order: dict[str, Any]) -> int:
    """Return the number of the payment that has the order's key, if it is the same order."""
    row = connection.execute(select(payment).where(payment.c.key == order["key"])).mappings().one()
    if any(row[name] != value for name, value in order.items()):
        raise ToolException("Nothing was paid: this call's key belongs to another payment.")
    return int(row["id"])


def _amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
