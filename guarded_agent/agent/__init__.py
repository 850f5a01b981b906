"""LangGraph and LangChain: wrapped objects, rebuilt graphs, middleware.

The names for users come from `guarded_agent` itself: `guard`, `GuardMiddleware` and
`create_guarded_agent`. Importing this room raises `UnprovableGraph` where LangGraph or
LangChain are not as it expects them.
"""

from guarded_agent.agent.selftest import selftest as _selftest

_selftest()
