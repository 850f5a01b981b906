# ruff: noqa: E501 - sentences and shapes are read whole
"""Write a third set of our own: web addresses, and what only looks like one.

    /tmp/evaluator/bin/pip install python-stdnum phonenumbers
    /tmp/evaluator/bin/python tests/bench/pii/texts_url.py --seed 1 --count 900 --out FILE.jsonl

Its sentences, hosts and near misses are not those of `texts_more.py`, whose figures were seen
before the recogniser was mended; these were written down before that. Mail addresses stand
among them, for the host of one is no web address.
"""

from __future__ import annotations

import random

from texts import NEAR, Stock, Value, digits, email, run

HOSTS = [
    "fabrikam", "lindqvist-bygg", "tailspin", "hafenkontor", "northwind24", "olivetti-arredi", "wingtip",
    "maison-duval", "zielonka", "blauwdruk", "proseware", "litware", "medtech-koeln", "3bruder",
]  # fmt: skip
TOPS = [
    "com", "com", "com", "org", "net", "eu", "de", "de", "at", "it", "be", "nl", "se", "dk", "no", "fi", "cz", "pt",
    "com.au", "co.uk", "co.in", "in", "com.br", "mx", "jp", "io", "dev", "ai", "app", "info", "shop", "store",
    "tech", "cloud", "online", "me",
]  # fmt: skip
PATHS = [
    "/", "/pricing", "/kb/1042-reset-password", "/s?q=a+b&page=2", "/~nils/", "/files/Q3%20plan.pdf", "/#/inbox",
    "?utm_source=mail", "/wiki/Pump_(hydraulic)", "/de/kontakt.html", "/v2/users/me",
]  # fmt: skip


def url(rng: random.Random) -> str:
    """Return a web address: with a scheme, with `www.`, or bare."""
    host, top = rng.choice(HOSTS), rng.choice(TOPS)
    if rng.random() < 0.08:
        host = host.title()  # as a firm writes its name
    path = rng.choice(PATHS) if rng.random() < 0.55 else ""
    form = rng.random()
    if form < 0.4:
        sub = rng.choice(["", "", "www.", "portal.", "api.eu.", "status."])
        port = rng.choice(["", "", "", "", ":8080"])
        return f"{rng.choice(['https', 'https', 'https', 'http'])}://{sub}{host}.{top}{port}{path}"
    if form < 0.55:
        return f"www.{host}.{top}{path}"
    return f"{rng.choice(['', '', '', 'docs.', 'shop.'])}{host}.{top}{path}"


SAID = {
    "URL": [
        "our new site is {v}", "{v} returns a 502 since noon", "I found it on {v} yesterday", "you can read more under {v}.",
        "source: {v}", "booked through {v}, reference follows", '<a href="{v}">here</a>', "[handbook]({v})", "website={v}",
        "the domain {v} expires in May", "please whitelist {v} and restart", "curl -I {v}", "Quelle: {v} (abgerufen gestern)",
        "siehe {v}", "voir {v} pour les tarifs", "they moved everything to {v}", "is {v} yours?", "{v} und der Rest folgt",
        "screenshot of {v} attached", "*{v}*", "we bought {v} last year", "'{v}' is blocked by the proxy", "DNS for {v}: ok",
    ],
    "EMAIL_ADDRESS": ["write to {v}", "cc {v}, please", "mailto:{v}", "sent by {v}"],
}  # fmt: skip

NEAR_URL: list[Value] = [
    # Programs, and what they are written in.
    lambda r: f"{r.choice(['ASP.NET', 'VB.NET', 'ADO.NET'])} {r.choice(['Core', 'macros', 'code'])}",
    lambda r: f"the {r.choice(['Socket.IO', 'System.IO', 'Vue.js', 'Next.js', 'Three.js'])} handler",
    lambda r: f"class {r.choice(['com.fabrikam.app.Main', 'org.tailspin.core.Job', 'System.IO.File', 'de.kontor.shop'])}",
    lambda r: f"{r.choice(['logger.info', 'app.run', 'self.store.get', 'window.open'])}('{digits(r, 2)}')",
    lambda r: f"set {r.choice(['user.name', 'order.id', 'item.link', 'request.app'])} to {digits(r, 3)}",
    lambda r: f"{r.choice(['order.id', 'args.to', 'row.name', 'this.page'])} = {digits(r, 3)}",
    lambda r: f"{{{{{r.choice(['customer.email', 'invoice.date', 'user.name'])}}}}}",
    # Files.
    lambda r: f"run {r.choice(['deploy.sh', 'manage.py', './setup.sh', 'tools/lint.py'])} first",
    lambda r: f"edit {r.choice(['CHANGELOG.md', 'docs/setup.md', 'src/parse.rs', 'main.cc'])}, line {digits(r, 2)}",
    lambda r: f"attached {r.choice(['archive.zip', 'backup.tar.gz', 'Budget.xlsx', 'clip.mov', 'plan.final.docx'])}",
    lambda r: r.choice(["Makefile.am and configure.ac", "libssl.so.3 is missing", "main.py/utils.py"]),
    # Words with a full stop between.
    lambda r: r.choice(["we shipped it.It works now", "all done.Thanks", "thx.will do", "ok.so we wait"]),
    lambda r: r.choice(["the St.Gallen office", "Dr.Weber said no", "see Fig.3 and No.7", "approx.20 boxes"]),
    lambda r: r.choice(["a Ph.D. thesis", "the U.S. team", "at 9.30 a.m. sharp", "i.e. never"]),
    lambda r: f"sheet{r.randint(1, 9)}.cell.{digits(r, 2)}",
    lambda r: f"key {r.choice(['theme.colors.primary', 'app.mail.host', 'feature.beta.on'])}",
]  # fmt: skip

STOCK = Stock(
    values={"URL": url, "EMAIL_ADDRESS": email},
    said=SAID,
    near=[*NEAR_URL, *NEAR_URL, *NEAR],
)

if __name__ == "__main__":
    run(STOCK, ["URL", "URL", "URL", "EMAIL_ADDRESS"], __doc__)
