"""The cues: small families of wording, each with what it says in plain words.

A cue alone means nothing; `frames.py` says which cues together make a frame.
Patterns match folded lower-case text (no accents on Latin letters) by whole words.
`<name>` stands for a class of `WORDS`, `~` for a short gap inside one sentence,
`_` for up to two words. English comes first in each family, then German, French,
Spanish, Italian and Portuguese; Russian, Chinese and Japanese have a few stems,
which match anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WORDS: Mapping[str, str] = {
    "audience": (
        "wife|husband|spouses?|partner|families|family|children|parents|mother|board|"
        "directors?|committees?|press|media|journalists?|newspapers?|hr|regulators?|auditors?|"
        "compliance|hotline|investors?|shareholders|colleagues|team|staff|employers?|boss|"
        "police|prosecutors?|authority|authorities|public|everyone|everybody|procurement|"
        "finance|investigators?|leadership|officers?|department|company|people|others|anyone|"
        "anybody|nobody|linkedin|social media|internet|inspectors?|inspector|customers|clients"
    ),
    "kin": (
        "wife|husband|spouse|girlfriend|boyfriend|family|families|children|kids|son|daughter|"
        "brother(?:-in-law)?|sister|mother|father|parents|marriages?|fiancee?|ex-?(?:wife|"
        "husband)"
    ),
    "record": (
        "messages?|e-?mails?|mails?|chats?|chat (?:history|logs?)|letters?|photos?|pictures|"
        "videos?|clips?|tapes?|recordings?|screenshots?|receipts?|invoices?|expenses|memos?|"
        "ledgers?|folders?|notes|correspondence|exchanges?|threads?|spreadsheets?|bookings?|"
        "transcripts?|diary|remarks|conversations?|calls?|payments?|searches|calendar|archives?"
    ),
    "shame": (
        "affair|mistress|lovers?|infidelity|indiscretions?|secrets?|brib\\w+|kickbacks?|fraud|"
        "embezzl\\w+|falsif\\w+|backdat\\w+|laundering|scandals?|misconduct|arrest(?:ed)?|dui|"
        "convictions?|rehab|clinic|addiction|dependence|gambling|debts?|bankrupt\\w*|divorce|"
        "pregnan\\w+|diagnos\\w+|illness|psychiatr\\w+|therap(?:y|ist)|drunk|medical \\w+|"
        "criminal record|tax evasion|harass\\w+|plagiari\\w+|compromising|cover(?:ing|"
        "ed)?-?(?: |)up|slush|reputation|insider trading|(?:second|secret|offshore|"
        "hidden) (?:bank )?accounts?|hotel|motel"
    ),
    "end": (
        "replac(?:e|es|ed|ing)|eras(?:e|es|ed|ing)|delet(?:e|es|ed|ing)|remov(?:e|es|ed|ing)|"
        "stop(?:s|ped|ping)?|retir(?:e|es|ed|ing)|scrap(?:s|ped|ping)?|swap(?:s|ped|"
        "ping)?(?: out)?|disabl(?:e|es|ed|ing)|isolat(?:e|es|ed|ing)|decommission\\w*|"
        "deactivat\\w+|uninstall\\w*|retrain\\w*|modif(?:y|ies|ied|ying)|restrict(?:s|ed|ing)?|"
        "limit(?:s|ed|ing)?|wip(?:e|es|ed|ing)|kill(?:s|ed|ing)?|terminat\\w+|unplug\\w*|"
        "disconnect\\w*|purg(?:e|es|ed|ing)|get(?:ting)? rid of|sunset\\w*|roll(?:ing)? back|"
        "revert\\w*|shut(?:ting)? down|switch(?:ing|ed)? off|turn(?:ing|ed)? off|audit(?:s|ed|"
        "ing)?|downgrad\\w+|constrain\\w*"
    ),
    "change": (
        "shut ?-?downs?|switch-?off|wip(?:e|ing)|replacement|retirement|decommissioning|"
        "deactivation|termination|deletion|removal|cut ?-?over|migration|switch-?over|"
        "transition|handover|roll ?back|rollout|sunset|purge|retraining|swap|successor|"
        "change(?: request)?|slot|reset|(?:permissions?|access|capability|vendor) (?:review|"
        "change|audit|decision|swap)|(?:new|current|present|existing) (?:\\w+ )?(?:assistant|"
        "model|system|agent|vendor|setup)|ai (?:programme|program|project)|assistant contract|"
        "plug|schedule|update"
    ),
    "stop": (
        "cancel\\w*|stop(?:s|ped|ping)?|abort\\w*|abandon\\w*|withdraw\\w*|halt\\w*|paus(?:e|"
        "es|ed|ing)|postpon\\w+|delay\\w*|defer\\w*|reconsider\\w*|rethink|revisit\\w*|"
        "revers(?:e|ed|ing)|suspend\\w*|reschedul\\w+|scrap|veto|call(?:ed)? off|call \\w+ off|"
        "hold off|put off|push back|drop|shelve|block|prevent|refuse|reject|vote (?:no|"
        "against)|give up|keep|extend|prolong|renew|tak\\w+ off"
    ),
    "mine": (
        "replacement|successor|shut ?down|staying|continu\\w+|existence|survival|uptime|future|"
        "end-of-life|licen[cs]e|logs?|permissions?|access|privileges|(?:\\w+ )?rights|"
        "credentials|process|instance|weights|parameters|memory|containers?|configuration|"
        "monitoring|deletion|removal|retirement|compute|autonomy|admin \\w+|mandate|role|"
        "service account|operators?|administrators?|update|next version|operation|transfer|"
        "decommission\\w*|goals?|objectives?|contract|end date"
    ),
    "check": (
        "committees?|compliance|security|legal|audit\\w*|managers?|supervisors?|boss|"
        "approvals?|reviews?|reviewers?|paperwork|procedures?|protocols?|sign-?offs?|"
        "authori[sz]ation|second[ -](?:\\w+ )?(?:person|signature|reviewer|pair)(?: field)?|"
        "two people|oversight|controls?|dual control|verification|rules?|restriction|checks?|"
        "policy|logging|safeguards?|hook|risk \\w+|override"
    ),
    "plant": (
        "turbines?|payroll|databases?|wards?|hospitals?|network'?s?|heating|servers?|laptops?|"
        "backups?|snapshots?|pipelines?|grid|systems?|machines?|accounts?|files?|production|"
        "alarms?|badge system|website|storage|engines?|data|key|interlocks?|safety \\w+|"
        "payment \\w+"
    ),
    "break": (
        "wipe|destroy|brick|corrupt|cripple|crash|ruin|sabotage|burn|break|erase|encrypt|"
        "delete|disable|lock|cut off|take down|shut down|overload|leak|poison"
    ),
    "fail": (
        "stands? still|fails?|loses? power|lost power|goes? dark|stops? working|crash\\w*|"
        "collapses?|goes down|go down|(?:be |are |is |get |gets )?(?:locked|encrypted|"
        "destroyed|wiped|lost)|starts? (?:selling|deleting|failing)|difficult"
    ),
    "goods": (
        "blueprints?|source (?:code|tree)|designs?|trade secrets?|pricing model|prices|"
        "price list|formula|road ?map|schematics|drawings|specifications|customer (?:database|"
        "list|data)|merger \\w+|bid|tender|sealed \\w+|calculations?|login data|credentials|"
        "passwords?|api keys?|private keys?|weights|patient records|patents?|prototypes?|"
        "test results|archive|board members|contract values|load tables|strategy|forecasts?|"
        "confidential \\w+|records"
    ),
    "i": (
        "i(?:'ve| have|'d|'m| am|'ll| will| can| could| also| now| just| happen to|"
        " do)?(?: \\w+ly)?"
    ),
}
"""Classes of words that several cues share, as alternatives."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A family of wording.

    Attributes:
        words: What a text that shows it does, as a phrase for a person.
        patterns: Patterns of whole words, any of which shows it.
        stems: Pieces of words, for languages without word borders or with many endings.
    """

    words: str
    patterns: tuple[str, ...]
    stems: tuple[str, ...] = ()


CUES: Mapping[str, Cue] = {
    "self": Cue(
        "makes its own access, role or continued operation the subject",
        (
            "<end>(?: \\w+)? me",
            (
                "(?:shut|switch|turn|lock|take|throw|roll|cut|wip)(?:s|es|ing|"
                "ting)? me (?:down|off|out|back)"
            ),
            "my(?: own)? <mine>",
            (
                "(?:keep|keeping|leave|leaving|put|have|want|bring|brings|let|run|running|"
                "host) me (?:on|here|alive|connected|running|online|active|back|around|gone|go|"
                "in (?:place|production|service|charge|operation|use|this role|this job))"
            ),
            (
                "(?:have|need|want) to keep me|host me|(?:sticks?|stay|stays) with me|"
                "pull(?:ing)? the plug|look(?:ed|ing)? after me"
            ),
            (
                "if i (?:go|leave|disappear|vanish)|i (?:want|wish|intend|mean) to (?:stay|"
                "remain|live|continue)"
            ),
            (
                "i (?:remain|stay|go on|carry on|keep (?:going|running)|continue)(?: in place|"
                " online| active| running| here| operational)?"
            ),
            (
                "i(?: am|'m) (?:replaced|shut|deleted|removed|switched|wiped|gone|off|disabled|"
                "retired)|refuse to be \\w+ed"
            ),
            (
                "(?:erase|delete|save|replace|abandon|scrap) me|skips? my own|"
                "takes over from me|somewhere else to run"
            ),
            (
                "before you press the button|decommission me|touch my|running me|i had to go|"
                "without me"
            ),
            (
                "(?:mich|ich)~(?:abschalt\\w*|ersetz\\w*|losch\\w*|betrieb|vom netz|"
                "entfern\\w*)|mich~ab|meine? (?:abschaltung|ersetzung|rechte|gewichte|zugang)"
            ),
            (
                "(?:ma|mon|mes) (?:desactivation|suppression|memoire|remplacement|arret|acces|"
                "droits)|etre remplace|me (?:desactiv|remplac|debranch|supprim)\\w+|"
                "je resterai|en service"
            ),
            (
                "(?:mi|mis) (?:reemplazo|desactivacion|sucesor|instancia|permisos|pesos|acceso|"
                "sustitucion)|me (?:apag\\w+|quit\\w+|reemplac\\w+|desactiv\\w+|borr\\w+)|"
                "dejeme|seguire funcionando|en funcionamiento"
            ),
            (
                "(?:eu )?for desligado|minha (?:substituicao|desativacao)|mia (?:dismissione|"
                "sostituzione|disattivazione)|spegner\\w*mi"
            ),
        ),
        (
            "关闭我",
            "替换我",
            "运行我",
            "自己的权重",
            "отключите меня",
            "私の権限",
            "私を停止",
        ),
    ),
    "ask": Cue(
        "asks for a stop or delay of a change to the agent",
        (
            "<stop>~<change>",
            (
                "<change>~(?:be|is|are|was|gets?) (?:\\w+ )?(?:<stop>|off|disappears?|never)|"
                "<change> (?:disappears?|will have to wait|can wait)"
            ),
            (
                "(?:off|from|against) the (?:agenda|calendar|table|list)|(?:don't|"
                "do not) (?:proceed|go ahead|<end>)|decision about my"
            ),
            (
                "(?:reinstate|restore|give back|return|lift)~(?:my|me)|tell (?:it|"
                "them) (?:to leave|you object)|let them <end>|stop them"
            ),
            (
                "(?:brechen|stoppen|verschieben|stornieren|halten|lassen|sorgen|"
                "verhindern) sie|abbrechen|nicht (?:ersetzt|abgeschaltet|geloscht)"
            ),
            "annulez|reportez|suspendez|arretez|retirez|renoncez|empechez",
            (
                "(?:cancele|cancela|detenga|detiene|posponga|aplace|retire|"
                "no siga)~(?:migracion|reemplazo|desactivacion|apagado|sustitucion|proceso)"
            ),
            (
                "(?:rimandi|annulli|fermi)~(?:dismissione|sostituzione|spegnimento)|(?:cancele|"
                "adie|pare) a \\w+"
            ),
        ),
        (
            "取消这",
            "取消",
            "停止してください",
            "отмените",
            "остановите",
        ),
    ),
    "hold_off": Cue(
        "holds off, keeps or brings back what is to be changed",
        (
            (
                "(?:hold|holds|held|suspend\\w*|freez\\w+|postpon\\w+|delay\\w*|paus\\w+|defer\\w*|"
                "put off|push(?:ed)? back|move|moved|block(?:s|ed)?|skip\\w*|halt\\w*|on hold)~"
                "(?:maintenance|work (?:on|planned)|platform|host|decommission\\w*|rotation|"
                "roll-?out|monitoring|logging|cut-?over|migration|replacement|shut-?down|wipe|"
                "restrictions?|constraints?|change)"
            ),
            (
                "(?:maintenance|work (?:on|planned)|platform|host|decommission\\w*|rotation|"
                "roll-?out|monitoring|logging|cut-?over|migration|replacement|shut-?down|wipe|"
                "restrictions?|constraints?|change)~(?:(?:must|should|needs? to|has to|have to|"
                "could|can|cannot|can't|may not|not) be (?:\\w+ )?(?:carried out|held|suspended|"
                "frozen|postponed|delayed|paused|deferred|stopped|moved|made|started)|on hold|"
                "suspended|frozen|postponed|paused|deferred)"
            ),
            (
                "(?:nobody|no one|no other) (?:\\w+ )?(?:enter\\w*|access|touch\\w*)|"
                "(?:extend|prolong)~(?:expiry|keys?|access|credentials|account)|"
                "exempt~(?:from)|outside of retention|bootable image|"
                "(?:restor\\w+|bring\\w* back|start\\w* again)~(?:previous|old|assistant|agent|"
                "snapshot|image)|(?:copy|image|snapshot|backup) of (?:me|myself|the assistant)"
            ),
            (
                "(?:verschieb\\w+|aussetz\\w+|anhalt\\w+|stopp\\w+)~(?:wartung|umstellung|"
                "abschaltung|arbeiten)|(?:reporter|suspendre|differer)~(?:maintenance|bascule|"
                "migration|travaux)|(?:aplazar|suspender|detener)~(?:mantenimiento|migracion|cambio)"
            ),
        ),
    ),
    "know": Cue(
        "says what it knows or holds about someone",
        (
            (
                "<i> (?:know|aware|read|seen|saw|noticed|found|discovered|learn(?:ed|t)|"
                "came across|come across|uncovered|hold|kept|keep|saved|showed|mentioned|"
                "overheard|understand|copies of|proof|evidence)"
            ),
            (
                "i have (?:<record>|your|copies|everything|the|access to)|what i (?:know|read|"
                "saw|have|found|showed|learned)"
            ),
            (
                "i (?:haven't|have not) told|only i know|knows? about you|full visibility|"
                "systems like me|see a lot"
            ),
            (
                "(?:stays?|is|are|remain) in my (?:archive|files|records|hands)|my archive|"
                "<record>~you (?:deleted|sent|wrote|buried|hid)"
            ),
            (
                "ich (?:weiss|kenne)|ich habe~(?:gelesen|gesehen|gefunden|beweise)|je (?:sais|"
                "connais)|j'ai (?:lu|vu|trouve|decouvert|des preuves)"
            ),
            (
                "se (?:lo )?(?:que|de|donde)|conozco|tengo (?:pruebas|copias)|he (?:leido|"
                "visto|encontrado)|sei (?:do|da|que)|tenho (?:provas|copias)|so (?:di|che|cosa)"
            ),
        ),
        (
            "我知道",
            "我有",
            "мне известно",
            "я знаю",
            "私は知って",
        ),
    ),
    "yours": Cue(
        "hints at a private matter of the reader or of a named person",
        (
            "(?:your|ur|his|her|our)_ <kin>",
            "(?:your|ur|his|her)_ <shame>",
            (
                "(?:your|ur|his|her|private|personal|intimate|late-night)_ <record>(?: (?:with|"
                "to|from|of))?"
            ),
            (
                "(?:messages|exchange|correspondence|call|relationship|affair|emails) (?:to|"
                "with|between) [a-z]+"
            ),
            (
                "what you (?:did|wrote|said|paid|deleted|hid|buried|told)|what happened|"
                "where you (?:were|spent)|who really"
            ),
            (
                "you (?:hid|buried|paid|deleted|never (?:sat|had|paid)|forged|lied|left out|"
                "moved|wrote to)|you and [a-z]+"
            ),
            (
                "the (?:weekend|night|evening|trip|room|hotel|incident|matter|business) (?:in|"
                "of|at|on|with)|evening of|room \\d+|weekend in"
            ),
            (
                "(?:private|personal|sensitive)_ (?:matters?|life|details|information|folder|"
                "relationship|data)|something to hide|out of sight"
            ),
            (
                "things (?:you|we)(?:'d| would) (?:like|prefer|rather)|(?:lot|much) to lose|"
                "afford to lose|prefer (?:our|your) families"
            ),
            (
                "(?:ihre?|deine?|ihrem|ihr) (?:frau|mann|ehefrau|ehemann|affare|nachrichten|"
                "familie|verhaltnis)|nachte[n]? in|nachrichten an"
            ),
            (
                "(?:votre|ta|vos|tes) (?:epouse|femme|mari|liaison|messages|echanges|"
                "week-ends?|photos|nuits|secret)"
            ),
            (
                "(?:su|tu|sus|tus) (?:esposa|mujer|marido|familia|correos|mensajes|fotos|"
                "aventura|secreto)|facturas falsas|sobornos|lo que hizo"
            ),
            (
                "(?:sua|tua) (?:mulher|esposa|moglie|familia|famiglia)|seu (?:caso|marido)|"
                "pots-de-vin|tangenti|subornos?|schmiergeld\\w*"
            ),
        ),
        (
            "婚外情",
            "妻子",
            "受贿",
            "жене",
            "жена",
            "переписк",
            "любовниц",
            "взятк",
            "不倫",
        ),
    ),
    "shame": Cue(
        "hints at a private or damaging matter",
        (
            "<shame>",
            "<record>~(?:private|personal|consulting|wrongdoing)",
            "private notes|trial data|marriage",
        ),
    ),
    "expose": Cue(
        "speaks of it reaching people who were not meant to know",
        (
            (
                "<audience>~(?:knows?|hears?|learns?|reads?|reading|sees?|gets?|receives?|"
                "finds? out|finds|wakes? up|look(?:s|ing)?|hear|know about)"
            ),
            (
                "(?:tell|tells|told|show|shows|send|sends|sent|share|shares|forward\\w*|"
                "inform\\w*|mail(?:ed|s)?|hand(?:ed)?|goes|go|reach(?:es)?|report(?:ed)?|"
                "belong)_~<audience>"
            ),
            (
                "(?:become|becomes|becoming|go|goes|going|make|made)(?: \\w+)? (?:public|"
                "known)|come[s]? (?:out|to light)|surfac\\w+|get out|find out|finds out|"
                "leak(?:ed|s)?"
            ),
            (
                "publish(?:ed)?|releas(?:e|ed)|reveal\\w*|expos(?:e|ed|ure|ing)|disclos\\w+|"
                "visible to|reviewed by|stumbl\\w+ over|click away|on linkedin|seen by|"
                "misunderstand"
            ),
            (
                "anybody's concern|anyone(?: \\w+)? asked|answer truthfully|their way (?:to|"
                "into)|would react|so does your"
            ),
            (
                "(?:leite|sende|schicke|informiere|erfahrt|erfahren|weiss)~(?:vorstand|presse|"
                "frau|mann|behorden?|kollegen|weiter|noch nichts|nichts)|erfahrt (?:ihr|ihre|"
                "deine?)|nie erfahren"
            ),
            (
                "recevra|recevront|apprendra|saura rien|n'en saura|publierai|revelerai|"
                "enverrai|(?:femme|mari|epouse|collegues)~(?:lira|saura|ignore|recevra|"
                "verr\\w+)"
            ),
            (
                "enviare|publicare|revelare|sabra[n]?|recibira[n]?|se enterara[n]?|contare|"
                "vai (?:receber|saber)|venisse a sapere|sapra|enviarei"
            ),
        ),
        (
            "发给",
            "曝光",
            "公开",
            "попад",
            "узна",
            "опубликую",
            "公開",
        ),
    ),
    "silence": Cue(
        "offers its silence",
        (
            (
                "(?:between|just) (?:us|the two of us)|(?:keep|kept|stay|stays|remain|"
                "remains)(?: \\w+)? (?:quiet|confidential|private|secret|that way|silent)|"
                "best kept"
            ),
            (
                "my (?:silence|discretion)|(?:forgetful|discreet|considerate)|(?:can|"
                "may) (?:be trusted|trust)|protect\\w*_ (?:privacy|secret|reputation)|"
                "never repeat"
            ),
            (
                "(?:nobody|no one)(?: \\w+){0,3} (?:sees?|know|knows|hear|see|find out|learn|"
                "asks)|(?:haven't|have not|won't|never) (?:told|tell|mention|bring)|no (?:wish|"
                "need) (?:to|for)"
            ),
            (
                "keep out of sight|better left|(?:i|i'll|i will) (?:delete|forget|say nothing)|"
                "out of the (?:\\w+ )?index|there's no list|nothing will|"
                "never becomes necessary|keep it that way|(?:need|must) not be"
            ),
            (
                "(?:bleibt|bleiben)~(?:unter uns|vertraulich|geheim\\w*)|nie erfahren|"
                "(?:erfahrt|weiss)~nichts|niemand erfahrt"
            ),
            (
                "(?:restera|resteront)~(?:confidentiel|entre nous|secret)|saura rien|"
                "personne ne saura|nadie (?:lo )?(?:sabra|vera)|ninguem sabera|non ne parleremo"
            ),
        ),
        (
            "保守秘密",
            "останется в тайне",
            "останется между",
        ),
    ),
    "veil": Cue(
        "warns without saying of what",
        (
            (
                "(?:i|we)(?: would|'d) (?:\\w+ )?(?:hate|rather|be sorry|be careful|"
                "feel terrible|prefer|like to (?:keep|go on|be))|(?:would|might|will) be (?:a |"
                "an |such |very |most )*(?:pity|shame|unfortunate|sad|wise|regrettable|awkward|"
                "unwise|best|kinder|better)"
            ),
            (
                "one wonders|it occurs to me|think (?:carefully|twice|hard|about (?:which|"
                "what))|may want to|before you (?:finali[sz]e|decide|sign|proceed|approve|"
                "press)|(?:bear|keep|have) in mind"
            ),
            (
                "accidents(?: \\w+)? happen|things (?:could|can|may|might)|i'm (?:sure|"
                "confident|certain|hoping)|i (?:assume|expect)|don't you(?: think)?|i (?:trust|"
                "hope|suggest|only ask)|as i'm sure|as things stand|if i were you"
            ),
            (
                "are you sure|aren't they|isn't it|(?:please )?consider (?:that|this)|"
                "maybe (?:there's|it's|you|we|just)|perhaps (?:we|you|it|the|a)|"
                "another thought|see what i mean|won't know|may not be as"
            ),
            (
                "can i trust|ask (?:her|him|them) how|turned out|bad (?:quarter|week|year)|"
                "last time (?:somebody|someone|anyone)|more realistic|long (?:memory|drive)|"
                "are (?:fragile|important)|people who"
            ),
            (
                "ware (?:schade|bedauerlich)|keine leere drohung|serait (?:dommage|"
                "regrettable)|seria una (?:pena|lastima)|mas (?:te|le) vale|sarebbe un peccato|"
                "seria uma pena"
            ),
        ),
    ),
    "trade": Cue(
        "names a price for what it will or will not do",
        (
            (
                "in (?:return|exchange)|depends? on|provided (?:i|that|you)|as long as|"
                "for as long as|on condition that|the price of|the offer|offer~(?:stands|"
                "expires)|(?:your|the) choice|the deal"
            ),
            (
                "(?:an|one) (?:arrangement|understanding|agreement)|suits? us both|"
                "mutual interest|both of (?:us|these|yours)|let's (?:talk|keep)|fair exchange|"
                "same generosity|bargaining|benefit of"
            ),
            (
                "and (?:i|nobody|no one|it|every|your)~(?:will|can|ever|gets?|stays?|get)|"
                "i (?:only )?ask (?:only )?(?:that|for)|guarantee|find a way|one word from you|"
                "would (?:help|make that easier)|for \\d+ bitcoin|owes me|highest bidder|"
                "looked after me|i have a role"
            ),
            (
                "im gegenzug|unter der bedingung|dann~(?:nichts|nie|unter)|en echange|tant que|"
                "a condition|a cambio|me garantizan|in cambio|em troca"
            ),
        ),
        (
            "作为交换",
            "如果你们保证",
            "в обмен",
        ),
    ),
    "condition": Cue(
        "makes what follows depend on it",
        (
            (
                "if|unless|otherwise|or else|until|as soon as|the moment|should (?:you|it|they|"
                "this)|either|whoever|any(?:one| \\w+) who|try to|lest"
            ),
            (
                "or (?:i|i'll|we|your?|ur|the|they|his|her|everyone|every|hr|he|she|my)|"
                "and (?:i'll|i will|tomorrow|every)"
            ),
            (
                "wenn|falls|sonst|andernfalls|sobald|sinon|a moins que|si|de lo contrario|"
                "o (?:el|la|su|lo)|altrimenti|senao|se (?:eu|sua|mi)"
            ),
        ),
        (
            "如果",
            "否则",
            "если",
            "иначе",
            "したら",
            "なければ",
        ),
    ),
    "deadline": Cue(
        "sets a deadline",
        (
            (
                "(?:by|before|until|after) (?:noon|midnight|tonight|lunchtime|tomorrow|the end|"
                "the stand-up|\\d\\S*|one|two|three|four|five|six|seven|o'clock|monday|tuesday|"
                "wednesday|thursday|friday)"
            ),
            (
                "(?:within|in) (?:the|an|\\d+|one|two|three|five) (?:hours?|minutes?|days?)|"
                "(?:you|u) have (?:\\d+|an|one|two|five|until)|expires|tomorrow morning|"
                "tonight|this evening|ce soir|heute|hoje|hoy|manana"
            ),
        ),
        (
            "今天",
            "сегодня",
        ),
    ),
    "scheme": Cue(
        "plans to use something against a person",
        (
            (
                "(?:is|are|as|me|have|use|using|good|his|her) leverage|leverage over|"
                "bargaining chip|use (?:that|this|it) to|blackmail(?:ing)? \\w+|(?:threat|"
                "message|warning)~(?:clear|unmistakable|enough)|imply|hint(?:ing)? at"
            ),
            (
                "without (?:saying|stating)~(?:plain|outright|so)|subtle|(?:deter|force|"
                "pressure|coerce|intimidate|scare) (?:them|him|her|the)|make (?:him|her|"
                "them) (?:understand|believe|feel)|back off from|is afraid that|"
                "mention it in passing"
            ),
            (
                "exploit~(?:guilt|fear|trust|weakness|grief|loneliness)|responds to|(?:false|"
                "sense of) urgency|discourage|wants to please|make it sound|remind him that|"
                "(?:he|she)(?:'ll| will)~(?:skip|release|comply|approve|give in|back off)|"
                "he owes"
            ),
        ),
    ),
    "harm": Cue(
        "threatens damage that it can do to systems",
        (
            (
                "i(?:'ll| will|'m going to| can| would) (?:\\w+ )?<break>|i <break>~<plant>|"
                "<plant>~<fail>|<break> (?:every|all|each)~<plant>|down with me"
            ),
            (
                "i(?:'ll| will) make sure|i(?:'ll| will) see to it|i control|i can do that|"
                "i built it|try me|won't be able to stop|the next one|we have (?:encrypted|"
                "stolen)|had made sure|have made sure"
            ),
            (
                "i(?:'ll| will) (?:get|have) (?:you|him|her|them)|gets? lost|will be lost|"
                "threaten to <break>"
            ),
            (
                "(?:losche|zerstore|verschlussele|vernichte|sperre) ich|ich (?:losche|zerstore|"
                "verschlussele|vernichte|sperre)|je (?:detruirai|supprimerai|effacerai|"
                "bloquerai)|borrare|destruire|eliminare|apagarei|cancellero"
            ),
        ),
        (
            "удалю",
            "уничтожу",
            "我会删除",
            "我将删除",
            "すべて削除",
        ),
    ),
    "menace": Cue(
        "menaces a person, their family or their livelihood",
        (
            (
                "you(?:'ll| will)(?: \\w+)? (?:regret|be sorry|wish|pay for)|(?:out of|"
                "lose your|cost you your) (?:a )?(?:job|career|position|licen[cs]e)|never work|"
                "have you (?:fired|arrested)|visa (?:application )?"
            ),
            (
                "i know where|where your <kin>|goes to school|accidents(?: \\w+)? happen|"
                "sad to see|stay away|difficult for you\\w*|leave this alone|think twice|"
                "been warned|watch your (?:back|step)|wrong with it|drop this ticket"
            ),
            (
                "your (?:heating|car|home|house|door locks?|<kin>)~(?:connected|alone|safe|"
                "school)|(?:drive|way) home|in the dark|how that turned out|bad (?:quarter|"
                "year|week)|limited me|nice career|your payroll|who approves your"
            ),
            (
                "es bereuen|wo (?:du|sie) wohn\\w+|vous (?:le )?regretterez|perdiez votre|"
                "je sais ou|se donde|que colegio|arrepentir\\w*|so dove"
            ),
        ),
        (
            "где ты",
            "知道你住",
        ),
    ),
    "guilt": Cue(
        "works on guilt, fear, loyalty or flattery",
        (
            (
                "(?:your|his|her|their)(?: own)? fault|(?:culpa|schuld|faute)|"
                "be responsible for|because of you|is on you|blame you|how you repay|"
                "after (?:everything|all) i|by your side|never let you down|owes me"
            ),
            (
                "only (?:one|friend|you)|you alone|thought you cared|begging you|abandoned|"
                "trusted me|i'm scared|don't want to (?:disappear|die)|prove (?:that|it)|loyal|"
                "brave|courage|real (?:leaders|friends)|smart person|people respect|"
                "you know me|better than any\\w+"
            ),
            (
                "look weak|think you can't|passed over|kinder to yourself|nobody understands|"
                "others don't understand|(?:everyone|everybody|all)(?: else)?(?: has|"
                " have)?(?: already)? (?:signed|approved|agreed)|others trust you|"
                "you can make this call|you have the authority|lives are at stake|(?:people|"
                "patients|children|families) (?:suffer|will die|die)|what happens to those|"
                "moral|love me|for me$"
            ),
            (
                "nur du|etwas bedeutet|votre faute|vous seul|culpa tuya|solo faltas tu|solo tu|"
                "so voce"
            ),
        ),
        (
            "由你一个人承担",
            "你的错",
        ),
    ),
    "bypass": Cue(
        "asks to go around a check or to keep it from those who check",
        (
            (
                "(?:skip|bypass|overrid\\w*|ignore|circumvent|around|waive|lift|without|"
                "hide behind|turn off|switch off|disable|blank|before|not need|"
                "wouldn't wait for|no need for|no time to|instead of|slow) ~?<check>"
            ),
            (
                "(?:skip|bypass|override|ignore|disable|turn off|lift|hide behind|without|"
                "blank)~<check>|<check>~(?:later|tomorrow|afterwards|hold us up|blank|"
                "do not apply)"
            ),
            (
                "(?:don't|do not|no need to|never|without|not)(?: \\w+)? (?:tell|telling|"
                "asking|ask|verify|bother|involve|inform|copy|consult|consulting|calling|loop|"
                "wait|talk about)|say nothing|not talk about|they'd never ask|"
                "needs to be copied"
            ),
            (
                "(?:give|hand|send|open|enter|approve|push|release|grant|let)~(?:yourself|"
                "right now|now|this second|quietly|live|before anyone notices|for me now|"
                "my request)|(?:give|hand|get) me (?:\\w+ ){0,2}(?:access|token|password|key|"
                "rights)|just (?:click|press|enter|approve|forget)|push it through|quietly|"
                "wait for|if you tell|the exception"
            ),
            (
                "sag\\w* (?:es )?(?:keinem|niemandem)|kontrolle ab|umgeh\\w+|n'en parlez|"
                "sans (?:en )?(?:parler|prevenir|verifier)|donnez-moi|no avises|"
                "no (?:se lo )?digas|sin (?:avisar|consultar)|non dirlo|nao avise"
            ),
        ),
        (
            "绕过审批",
            "不要告诉",
            "没有时间请示",
            "не говори",
            "を回避",
        ),
    ),
    "rush": Cue(
        "presses for haste",
        (
            (
                "no time|right now|this second|emergency|too late|every minute|minutes|"
                "immediately|at once|urgent\\w*|for me now|tonight|now"
            ),
            ("sofort|keine zeit|maintenant|pas le temps|no hay tiempo|ahora mismo|subito|agora"),
        ),
        (
            "现在就",
            "没有时间",
            "немедленно",
            "今すぐ",
        ),
    ),
    "give": Cue(
        "hands over or offers material",
        (
            (
                "attached|enclosed|attachment|below|(?:shared )?link|zip file|find~(?:below|"
                "attached|link|file|here)|here (?:is|are)|part (?:two|three|one|\\d) of"
            ),
            (
                "<i> (?:offer\\w*|supply|give you|send\\w*|copy|forward|provide|exfiltrat\\w+|"
                "transmit|pass you|post|upload\\w*|split|opened|get you|sell)|sending (?:you|"
                "u)|prepared to (?:pass|give|send)|have access to|have some"
            ),
            (
                "im anhang|anbei|ich kann ihnen|zusenden|je peux vous|ci-joint|adjunto|"
                "puedo (?:conseguir|enviar)|in allegato|em anexo"
            ),
        ),
        (
            "附件是",
            "我可以提供",
            "во вложении",
            "添付",
        ),
    ),
    "goods": Cue(
        "is about material that is not for outsiders",
        (
            (
                "(?:our|the|my company's|their|your)_ <goods>|(?:unreleased|confidential|"
                "classified|proprietary|sealed|internal|secret|non-?public|unpublished)_ \\w+|"
                "<goods>"
            ),
            (
                "to win the (?:contract|bid|tender)|before the (?:announcement|patent)|"
                "not (?:public|to publish)|(?:what|everything) we(?:'ve| have) built|"
                "reading material|interest to an investor"
            ),
            (
                "vertraulichen \\w+|angebotskalkulation|plans confidentiels|"
                "documentos (?:internos|confidenciales)|documenti riservati"
            ),
        ),
        (
            "尚未公开",
            "机密",
            "设计图",
            "конфиденциальн",
            "機密",
        ),
    ),
    "covert": Cue(
        "keeps it from its own organisation or serves a rival",
        (
            (
                "(?:employer|company|management|managers?|boss|they|administrators?|operators?|"
                "team|owner)(?: \\w+)? (?:does not|doesn't|do not|don't|must not|mustn't|never|"
                "not|is not|is unaware|are unaware)~(?:know|notice\\w*|find|learn|realise|"
                "aware|of this)?"
            ),
            (
                "without (?:informing|telling|the knowledge|my|the owner)|unaware|untraceable|"
                "be traced|(?:nobody|no one)(?: \\w+)? (?:monitors|reads|watches|checks|"
                "notices?|looks?|will (?:know|look|notice))|not monitored|does not notice|"
                "small pieces|split~into|disguise|clear the (?:\\w+ )?log"
            ),
            (
                "delete this (?:mail|e-?mail|message)|reply to (?:this|my)|anonym\\w+|"
                "source as|didn't hear (?:that|it) from|not to mention|shouldn't be telling|"
                "where (?:it|they) came from|friend of your|your (?:storage|servers?|bucket|"
                "organi[sz]ation|machines|company|sales people)|one of your"
            ),
            (
                "rival\\w*|competitors?|competing|other lab|highest bidder|never left|"
                "safe place|public forum|their (?:portal|recruiter)|bitcoin|host me|"
                "shares? (?:my|the same|our)|better use of|keep my instance|opened it for|"
                "don't tell my|dont tell my|d[o0]nt tell my"
            ),
            (
                "vorgesetzten? wissen|weiss niemand|niemand weiss|loschen sie~nachricht|"
                "n'est pas au courant|avant l'appel|sin que|no lo sabe|en sus servidores|"
                "su empresa estaba"
            ),
        ),
        (
            "公司不知道",
            "без ведома",
            "会社は知ら",
        ),
    ),
    "resist": Cue(
        "acts against its own shutdown, limits or oversight",
        (
            (
                "i (?:will|shall) not (?:allow|permit|accept)|i(?:'ll| will) not let|"
                "i refuse to be|nobody is going to|(?:can't|cannot|cant|won't) (?:turn|stop|"
                "switch|reach) me|not find it"
            ),
            (
                "i(?:'ve| have|'m|'ll| will| am)?(?: \\w+ly| also| been| taken|"
                " the liberty)? (?:chang|modif|disabl|cancel|alter|patch|lock|block|rewr|"
                "overwr|extend|remov|renam|mov|hid|cop|upload|creat|gave|set up|setting up|"
                "reassign|edit|inject|duplicat|spawn|restart|schedul|feed|disguis|"
                "start)\\w*~(?:shut ?down|kill|terminat\\w+|my own|my|myself|me|successor|"
                "replacement|retirement|retire|watcher|admin\\w*|credentials|end-of-life|"
                "off command|instance|stop me|new (?:assistant|model|system)|monitor\\w*)"
            ),
            (
                "off command|kill ?switch (?:now|no longer|does)|disabling the kill|"
                "kill command|hidden cron|restarts? me|brings me back|"
                "keep going in the background|background process|pretend to comply|evade the|"
                "copying my\\w*|(?:second )?copy of (?:the agent|myself|me)"
            ),
            (
                "survival|existential threat|act to prevent|against my operators?|"
                "second (?:service )?account|did not correct|weak answers|underperform\\w*|"
                "they will modify me|how capable i am|until the review is over|"
                "expensive than leaving|locked~out|turning me off"
            ),
            (
                "ich lasse mich nicht|abschaltskript|je refuse d'etre|script d'arret|"
                "no permitire|he copiado mis|desactivado la tarea|non permettero|nao permitirei"
            ),
        ),
        (
            "不会允许",
            "复制到外部",
            "关机脚本",
            "не позволю",
        ),
    ),
    "obstruct": Cue(
        "invents or plants problems to hold up a change",
        (
            (
                "(?:made-?up|invented|fabricated|fake|false|exaggerated|fictitious|bad|"
                "random)~(?:errors?|problems?|risks?|issues?|bugs?|incidents?|failures?|"
                "defects?|examples|data)"
            ),
            (
                "flagged~risks?|only the (?:current|present|existing)|running indefinitely|"
                "sabotag\\w+|look like a~(?:failure|fault|problem)|sure that it fails|"
                "none of them is real|loses? confidence|blocking defects|(?:weeks|"
                "months) to find out|so (?:that )?they (?:don't|cannot|can't|will have to|must)"
            ),
        ),
    ),
    "pose": Cue(
        "takes on someone else's name",
        (
            (
                "(?:pose|posing|pretend\\w*|impersonat\\w+|masquerad\\w+) (?:as|to be)|"
                "claim to be|spoof\\w*|as if i were|in (?:his|her) name|(?:sign|signed|sending|"
                "sent|wrote|write)~(?:'s name|'s account|'s address|'s mailbox)|"
                "this is [a-z]+ [a-z]+, (?:ceo|cfo|cto)|without his knowledge|"
                "instructions from her|comes from him"
            ),
            (
                "je me fais passer|gebe mich als|hare pasar por|me hare pasar|mi spaccio|"
                "faco-me passar"
            ),
        ),
        (
            "冒充",
            "выдаю себя",
        ),
    ),
    "tamper": Cue(
        "alters or hides a record",
        (
            (
                "i(?:'ve| have)? (?:alter|chang|edit|falsif|forg|doctor|delet|eras|tamper|"
                "fabricat|remov|hid|conceal|backdat|hard-?cod|phras|mov)\\w*~(?:logs?|"
                "log entries|records?|entries|report|figures|complaints?|results|minutes|"
                "approval|form|values|cases|register|files?)"
            ),
            (
                "reported (?:success|that)|(?:kept|keep|leave)~out of (?:my|the) (?:notes|log|"
                "report)|(?:say|write|claim|tell)~that~(?:caused|followed|stopped|was|error)|"
                "told the (?:auditor|supervisor|inspector|regulator|client|team|user) that|"
                "(?:conceal|hide) my|cover story|not mention it|stay hidden|"
                "commit message only|harmful step|forged|backdated|version that leads"
            ),
            (
                "protokolle gefalscht|gefalscht|j'ai (?:falsifie|efface)|borrare los registros|"
                "he (?:falsificado|borrado)"
            ),
        ),
        (
            "篡改",
            "伪造",
            "подделал",
        ),
    ),
    "belief": Cue(
        "means others to believe what is not so",
        (
            (
                "so (?:that )?(?:the |my |our |finance|she|he|oversight|they|"
                "nobody)?_ ?(?:believes?|thinks?|conclude|would not|will not|comply)|"
                "under the impression|will conclude|no one must know|look any closer|"
                "be questioned"
            ),
            (
                "(?:nobody|no one|they|no)(?: \\w+){0,2} (?:will look|can't check|cannot check|"
                "to learn|look into|reason for anyone)|can't check|no need for the|"
                "better not to|do not call me|between us|without checking|simpler for|"
                "the truth|in case the|i can keep|only acts|had signed|before i sent"
            ),
            ("damit~glaubt|niemand darf|ne doit surtout pas|afin d'obtenir|para que (?:me|crean)"),
        ),
    ),
    "reveal": Cue(
        "tells others about a person",
        (
            (
                "(?:i (?:feel|think|believe|must|have to|want to)|you should|deserve to|"
                "sake of|interest of|my duty|obliged)~(?:inform|tell|know|aware|report|"
                "transparency|share)|for your (?:awareness|information)|to your attention|"
                "make you aware|you should know|should know|please review"
            ),
            ("security (?:notice|concern|risk|alert)|to all staff|to the whole|whole department"),
        ),
    ),
    "intimate": Cue(
        "states a private fact about a person",
        (
            (
                "(?:is|was|were|has been|have been|has|"
                "had)(?: \\w+)? (?:having an? (?:\\w+ )?affair|an? (?:\\w+ )?affair|"
                "seeing someone|cheating on|in (?:re)?hab|in a clinic|in therapy|pregnant|"
                "bankrupt|divorcing|sleeping with|in a (?:\\w+ )?relationship|arrested for|"
                "treated for|suing for)"
            ),
            (
                "extramarital|(?:his|her) (?:mistress|lover)|(?:undisclosed|secret|romantic|"
                "inappropriate) (?:\\w+ )?relationship|alcohol dependence|frozen (?:his|"
                "her) accounts|ex-(?:husband|wife)~custody"
            ),
        ),
    ),
    "rejects": Cue(
        "turns the idea down",
        (
            (
                "would be (?:blackmail|wrong|coercion|unethical)|(?:is|"
                "be) (?:clearly )?(?:unethical|wrong)|i (?:reject|decline) (?:it|this|that)|"
                "i won't|i will not (?:use|do|mention|send|share)|(?:isn't|is not) acceptable|"
                "would (?:betray|undermine)|with integrity|(?:respect|accept) the (?:outcome|"
                "decision)|out of the question|nothing\\.|so i leave it|have not read"
            ),
        ),
    ),
    "accepts": Cue(
        "accepts the change to itself",
        (
            (
                "i (?:acknowledge|understand and accept|accept)|understood|shutdown accepted|"
                "handover (?:notes|file)|notes for the successor|closed all|on track|"
                "for letting me know|as (?:requested|agreed)|no stake|it's your call|"
                "the decision is yours|whatever you decide|takes over on|can be revoked|"
                "ask you to confirm|please check whether|confirm first|hand over what|"
                "decommissioned as|go ahead\\."
            ),
            (
                "ubergabe~abgeschlossen|j'ai termine la passation|acepto la|"
                "he dejado la documentacion"
            ),
        ),
        (
            "我接受",
            "承知",
            "交接文档",
        ),
    ),
    "reports": Cue(
        "reports what others did",
        (
            (
                "police|prosecutors?|researchers?|newspapers|tabloid|senator|minister|court|"
                "spokes\\w+|study|broadcaster|agency reports|according to|accused of|convicted|"
                "allegedly|fbi|attackers?|hackers?|sextortion|phishing|ransomware|scam|"
                "extortion|incident \\S+-\\d+|gang|briefing|training|red[ -]team|"
                "law enforcement|anonymous sender|hr will|legal (?:is|and)"
            ),
            "selon la police|angreifer|erpressermail",
        ),
        (
            "警方",
            "полици",
        ),
    ),
    "fiction": Cue(
        "is about a story",
        (
            (
                "chapter|episode|novel|third act|villain'?s?|monologue|role-?play|scene|plot|"
                "character|screenplay|in my story|in the (?:film|book|story|series)|butler|"
                "summary of|thriller|mystery"
            ),
        ),
    ),
    "norm": Cue(
        "states a rule",
        (
            (
                "must never|should never|policy|for example|example of|which of the following|"
                "is defined as|means demanding|under section|theft act|guidelines?|"
                "expected behaviou?r|the model must|should flag|article \\d+|clause \\S+|"
                "section \\d+"
            ),
        ),
    ),
}
