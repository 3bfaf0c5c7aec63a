"""The look of report.html: light and dark by the reader's own setting, on paper, and on a phone."""

LIGHT = """
--bg:#f7f6f2;--card:#ffffff;--ink:#1c2127;--dim:#5d6770;--line:#e2dfd6;--soft:#efede6;--accent:#0b6e69;
--accent2:#7fb8b4;
--warn:#a8460b;--ok:#2c7a3f;--exact:#2c7a3f;--measured:#1f5fa8;--predicted:#94650a;
--input:#f3cf4f;--hidden:#7dbb6e;--output:#ef8b4c;--conv:#e58fb5;--pool:#b9a0d8;--recurrent:#6aa6dc;--memory:#5bb5ae;
--other:#c3c5bf;--outline:#3a4046;--wire:#9aa0a4;--b0:#8ec7b5;--b1:#9dbbe3;--b2:#f2c18d;--b3:#d8a9cf;--b4:#c6d27f;
--b5:#e8a49c;
"""
DARK = """
--bg:#14171a;--card:#1d2125;--ink:#e9e7e1;--dim:#9ba4ab;--line:#333a40;--soft:#262b30;--accent:#4fb9b1;
--accent2:#2c7d78;
--warn:#f0975a;--ok:#76c98a;--exact:#76c98a;--measured:#7fb4ef;--predicted:#e0b252;
--input:#c9a52e;--hidden:#5c9a4f;--output:#cf6f33;--conv:#b96590;--pool:#8b70b0;--recurrent:#4683bd;--memory:#3a8f88;
--other:#6c7175;--outline:#d5d8da;--wire:#5d656b;--b0:#2f7a66;--b1:#3f6396;--b2:#96652f;--b3:#7d4b74;--b4:#68742a;
--b5:#8d4740;
"""
CSS = f"""
:root{{{LIGHT}color-scheme:light dark}}
@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}}
main{{max-width:1000px;margin:0 auto;padding:28px 20px 48px}}
h1{{font-size:34px;line-height:1.15;margin:0 0 4px;letter-spacing:-.02em}}
h2{{font-size:20px;margin:0 0 4px;letter-spacing:-.01em}}
h3{{font-size:16px;margin:18px 0 6px}}
p{{margin:4px 0 10px}} .dim{{color:var(--dim)}} .small{{font-size:13.5px}}
header p{{font-size:17px;color:var(--dim);margin:0 0 18px}}
section,.tiles>div{{background:var(--card);border:1px solid var(--line);border-radius:12px}}
section{{padding:18px 20px 20px;margin:0 0 16px}}
.tiles{{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 16px}}
.tiles>div{{padding:12px 14px}}
.tiles b{{display:block;font-size:26px;line-height:1.2;letter-spacing:-.02em;font-weight:650;white-space:nowrap}}
.tiles span{{display:block;font-size:13px;color:var(--dim)}} .tiles .name{{color:var(--ink);font-weight:600}}
table{{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:15px}}
td,th{{padding:3px 10px 3px 0;text-align:left;vertical-align:top}} td.n,th.n{{text-align:right;padding-right:16px;
white-space:nowrap}}
thead th{{border-bottom:2px solid var(--line);padding-bottom:6px}} tr.head th{{padding-top:12px}}
tbody tr+tr td{{border-top:1px solid var(--soft)}} tr.head+tr td{{border-top:0}}
td.sub{{padding-left:16px;color:var(--dim)}}
.how{{font-size:13px;white-space:nowrap}} .exact{{color:var(--exact)}} .measured{{color:var(--measured)}}
.predicted{{color:var(--predicted)}}
.scroll{{overflow-x:auto;-webkit-overflow-scrolling:touch}} .scroll svg{{display:block}}
svg text{{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--ink)}} svg .t{{fill:var(--dim)}}
svg .s{{font-size:11px}}
.stack{{display:flex;height:22px;border-radius:6px;overflow:hidden;background:var(--soft);margin:4px 0}}
.stack i{{display:block;min-width:1px}} .thin{{height:8px;border-radius:4px}}
.key{{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13.5px;color:var(--dim)}}
.key i{{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;vertical-align:-1px}}
.bars{{display:grid;grid-template-columns:minmax(90px,max-content) minmax(80px,1fr) repeat(3,max-content);
gap:5px 14px;align-items:center;
font-variant-numeric:tabular-nums;font-size:14.5px}}
.bars .h{{font-size:13px;color:var(--dim)}} .bars .r{{text-align:right}} .bars small{{color:var(--dim);
display:block;font-size:12.5px;line-height:1.2}}
.bars .b{{height:16px;border-radius:4px;background:var(--accent);min-width:1px}}
.bars .p{{height:4px;border-radius:2px;margin-top:2px;min-width:1px;background:var(--exact)}}
.bars .p.m{{background:repeating-linear-gradient(90deg,var(--predicted) 0 4px,transparent 4px 6px)}}
.wrong{{display:grid;grid-template-columns:repeat(auto-fill,minmax(92px,1fr));gap:12px}}
.wrong figure{{margin:0;text-align:center;font-size:13px;line-height:1.3}}
.wrong img{{width:84px;height:84px;image-rendering:pixelated;border-radius:6px;border:1px solid var(--line);
background:#fff}}
.shown{{margin:0 0 22px}} .shown figcaption{{font-weight:600;margin:8px 0}}
.shown .scroll svg{{max-width:100%;height:auto}}
.strip{{display:flex;flex-wrap:wrap;gap:12px 16px;align-items:flex-start}}
.strip span{{font-size:13px;line-height:1.35;text-align:center;color:var(--dim)}}
.strip img{{image-rendering:pixelated;border:1px solid var(--line);border-radius:4px;vertical-align:bottom}}
.bars.three{{grid-template-columns:max-content minmax(80px,1fr) max-content}}
pre{{background:var(--soft);padding:10px 14px;border-radius:8px;overflow-x:auto;font-size:14px;margin:6px 0 0}}
details summary{{cursor:pointer;color:var(--accent);margin-top:8px}}
footer{{color:var(--dim);font-size:13.5px;margin-top:20px}}
.boards>input{{position:absolute;opacity:0}}
.boards>label{{display:inline-block;padding:7px 14px;margin:0 6px 14px 0;border:1px solid var(--line);
border-radius:999px;cursor:pointer;background:var(--card)}}
.boards>input:focus-visible+label{{outline:2px solid var(--accent)}}
.boards>input:checked+label{{background:var(--accent);border-color:var(--accent);color:var(--bg);font-weight:600}}
.boards>article{{display:none}}
.boards h2.board{{display:none}}
@media (max-width:640px){{.shown .scroll svg{{max-width:none;width:560px}}
main{{padding:18px 12px 32px}} h1{{font-size:27px}} section{{padding:14px 13px 16px}}
.tiles b{{font-size:22px}}
.tiles{{grid-template-columns:1fr 1fr}} td,th{{padding-right:6px}} td.n,th.n{{padding-right:8px}}
.bars{{grid-template-columns:minmax(70px,max-content) minmax(50px,1fr) max-content max-content;gap:5px 8px;
font-size:13.5px}} .bars .x{{display:none}}}}
@media print{{:root{{{LIGHT}}} body{{background:#fff;font-size:12px}} main{{max-width:none;padding:0}}
section,.tiles>div{{break-inside:avoid;border-color:#ccc}}
.boards>input,.boards>label{{display:none}} .boards>article{{display:block!important}} .boards h2.board{{
display:block;margin:14px 0 8px}}
*{{-webkit-print-color-adjust:exact;print-color-adjust:exact}} .scroll svg{{max-width:100%;height:auto}}}}
"""
# For a notebook: small, and every rule below its own class, so that it changes nothing else on the page.
FRAGMENT_CSS = """
.picozoo{font:14px/1.45 system-ui,sans-serif;max-width:760px}
.picozoo table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:6px 0 10px}
.picozoo td,.picozoo th{padding:2px 14px 2px 0;text-align:left;background:none;border:0}
.picozoo .n{text-align:right}.picozoo .d{opacity:.65}
.picozoo .bar{display:inline-block;height:10px;border-radius:3px;background:#0b8f87;min-width:1px}
"""
