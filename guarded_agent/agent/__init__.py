"""LangGraph and LangChain: wrapped objects, rebuilt graphs, middleware.

The names for users come from `guarded_agent` itself: `guard`, `GuardMiddleware` and
`create_guarded_agent`. Importing this room loads none of it.
"""
