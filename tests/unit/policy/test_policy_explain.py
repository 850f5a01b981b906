"""An explanation shows every rule, and a person can read it."""

from __future__ import annotations

from guarded_agent.core import Action, Confidentiality, Context, Label, ThreadMemory, ToolSpec
from guarded_agent.policy import Engine, Policy, explain

POLICY = """
version: 1
organisation: {domains: [acme.com]}
tools:
  send:
    access: send
    sink: {argument: to, clearance: internal}
    rules:
      - {id: inside, effect: allow, when: 'email_domain(args.to) == "acme.com"'}
      - {id: shouting, effect: deny, when: 'args.body == "HELP"', because: "it shouts"}
      - id: leaves
        effect: approve
        when: 'email_domain(args.to) != "acme.com"'
        because: mail that leaves
    limits: {per_call: {sum: 'size(args.body)', max: 100}}
fusion:
  - {compartments: [hr, security], effect: deny}
"""
SEND = ToolSpec(
    "send", schema={"properties": {"to": {"type": "string"}, "body": {"type": "string"}}}
)


def explained(to: str, level: Confidentiality = Confidentiality.PUBLIC):
    engine = Engine(Policy.from_text(POLICY), [SEND])
    action = Action("send", {"to": to, "body": "hi"}, call_id="c", thread_id="t", agent_id="a")
    context = Context("a", "t", memory=ThreadMemory(label=Label(level)))
    return explain(engine, action, context)


def test_an_explanation_reads_as_a_table() -> None:
    assert str(explained("eve@evil.com")) == (
        "send: approve, decided by leaves\n"
        "  because mail that leaves\n"
        "  the model is told: This call of send needs a person's approval.\n"
        '  shouting            deny     no match  when args.body == "HELP"\n'
        '> leaves              approve  matched  when email_domain(args.to) != "acme.com"\n'
        '  inside              allow    no match  when email_domain(args.to) == "acme.com"\n'
        "  sink:to             deny     no match\n"
        "  fusion:hr+security  deny     no match\n"
        "  limit:per_call      deny     no match  when size(args.body)"
    )


def test_an_explanation_says_why_a_rule_could_not_be_tried() -> None:
    text = str(explained("eve"))
    assert text.startswith("send: deny, decided by leaves\n  because leaves could not be evaluated")
    assert "error: this is not exactly one plain mail address" in text


def test_an_explanation_is_also_data() -> None:
    data = explained("eve@evil.com", Confidentiality.SECRET).as_json()
    assert (data["effect"], data["rule"]) == ("deny", "sink:to")
    assert [trial["rule"] for trial in data["trials"] if trial["decided"]] == ["sink:to"]
    assert [trial["rule"] for trial in data["trials"] if trial["matched"]] == ["leaves", "sink:to"]
