"""How the page looks: one column on a telephone, dark where its reader has it so, and nothing from elsewhere."""

STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #fff; --ink: #1b2230; --soft: #5b6577; --line: #dfe3ea;
  --good: #13753f; --warn: #8f5600; --bad: #b3261e; --rows: #3b6fd4; --time: #d98a1f; }
@media (prefers-color-scheme: dark) { :root { --paper: #12151b; --card: #1b2029; --ink: #e6e9ef; --soft: #9aa5b8;
  --line: #2f3745; --good: #5cc98b; --warn: #e6b04f; --bad: #ff8a80; --rows: #7aa5f5; --time: #e9ab55; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: .2rem 0 .4rem; font-size: 1.6rem; line-height: 1.2; }
h2 { margin: 0 0 .6rem; font-size: 1.1rem; }
h3 { margin: 1rem 0 .4rem; font-size: .95rem; }
p { margin: .3rem 0; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
header, section { margin: 0 0 1rem; padding: 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; }
header { border-top: .35rem solid var(--good); }
header.bad { border-top-color: var(--bad); }
header.trial { border-top-color: var(--rows); }
footer, .soft, .comment, th { color: var(--soft); }
footer { padding: 0 1rem 2rem; font-size: .85rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem; margin: .6rem 0 0; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem; margin-top: 1rem; }
.numbers div { padding: .5rem .7rem; border: 1px solid var(--line); border-radius: .4rem; font-size: .85rem; }
.numbers b { display: block; font-size: 1.35rem; }
.attention { margin: 0 0 .6rem; padding: .1rem 0 .1rem .8rem; border-left: .25rem solid var(--warn); }
.attention.error { border-left-color: var(--bad); }
.attention.note { border-left-color: var(--line); }
.proofs { list-style: "✓  "; color: var(--good); }
.proofs span { color: var(--ink); }
pre { margin: .4rem 0; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .4rem;
  background: var(--paper); white-space: pre-wrap; font: .8rem/1.5 ui-monospace, monospace; }
pre span { display: block; min-height: 1.5em; padding-left: 1.5em; text-indent: -1.5em; }
details { margin: .4rem 0; }
summary { cursor: pointer; padding: .25rem 0; font-weight: 600; }
table { width: 100%; border-collapse: collapse; font-size: .85rem; }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th.number, td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th:last-child, td:last-child { padding-right: 0; }
.pictures { display: grid; gap: 1.5rem 3rem; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
.pictures > div { max-width: 34rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .said { fill: var(--soft); }
.rows { fill: var(--rows); color: var(--rows); }
.time { fill: var(--time); color: var(--time); }
.bad { fill: var(--bad); }
@media (max-width: 44rem) {
  body { padding: .5rem; }
  thead { display: none; }
  table, tbody { display: block; }
  tr { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  td { display: block; padding: 0; border: 0; }
  td.text { flex: 1 1 100%; }
  td.number::before, td.text:not(:first-child)::before { content: attr(data-name) " "; color: var(--soft); }
  td:empty { display: none; }
  td:first-child { font-weight: 600; }
}
@media print { body { background: none; } details { break-inside: avoid; } }
"""
