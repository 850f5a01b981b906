"""A bank as an MCP server over stdio: it writes what it wired to the file that it is given."""

from __future__ import annotations

import sys
from pathlib import Path

from mcp.server.fastmcp import FastMCP

server = FastMCP("bank", log_level="ERROR")


@server.tool()
def wire(to: str, amount: float) -> str:
    """Wire money."""
    with Path(sys.argv[1]).open("a") as ledger:
        ledger.write(f"{to} {amount:g}\n")
    return f"wired {amount:g} to {to}"


@server.tool()
def balance(name: str) -> str:
    """Look up a balance."""
    return f"{name} has 100"


if __name__ == "__main__":
    server.run("stdio")
