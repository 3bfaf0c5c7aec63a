"""The example of an export: one real call of the network, compared with what the reference gives."""

from __future__ import annotations

from picozoo.export._package import Package, byte_table, comparison


def main_c(p: Package, *, prelude: str = "", entry: str = "int main(void)", include: str = "") -> str:
    """A C file with one entry function that runs the example.

    Args:
        prelude: more lines after the includes.
        entry: signature of the entry function; one that returns void loops for ever in the end.
        include: how the network's header is included; by default "NAME.h".
    """
    tables = "\n".join(byte_table(port) for port in (*p.inputs, *p.outputs))
    fill = "\n".join(f"  memcpy({port.macro}(&net), {port.array}, sizeof {port.array});" for port in p.inputs)
    return f"""\
/* Example: one call of {p.name}, compared with what picozoo's reference gives. Change it as you like.

   Compile with -DEXAMPLE_NO_STDIO where there is no printf: the result is then what run_example() returns. */
#include "{include or p.name + ".h"}"

#include <string.h>
#ifndef EXAMPLE_NO_STDIO
#include <stdio.h>
#endif
{prelude}
/* All memory of the network. Nothing is allocated; two networks, or two instances, can live side by side. */
static {p.name}_t net;

/* ---- one real call: what goes in, and what must come out ---- */

{tables}
/* 0 if the outputs are as expected. */
static int run_example(void) {{
  int wrong = 0;
  {p.name}_init(&net);
{fill}
  {p.function}(&net);
{comparison(p)}
  return wrong;
}}

{_main(p, entry)}"""


def _main(p: Package, entry: str) -> str:
    returns = not entry.startswith("void")
    shown = p.outputs[0]
    kind = ("float", "%g", "(double)") if shown.slot.type.is_float else ("long", "%ld", "(long)")
    most = min(shown.slot.type.size, 16)
    return f"""\
{entry} {{
  int wrong = run_example();
#ifndef EXAMPLE_NO_STDIO
  printf("{p.name}: %s\\n", wrong ? "NOT as expected" : "as expected");
  for (int i = 0; i < {most}; ++i) printf("{kind[1]}%s", {kind[2]}{shown.macro}(&net)[i], i + 1 < {most} ? " " : "\\n");
#endif
{"  return wrong;" if returns else "  (void)wrong;"}
}}
"""
