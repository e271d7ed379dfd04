"""The page's style sheet: light and dark, by what the reader's system says."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#1c2330;--soft:#5b6576;--line:#e2e6ec;--good:#1a7f4b;
--bad:#c22f3a;--warn:#96660a;--c0:#3b6fd4;--c1:#e08a1e;--c2:#3a9d8f;--c3:#a0569d;--c4:#8a7a3a;--c5:#6b7686}
@media (prefers-color-scheme:dark){:root{--back:#12161d;--card:#1b212b;--ink:#e6eaf1;--soft:#98a3b5;--line:#2c3441;
--good:#4cc38a;--bad:#ff6b75;--warn:#e2b04a;--c0:#7aa2f7;--c1:#f0a94e;--c2:#5cc7b8;--c3:#cc8fca;--c4:#c4b163;--c5:#9aa5b5}}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:14px/1.45 system-ui,sans-serif}
header,main{max-width:1320px;margin:0 auto;padding:16px 20px}header{display:flex;align-items:baseline;gap:14px}
h1{font-size:22px;margin:0}h2{font-size:19px;margin:28px 0 2px}h3{font-size:14px;margin:0 0 6px}
header p,.about,.note{color:var(--soft);margin:0 0 8px;overflow-wrap:anywhere}
.panels{columns:430px;column-gap:14px}.panels section{break-inside:avoid;margin-bottom:14px}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px;
min-width:0;overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;color:var(--soft);font-weight:500}
td,th{padding:4px 10px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
td:not(:last-child){white-space:nowrap}td:last-child{overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}a{color:var(--c0)}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font:10.5px system-ui,sans-serif}
.grid{stroke:var(--line)}.level{stroke:var(--bad);stroke-dasharray:4 3}line.usual{stroke:var(--ink);stroke-width:2}
polyline{fill:none;stroke-width:1.8}.l0{stroke:var(--c0)}.l1{stroke:var(--c1)}.l2{stroke:var(--c2)}.l3{stroke:var(--c3)}
.l4{stroke:var(--c4)}.l5{stroke:var(--c5)}.c0{fill:var(--c0);background:var(--c0)}.c1{fill:var(--c1);background:var(--c1)}
.c2{fill:var(--c2);background:var(--c2)}.c3{fill:var(--c3);background:var(--c3)}.c4{fill:var(--c4);background:var(--c4)}
.c5{fill:var(--c5);background:var(--c5)}.legend{display:flex;
flex-wrap:wrap;gap:4px 14px;color:var(--soft);margin:2px 0 10px;
font-size:12px}.legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
.legend i.usual{height:3px;background:var(--ink);border-radius:0;vertical-align:middle}
"""
